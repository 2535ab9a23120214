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
from backbones.cost import Cost
from backbones.errors import InputError
from bench.runs.recording import redirected
from bench.runs.run import Evaluation, Places, evaluate, found_by, plan
from bench.tasks.architectures import resolve
from bench.tasks.contract import Job, Outcome, Protocol, Task
from bench.tasks.metrics import EVALUATED, METRICS, TITLES
from bench.tasks.registry import get_task, load_protocol, task_names
from tests.bench.conftest import TINY_OPTIONS, TINY_PROTOCOLS

PDARTS = resolve("PDARTS")
MOBILENET = resolve("timm:mobilenetv3_small_050")


#: A search of two epochs on the miniature digits.
SEARCH_OPTIONS = (
    "embedded=None",
    "proxy.augmentation.crop_padding=0",
    "nodes=2",
    "batch_size=128",
    "stages=[{'epochs': 2, 'frozen_epochs': 1, 'layers': 3, 'channels': 4}]",
)


def run(task: Task, protocol: Protocol, folder: Path, seed: int = 0) -> tuple[Outcome, list[float]]:
    """Run a job as the pipeline does, the libraries' output out of the way."""
    told: list[float] = []
    folder.mkdir(parents=True, exist_ok=True)
    architecture = PDARTS if task.needs_architecture else None
    job = Job(protocol, architecture, seed, folder, progress=lambda fraction, doing: told.append(fraction))
    with (folder / "output.log").open("w") as log, redirected(log):
        return task.run(job), told


class TaskContract:
    name: str
    #: What training images are called where there are none of them, and what of seven.
    images = "training images"
    seven = {"train images": 7}

    def load(self) -> tuple[Task, Protocol]:
        return load_protocol(TINY_PROTOCOLS[self.name], TINY_OPTIONS[self.name])

    @pytest.fixture
    def loaded(self, on_mini_digits: Path) -> tuple[Task, Protocol]:
        return self.load()

    def learned(self, outcome: Outcome) -> dict[str, torch.Tensor]:
        """What a run has learned from the data."""
        assert outcome.checkpoint is not None
        trained = weights.read_state_dict(outcome.checkpoint)
        return {name: value for name, value in trained.items() if name.endswith("weight") and value.dim() > 1}

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
        starts_from_weights = self.name in ("detection", "reid")
        assert ("not pretrained" in protocol.reasons(pretrained=False)) == starts_from_weights
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
        given = PDARTS if task.needs_architecture else None
        found = task.workload(protocol, given, self.seven)
        # A supernet computes neither at the rate of depthwise convolutions nor at that of dense ones.
        assert (found.images, found.separable) == (7, True if task.needs_architecture else None)
        assert found.total == 3 * found.epochs * 7 * found.macs
        if task.needs_architecture:
            assert not task.workload(protocol, resolve("timm:resnet18"), self.seven).separable
        with pytest.raises(InputError, match=f"cannot determine the number of {self.images}"):
            task.workload(protocol, given, {})

    def test_missing_data_are_named(self, on_mini_digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("WILDNAS_DIGITS", str(on_mini_digits / "nowhere"))
        task, protocol = self.load()
        with pytest.raises(InputError, match="nowhere") as caught:
            task.check(protocol)
        assert "\n" not in str(caught.value)

    def test_a_run_ends_with_finite_metrics_and_what_it_has_learned(
        self, loaded: tuple[Task, Protocol], tmp_path: Path
    ) -> None:
        task, protocol = loaded
        outcome, told = run(task, protocol, tmp_path / "a")
        known = {metric.key: metric for metric in task.metrics}
        assert outcome.metrics
        assert set(outcome.metrics) | set(task.spent(1.0)) <= set(known)
        assert all(map(math.isfinite, outcome.metrics.values()))
        assert all(0 <= value <= 100 for key, value in outcome.metrics.items() if known[key].unit == "%")
        assert all(count >= 0 for count in outcome.counts.values())
        assert any(count > 0 for count in outcome.counts.values())
        assert outcome.cost.params > 0
        assert told == sorted(told)
        assert told[-1] == 1.0
        self.check_given_or_found(task, outcome)
        learned = self.learned(outcome)
        assert learned
        assert all(bool(torch.isfinite(value).all()) for value in learned.values() if value.is_floating_point())

        again, _ = run(task, protocol, tmp_path / "b")
        assert again.metrics == outcome.metrics
        same = self.learned(again)
        assert all(torch.equal(value, same[name]) for name, value in learned.items())

        other, _ = run(task, protocol, tmp_path / "c", seed=1)
        different = self.learned(other)
        assert all(not torch.equal(value, different[name]) for name, value in learned.items())

    def check_given_or_found(self, task: Task, outcome: Outcome) -> None:
        """A job is given an architecture and leaves its weights and cost, or its outcome has found one."""
        assert task.needs_architecture
        assert outcome.genotype is None
        assert isinstance(outcome.cost, Cost)
        assert outcome.cost.published_macs > outcome.cost.macs > 0
        assert outcome.checkpoint is not None
        trained = weights.read_state_dict(outcome.checkpoint)
        assert all(bool(torch.isfinite(value).all()) for value in trained.values() if value.is_floating_point())

    def test_a_run_leaves_a_record_and_is_found_done(self, loaded: tuple[Task, Protocol], tmp_path: Path) -> None:
        task, protocol = loaded
        places = Places(tmp_path / "results", tmp_path / "work")
        evaluation = Evaluation(task, protocol, PDARTS if task.needs_architecture else None, 0)
        planned = plan(evaluation, places)
        assert planned.record is None
        record = evaluate(planned, places, None, lambda fraction, doing: None)
        assert (record.task, record.name, record.key) == (self.name, planned.name, planned.key)
        assert set(record.metrics) <= {metric.key for metric in task.metrics}
        assert (record.parents, record.initial_weights) == ([], None)
        assert list(evaluation.earlier(places.store)) == [record]
        assert plan(evaluation, places).record == record
        # Another seed, other data and another version are other runs.
        assert replace(evaluation, seed=1).key(planned.data) != planned.key
        assert evaluation.key(replace(planned.data, fingerprint="sha256:" + "0" * 64)) != planned.key

    def test_a_timm_model_stands_where_a_genotype_stands(self, loaded: tuple[Task, Protocol], tmp_path: Path) -> None:
        task, protocol = loaded
        if not task.needs_architecture:
            pytest.skip("no architecture stands anywhere in a search")
        network = timm.create_model("mobilenetv3_small_050", num_classes=10)
        network.bn1.num_batches_tracked.fill_(1000)
        started = weights.save(network, tmp_path / "started.pth", MOBILENET.design)
        job = Job(protocol, MOBILENET, 0, tmp_path / "work", weights=started)
        job.work_dir.mkdir()
        if not task.takes_weights:
            with pytest.raises(InputError, match=r"started\.pth: .* expected no weights"):
                task.run(job)
            job = replace(job, weights=None)
        with (tmp_path / "output.log").open("w") as log, redirected(log):
            outcome = task.run(job)
        assert outcome.metrics
        assert outcome.cost.params > 0
        if not task.takes_weights:
            return
        assert outcome.checkpoint is not None
        trained = weights.read_state_dict(outcome.checkpoint)
        batches = next(value for name, value in trained.items() if name.endswith("bn1.num_batches_tracked"))
        # It went on from the weights that were given.
        assert 1000 < int(batches) < 1100

    def test_speed_is_measured(self, loaded: tuple[Task, Protocol]) -> None:
        task, protocol = loaded
        speed = task.speed(protocol, PDARTS if task.needs_architecture else None, batch_size=4, repetitions=2)
        assert speed.batch_size == 4
        assert len(speed.train_images_per_second) == len(speed.inference_images_per_second) == 2
        assert all(rate > 0 for rate in (*speed.train_images_per_second, *speed.inference_images_per_second))


class TestSearch(TaskContract):
    name = "search"
    images = "images"
    # Two halves: one for the weights, one for α and β.
    seven = {"images": 14, "classes": 10}

    def load(self) -> tuple[Task, Protocol]:
        return load_protocol("search/digits_pc_darts", SEARCH_OPTIONS)

    def learned(self, outcome: Outcome) -> dict[str, torch.Tensor]:
        assert outcome.curve is not None
        content = json.loads((outcome.curve.parent / "architecture.json").read_text())
        return {key: torch.tensor(content[key]) for key in ("alpha_normal", "alpha_reduce", "beta_normal")}

    def check_given_or_found(self, task: Task, outcome: Outcome) -> None:
        assert not task.needs_architecture
        assert outcome.genotype is not None
        assert outcome.checkpoint is None
        assert outcome.drawn is not None
        assert outcome.drawn.counts["architecture images"] == outcome.counts["architecture images"]

    def test_what_was_found_is_named_by_the_key_and_left_as_an_arch(
        self, loaded: tuple[Task, Protocol], tmp_path: Path
    ) -> None:
        places = Places(tmp_path / "results", tmp_path / "work")
        planned = plan(Evaluation(*loaded, None, 0), places)
        record = evaluate(planned, places, None, lambda fraction, doing: None)
        assert record.architecture.name == f"digits_pc_darts-s0-{planned.key[7:15]}"
        assert record.method == "PC-DARTS"
        assert record.metrics["search_cost"].value == pytest.approx(record.cost.seconds / 86_400)
        folder = places.work / "search/digits_pc_darts" / record.architecture.name
        assert resolve(str(folder)) == found_by(record)

    def test_an_architecture_is_missing_where_one_is_needed(self, on_mini_digits: Path) -> None:
        task, protocol = load_protocol(TINY_PROTOCOLS["classification"], TINY_OPTIONS["classification"])
        with pytest.raises(InputError, match="an architecture is missing"):
            task.run(Job(protocol, None, 0, on_mini_digits / "work"))


class TestClassification(TaskContract):
    name = "classification"


class TestDetection(TaskContract):
    name = "detection"


class TestReid(TaskContract):
    name = "reid"


class TestZerocost(TaskContract):
    name = "zerocost"

    def learned(self, outcome: Outcome) -> dict[str, torch.Tensor]:
        """Nothing is learned: what stands for it are scores that depend on the initial weights."""
        names = ("grad_norm", "snip", "synflow", "jacob_cov")
        return {name: torch.tensor(outcome.metrics[name]) for name in names}

    def check_given_or_found(self, task: Task, outcome: Outcome) -> None:
        assert task.needs_architecture
        assert not task.takes_weights
        assert (outcome.genotype, outcome.checkpoint) == (None, None)


def test_every_registered_task_is_under_contract() -> None:
    assert {test.name for test in TaskContract.__subclasses__()} == set(task_names())
    assert tuple(name for name in task_names() if get_task(name).needs_architecture) == EVALUATED


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
