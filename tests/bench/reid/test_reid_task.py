"""The task from end to end on a tiny made data set."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from backbones import weights
from backbones.errors import InputError
from backbones.networks import ImageNetNetwork
from bench.architectures import random_architecture
from bench.contract import Job, Protocol
from bench.reid.resume import FILE_NAME
from bench.reid.schema import ReidConfig
from bench.reid.task import ReidTask, backbone_of, build_pcb

ARCHITECTURE = random_architecture(0)
MakeProtocol = Callable[..., Protocol]


class InterruptedJobError(Exception):
    """The user's Ctrl-C."""


def test_a_job_trains_and_ranks(tiny_protocol: MakeProtocol, tmp_path: Path) -> None:
    progress: list[tuple[float, str]] = []
    job = Job(tiny_protocol(), ARCHITECTURE, 0, tmp_path, progress=lambda *told: progress.append(told))
    outcome = ReidTask().run(job)
    assert set(outcome.metrics) == {metric.key for metric in ReidTask.metrics}
    assert all(0 <= value <= 100 for value in outcome.metrics.values())
    assert outcome.counts == {"query": 12, "gallery": 21, "identities": 4, "queries_without_match": 0}
    fractions = [fraction for fraction, _ in progress]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert {"epoch 1 of 2", "epoch 2 of 2", "ranking"} <= {doing for _, doing in progress}

    assert outcome.checkpoint is not None
    trained = weights.read_state_dict(outcome.checkpoint)
    config = ReidConfig.model_validate(job.protocol.config)
    from_the_start = build_pcb(config, ARCHITECTURE.genotype, 6).state_dict()
    assert trained.keys() == from_the_start.keys()
    backbone = backbone_of(config, ARCHITECTURE.genotype)
    assert outcome.cost.params == sum(parameter.numel() for parameter in backbone.parameters())


def test_a_resumed_job_ends_bit_for_bit_as_an_uninterrupted_one(tiny_protocol: MakeProtocol, tmp_path: Path) -> None:
    protocol = tiny_protocol(epochs=3)
    whole = ReidTask().run(Job(protocol, ARCHITECTURE, 5, tmp_path / "whole"))

    def interrupt(_: float, doing: str) -> None:
        if doing == "epoch 3 of 3":
            raise InterruptedJobError

    job = Job(protocol, ARCHITECTURE, 5, tmp_path / "parts", progress=interrupt)
    with pytest.raises(InterruptedJobError):
        ReidTask().run(job)
    # On another machine, say: nothing in memory, the generators elsewhere.
    torch.manual_seed(99)
    told: list[str] = []
    resumed = ReidTask().run(replace(job, progress=lambda _, doing: told.append(doing)))
    assert "epoch 2 of 3" not in told
    assert resumed.metrics == whole.metrics
    assert whole.checkpoint is not None
    assert resumed.checkpoint is not None
    expected, found = weights.read_state_dict(whole.checkpoint), weights.read_state_dict(resumed.checkpoint)
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    assert not list(tmp_path.rglob("*.partial"))

    told.clear()
    again = Job(protocol, ARCHITECTURE, 5, tmp_path / "whole", progress=lambda _, doing: told.append(doing))
    assert ReidTask().run(again).metrics == whole.metrics
    assert "epoch 3 of 3" not in told


def test_another_run_is_not_resumed(tiny_protocol: MakeProtocol, tmp_path: Path) -> None:
    job = Job(tiny_protocol(epochs=1), ARCHITECTURE, 0, tmp_path)
    ReidTask().run(job)
    with pytest.raises(InputError, match="whose seed is 0 and not 1; choose another work folder"):
        ReidTask().run(replace(job, seed=1))
    with pytest.raises(InputError, match="whose epochs is 1 and not 2; choose"):
        ReidTask().run(replace(job, protocol=tiny_protocol(epochs=2)))
    (tmp_path / FILE_NAME).write_bytes(b"half a file")
    with pytest.raises(InputError, match="cannot be resumed from"):
        ReidTask().run(job)


def test_weights_of_a_classification_network_are_started_from(tiny_protocol: MakeProtocol, tmp_path: Path) -> None:
    torch.manual_seed(1)
    pretrained = ImageNetNetwork(ARCHITECTURE.genotype, channels=4, layers=5, num_classes=7)
    file = weights.save(pretrained, tmp_path / "pretrained.pth")
    # So slow that the weights stay where they were.
    protocol = tiny_protocol(epochs=1, learning_rate=1e-12, weight_decay=0.0)
    outcome = ReidTask().run(Job(protocol, ARCHITECTURE, 0, tmp_path / "run", weights=file))
    assert outcome.checkpoint is not None
    trained = weights.read_state_dict(outcome.checkpoint)
    for name, parameter in pretrained.named_parameters():
        if name.startswith(("stem", "cells")):
            assert torch.allclose(trained[f"backbone.{name}"], parameter, atol=1e-6)
    other = weights.save(ImageNetNetwork(ARCHITECTURE.genotype, channels=8, layers=5), tmp_path / "other.pth")
    with pytest.raises(InputError, match="differs in shape"):
        ReidTask().run(Job(protocol, ARCHITECTURE, 0, tmp_path / "other", weights=other))


def test_check_counts_what_is_there(tiny_protocol: MakeProtocol, market1501_root: Path, tmp_path: Path) -> None:
    report = ReidTask().check(tiny_protocol())
    assert report.counts == {
        "train images": 36,
        "query images": 12,
        "gallery images": 21,
        "train identities": 6,
        "query identities": 4,
        "gallery identities": 5,
        "distractor images": 9,
        "junk images": 3,
    }
    shutil.copytree(market1501_root, tmp_path, dirs_exist_ok=True)
    assert ReidTask().check(tiny_protocol(data_root=str(tmp_path))) == report


def test_data_that_cannot_be_trained_or_ranked_are_refused(
    tiny_protocol: MakeProtocol, market1501_root: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="36 training images do not fill one batch; batch_size=64 can be 36"):
        ReidTask().check(tiny_protocol(batch_size=64))
    shutil.copytree(market1501_root, tmp_path, dirs_exist_ok=True)
    folder = tmp_path / "market1501" / "Market-1501-v15.09.15"
    image = next((folder / "bounding_box_train").glob("*.jpg"))
    image.write_bytes(image.read_bytes()[:300])
    for workers in (0, 1):
        job = Job(tiny_protocol(data_root=str(tmp_path), workers=workers), ARCHITECTURE, 0, tmp_path / f"run{workers}")
        # torchreid's own reader would try this image again for ever.
        with pytest.raises(InputError, match=f"^{image}: cannot be read as an image"):
            ReidTask().run(job)
    image.write_bytes(b"")
    with pytest.raises(InputError, match="an empty file"):
        ReidTask().check(tiny_protocol(data_root=str(tmp_path)))
    image.unlink()
    for query in (folder / "query").glob("*.jpg"):
        query.rename(query.with_name("0" + query.name))
    for gallery in (folder / "bounding_box_test").glob("001*.jpg"):
        gallery.unlink()
    with pytest.raises(InputError, match="no query has an image of its identity from another camera"):
        ReidTask().check(tiny_protocol(data_root=str(tmp_path)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"part": 3}, "unknown key 'part'; did you mean 'parts'"),
        ({"parts": 3}, "parts=3: at height=32 and last_stride=1 the last map has 2 rows, so 2 parts at the most"),
        ({"dataset": "cuhk03"}, "key 'dataset'"),
        ({"channels": 5}, "key 'channels'"),
        ({"transforms": ["random_patch"]}, "key 'transforms.0'"),
    ],
)
def test_a_mistake_in_a_config_is_named(change: dict[str, object], words: str, tiny_protocol: MakeProtocol) -> None:
    with pytest.raises(InputError, match=f"^reid/tiny.py: .*{words}"):
        tiny_protocol(**change)


def test_speed_is_measured_without_data(tiny_protocol: MakeProtocol, tmp_path: Path) -> None:
    protocol = tiny_protocol(data_root=str(tmp_path / "nowhere"))
    speed = ReidTask().speed(protocol, ARCHITECTURE, batch_size=4, repetitions=2)
    assert len(speed.train_images_per_second) == len(speed.inference_images_per_second) == 2
    assert min(*speed.train_images_per_second, *speed.inference_images_per_second) > 0
