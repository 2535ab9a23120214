"""The contract that every task passes: one class of tests, inherited by each task."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
import timm
import torch

from backbones import weights
from backbones.errors import InputError
from bench.runs.recording import redirected
from bench.tasks.architectures import resolve
from bench.tasks.contract import Job, Outcome, Protocol, Task
from bench.tasks.metrics import METRICS, TITLES
from bench.tasks.registry import get_task, load_protocol, task_names
from tests.bench.conftest import TINY_OPTIONS, TINY_PROTOCOLS

PDARTS = resolve("PDARTS")
MOBILENET = resolve("timm:mobilenetv3_small_050")


def run(task: Task, protocol: Protocol, folder: Path, seed: int = 0) -> tuple[Outcome, list[float]]:
    """Run a job as the pipeline does, the libraries' output out of the way."""
    told: list[float] = []
    folder.mkdir(parents=True, exist_ok=True)
    job = Job(protocol, PDARTS, seed, folder, progress=lambda fraction, doing: told.append(fraction))
    with (folder / "output.log").open("w") as log, redirected(log):
        return task.run(job), told


class TaskContract:
    name: str
    #: Whether a protocol of the digits starts from weights.
    starts_from_weights = True
    #: Whether a run trains the network and leaves its weights.
    trains = True

    @pytest.fixture
    def loaded(self, on_mini_digits: Path) -> tuple[Task, Protocol]:
        return load_protocol(TINY_PROTOCOLS[self.name], TINY_OPTIONS[self.name])

    def test_it_is_registered_with_its_metrics(self) -> None:
        task = get_task(self.name)
        assert task.name == self.name
        assert task.title == TITLES[self.name]
        assert task.metrics == METRICS[self.name]

    def test_a_validated_config_is_plain_and_validates_to_itself(self, loaded: tuple[Task, Protocol]) -> None:
        task, protocol = loaded
        config = dict(protocol.config)
        assert json.loads(json.dumps(config)) == config
        assert task.validate(config, "again") == config

    def test_an_unknown_key_is_named_with_its_file(self, loaded: tuple[Task, Protocol]) -> None:
        task, protocol = loaded
        with pytest.raises(InputError, match=r"my_file\.py.*task_kind") as caught:
            task.validate({**protocol.config, "task_kind": 1}, "my_file.py")
        assert "\n" not in str(caught.value)

    def test_changed_options_mark_the_run_as_reduced(self, loaded: tuple[Task, Protocol]) -> None:
        protocol = loaded[1]
        assert "option embedded=None" in protocol.reasons(pretrained=True)
        assert ("not pretrained" in protocol.reasons(pretrained=False)) == self.starts_from_weights
        assert "not pretrained" not in protocol.reasons(pretrained=True)

    def test_the_data_are_counted_and_fingerprinted(self, loaded: tuple[Task, Protocol]) -> None:
        task, protocol = loaded
        report = task.check(protocol)
        assert report.counts
        assert all(count > 0 for count in report.counts.values())
        assert re.fullmatch(r"sha256:[0-9a-f]{64}(,sha256:[0-9a-f]{64})*", report.fingerprint)
        assert task.check(protocol) == report

    def test_the_workload_is_told_without_data(self, loaded: tuple[Task, Protocol]) -> None:
        task, protocol = loaded
        found = task.workload(protocol, PDARTS, {"train images": 7})
        assert (found.images, found.separable) == (7, True)
        assert found.total == 3 * found.epochs * 7 * found.macs
        assert not task.workload(protocol, resolve("timm:resnet18"), {"train images": 7}).separable
        with pytest.raises(InputError, match="nobody says how many training images"):
            task.workload(protocol, PDARTS, {})

    def test_missing_data_are_named(self, on_mini_digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("WILDNAS_DIGITS", str(on_mini_digits / "nowhere"))
        task, protocol = load_protocol(TINY_PROTOCOLS[self.name], TINY_OPTIONS[self.name])
        with pytest.raises(InputError, match="nowhere") as caught:
            task.check(protocol)
        assert "\n" not in str(caught.value)

    def test_a_run_ends_with_finite_metrics_and_weights_that_moved(
        self, loaded: tuple[Task, Protocol], tmp_path: Path
    ) -> None:
        task, protocol = loaded
        outcome, told = run(task, protocol, tmp_path / "a")
        known = {metric.key: metric for metric in task.metrics}
        assert outcome.metrics
        assert set(outcome.metrics) <= set(known)
        assert all(map(math.isfinite, outcome.metrics.values()))
        assert all(0 <= value <= 100 for key, value in outcome.metrics.items() if known[key].unit == "%")
        assert all(count >= 0 for count in outcome.counts.values())
        assert any(count > 0 for count in outcome.counts.values())
        assert outcome.cost.params > 0
        assert outcome.cost.published_macs > outcome.cost.macs > 0
        assert told == sorted(told)
        assert told[-1] == 1.0
        again, _ = run(task, protocol, tmp_path / "b")
        assert again.metrics == outcome.metrics
        if not self.trains:
            assert outcome.checkpoint is None
            assert run(task, protocol, tmp_path / "c", seed=1)[0].metrics != outcome.metrics
            return
        assert outcome.checkpoint is not None
        trained = weights.read_state_dict(outcome.checkpoint)
        assert all(bool(torch.isfinite(value).all()) for value in trained.values() if value.is_floating_point())

        assert again.checkpoint is not None
        same = weights.read_state_dict(again.checkpoint)
        assert all(torch.equal(trained[name], same[name]) for name in trained)

        other, _ = run(task, protocol, tmp_path / "c", seed=1)
        assert other.checkpoint is not None
        different = weights.read_state_dict(other.checkpoint)
        learned = [name for name in trained if name.endswith("weight") and trained[name].dim() > 1]
        assert learned
        assert all(not torch.equal(trained[name], different[name]) for name in learned)

    def test_a_timm_model_stands_where_a_genotype_stands(self, loaded: tuple[Task, Protocol], tmp_path: Path) -> None:
        task, protocol = loaded
        network = timm.create_model("mobilenetv3_small_050", num_classes=10)
        network.bn1.num_batches_tracked.fill_(1000)
        started = weights.save(network, tmp_path / "started.pth", MOBILENET.design)
        job = Job(protocol, MOBILENET, 0, tmp_path / "work", weights=started)
        job.work_dir.mkdir()
        if not self.trains:
            with pytest.raises(InputError, match=r"started\.pth: .* without weights"):
                task.run(job)
            job = replace(job, weights=None)
        with (tmp_path / "output.log").open("w") as log, redirected(log):
            outcome = task.run(job)
        assert outcome.metrics
        assert outcome.cost.params > 0
        if not self.trains:
            return
        assert outcome.checkpoint is not None
        trained = weights.read_state_dict(outcome.checkpoint)
        batches = next(value for name, value in trained.items() if name.endswith("bn1.num_batches_tracked"))
        # It went on from the weights that were given.
        assert 1000 < int(batches) < 1100

    def test_speed_is_measured(self, loaded: tuple[Task, Protocol]) -> None:
        task, protocol = loaded
        speed = task.speed(protocol, PDARTS, batch_size=4, repetitions=2)
        assert speed.batch_size == 4
        assert len(speed.train_images_per_second) == len(speed.inference_images_per_second) == 2
        assert all(rate > 0 for rate in (*speed.train_images_per_second, *speed.inference_images_per_second))


class TestClassification(TaskContract):
    name = "classification"
    starts_from_weights = False


class TestDetection(TaskContract):
    name = "detection"


class TestReid(TaskContract):
    name = "reid"


class TestZerocost(TaskContract):
    name = "zerocost"
    starts_from_weights = False
    trains = False


def test_every_registered_task_is_under_contract() -> None:
    assert {test.name for test in TaskContract.__subclasses__()} == set(task_names())


@pytest.mark.parametrize("name", ["detection", "reid"])
def test_weights_of_another_width_are_refused_before_training(name: str, on_mini_digits: Path, tmp_path: Path) -> None:
    from backbones.networks import ImageNetNetwork

    network = ImageNetNetwork(PDARTS.genotype, channels=8, layers=3, num_classes=10, auxiliary=False)
    file = weights.save(network, tmp_path / "wide.pth")
    task, protocol = load_protocol(TINY_PROTOCOLS[name], TINY_OPTIONS[name])
    with pytest.raises(InputError, match=r"wide\.pth: differs in shape at"):
        task.run(Job(protocol, PDARTS, 0, tmp_path / "work", weights=file))


@pytest.mark.parametrize("name", ["classification", "detection", "reid"])
def test_weights_of_another_genotype_are_refused(name: str, on_mini_digits: Path, tmp_path: Path) -> None:
    from backbones.networks import ImageNetNetwork

    # The same operations at other nodes: every name and shape is the same.
    edges = (PDARTS.genotype.normal[0], ("dil_conv_3x3", 0), *PDARTS.genotype.normal[2:])
    other = replace(PDARTS.genotype, normal=edges)
    network = ImageNetNetwork(other, channels=4, layers=3, num_classes=10, auxiliary=False)
    file = weights.save(network, tmp_path / "other.pth", other)
    task, protocol = load_protocol(TINY_PROTOCOLS[name], TINY_OPTIONS[name])
    with pytest.raises(InputError, match=r"other\.pth: holds the weights of another architecture"):
        task.run(Job(protocol, PDARTS, 0, tmp_path / "work", weights=file))
