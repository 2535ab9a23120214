"""The task from end to end on a tiny made data set."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from backbones import weights
from backbones.cost import measure
from backbones.errors import InputError
from backbones.networks import ImageNetNetwork
from bench.reid.model import backbone_of, build_pcb
from bench.reid.resume import FILE_NAME
from bench.reid.schema import ReidConfig
from bench.reid.task import ReidTask
from bench.tasks.architectures import random_architecture
from bench.tasks.contract import Job
from search.training.seeds import seed_everything
from tests.bench.reid.conftest import MakeProtocol

ARCHITECTURE = random_architecture(0)


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
    assert outcome.whole is not None
    assert outcome.whole.params == sum(value.numel() for name, value in trained.items() if is_parameter(name))
    unchanged = backbone_of(config.model_copy(update={"last_stride": 2}), ARCHITECTURE.genotype)
    assert outcome.unchanged == measure(unchanged, (3, 224, 224))
    # Of width 4 with 5 cells: 4 * 4 channels, doubled twice.
    assert outcome.resolved == {"feature_dim": 64}
    scalars = EventAccumulator(str(tmp_path)).Reload().Tags()["scalars"]
    assert {"Train/loss", "Train/lr", "Test/wildnas-market1501/mAP"} <= set(scalars)


def is_parameter(name: str) -> bool:
    return not name.endswith(("running_mean", "running_var", "num_batches_tracked"))


@pytest.mark.parametrize("changes", [{}, {"loss": "softmax_triplet", "optimiser": "adam", "workers": 2}])
def test_a_resumed_job_ends_bit_for_bit_as_an_uninterrupted_one(
    changes: dict[str, object], tiny_protocol: MakeProtocol, tmp_path: Path
) -> None:
    protocol = tiny_protocol(epochs=3, **changes)
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


def test_without_training_the_drawn_weights_are_ranked(tiny_protocol: MakeProtocol, tmp_path: Path) -> None:
    told: list[tuple[float, str]] = []
    job = Job(tiny_protocol(epochs=0), ARCHITECTURE, 3, tmp_path, progress=lambda *each: told.append(each))
    outcome = ReidTask().run(job)
    assert not any(doing.startswith("epoch") for _, doing in told)
    assert [fraction for fraction, _ in told] == sorted(fraction for fraction, _ in told)
    seed_everything(3, 0)
    drawn = build_pcb(ReidConfig.model_validate(job.protocol.config), ARCHITECTURE.genotype, 6).state_dict()
    assert outcome.checkpoint is not None
    left = weights.read_state_dict(outcome.checkpoint)
    assert all(torch.equal(left[name], value) for name, value in drawn.items())


def test_a_checkpoint_is_scored_as_it_is(tiny_protocol: MakeProtocol, tmp_path: Path) -> None:
    protocol = tiny_protocol()
    trained = ReidTask().run(Job(protocol, ARCHITECTURE, 0, tmp_path / "trained"))
    job = Job(protocol, ARCHITECTURE, 0, tmp_path / "scored", weights=trained.checkpoint, evaluate_only=True)
    assert ReidTask().run(job).metrics == trained.metrics
    # A backbone alone has all that the feature before the reduction is made of.
    config = ReidConfig.model_validate(protocol.config)
    assert trained.checkpoint is not None
    state = weights.read_state_dict(trained.checkpoint)
    backbone = backbone_of(config, ARCHITECTURE.genotype)
    backbone.load_state_dict({name[9:]: value for name, value in state.items() if name.startswith("backbone.")})
    file = weights.save(backbone, tmp_path / "backbone.pth", ARCHITECTURE.design)
    assert ReidTask().run(replace(job, weights=file)).metrics == trained.metrics
    with pytest.raises(InputError, match=r"backbone\.pth: has a backbone's weights only; feature='after'"):
        ReidTask().run(replace(job, weights=file, protocol=tiny_protocol(feature="after")))


@pytest.mark.parametrize("changes", [{"precision": "bf16"}, {"rerank": {"k1": 5, "k2": 2}}, {"metric": "cosine"}])
def test_other_ways_to_compute_and_to_rank(
    changes: dict[str, object], tiny_protocol: MakeProtocol, tmp_path: Path
) -> None:
    # A seed that leaves no near ties, which the two metrics may round apart.
    plain = ReidTask().run(Job(tiny_protocol(epochs=1), ARCHITECTURE, 1, tmp_path / "plain"))
    other = ReidTask().run(Job(tiny_protocol(epochs=1, **changes), ARCHITECTURE, 1, tmp_path / "other"))
    assert plain.checkpoint is not None
    assert other.checkpoint is not None
    one, two = weights.read_state_dict(plain.checkpoint), weights.read_state_dict(other.checkpoint)
    assert all(value.dtype in (torch.float32, torch.int64) for value in two.values())
    same = all(torch.equal(one[name], two[name]) for name in one)
    assert same == ("precision" not in changes)
    if "rerank" in changes:
        assert other.metrics != plain.metrics
    if "metric" in changes:
        assert other.metrics == plain.metrics


def test_a_limit_takes_a_part_of_the_data(tiny_protocol: MakeProtocol, tmp_path: Path) -> None:
    protocol = tiny_protocol(limit=12, batch_size=4)
    counts = ReidTask().check(protocol).counts
    assert (counts["train images"], counts["query images"], counts["gallery images"]) == (12, 9, 9)
    assert "distractor images" not in counts
    outcome = ReidTask().run(Job(protocol, ARCHITECTURE, 0, tmp_path))
    assert outcome.counts == {"query": 9, "gallery": 9, "identities": 3, "queries_without_match": 0}


def test_other_counts_than_the_data_sets_mark_a_run(tiny_protocol: MakeProtocol) -> None:
    protocol = replace(
        tiny_protocol(reduced=[], expected={"train images": 36, "gallery images": 15913}),
        options=("data_root=elsewhere", "precision='bf16'", "limit=5"),
    )
    protocol = replace(protocol, neutral=ReidTask().neutral(protocol.config))
    counts = ReidTask().check(protocol).counts
    assert protocol.reasons(True, counts) == ("option limit=5", "21 gallery images, not 15,913")


def test_odd_data_are_counted(tiny_protocol: MakeProtocol, market1501_root: Path, tmp_path: Path) -> None:
    shutil.copytree(market1501_root, tmp_path, dirs_exist_ok=True)
    folder = tmp_path / "market1501" / "Market-1501-v15.09.15"
    # Identity 11 is left to one camera in the gallery, identity 1 in training.
    for name in ("bounding_box_test/0011_c", "bounding_box_train/0001_c"):
        for camera in (2, 3):
            for image in folder.glob(f"{name}{camera}*.jpg"):
                image.unlink()
    protocol = tiny_protocol(data_root=str(tmp_path))
    counts = ReidTask().check(protocol).counts
    assert counts["queries without a match"] == 1
    assert counts["train identities of one camera"] == 1
    outcome = ReidTask().run(Job(protocol, ARCHITECTURE, 0, tmp_path / "run"))
    assert outcome.counts["queries_without_match"] == 1
    assert outcome.counts["query"] == 11


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
    with pytest.raises(
        InputError, match="36 training images do not fill one batch; expected batch_size=64 to be at most 36"
    ):
        ReidTask().check(tiny_protocol(batch_size=64))
    with pytest.raises(InputError, match="6 training identities do not fill one batch, which takes 8 with 4 images"):
        ReidTask().check(tiny_protocol(batch_size=32, loss="softmax_triplet"))
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


@pytest.mark.parametrize("folder", ["query", "bounding_box_test"])
def test_a_broken_test_image_is_found_before_the_training(
    folder: str, tiny_protocol: MakeProtocol, market1501_root: Path, tmp_path: Path
) -> None:
    shutil.copytree(market1501_root, tmp_path, dirs_exist_ok=True)
    image = max((tmp_path / "market1501" / "Market-1501-v15.09.15" / folder).glob("*.jpg"))
    image.write_bytes(image.read_bytes()[:300])
    told: list[str] = []
    protocol = tiny_protocol(data_root=str(tmp_path))
    job = Job(protocol, ARCHITECTURE, 0, tmp_path / "run", progress=lambda _, doing: told.append(doing))
    with pytest.raises(InputError, match=f"^{image}: cannot be read as an image"):
        ReidTask().run(job)
    assert not told


def test_one_identity_is_nobody_to_tell_apart(
    tiny_protocol: MakeProtocol, market1501_root: Path, tmp_path: Path
) -> None:
    shutil.copytree(market1501_root, tmp_path, dirs_exist_ok=True)
    for image in (tmp_path / "market1501" / "Market-1501-v15.09.15" / "bounding_box_train").glob("*.jpg"):
        if not image.name.startswith(("0001", "0002")):
            image.unlink()
    protocol = tiny_protocol(data_root=str(tmp_path), batch_size=4)
    assert ReidTask().check(protocol).counts["train identities"] == 2
    for image in (tmp_path / "market1501" / "Market-1501-v15.09.15" / "bounding_box_train").glob("0002*.jpg"):
        image.unlink()
    with pytest.raises(InputError, match="only one training identity; expected two or more"):
        ReidTask().check(protocol)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"part": 3}, "unknown key 'part'; did you mean 'parts'"),
        ({"parts": 3}, "parts=3: expected at most 2, the rows of the last map at height=32 and last_stride=1"),
        ({"dataset": "cuhk03"}, "key 'dataset'"),
        ({"rerank": {"k3": 1}}, "unknown key 'rerank.k3'; known: k1, k2, weight"),
        ({"loss": "softmax_triplet", "batch_size": 10}, "batch_size=10: expected a multiple of instances=4"),
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
    assert min(*speed.train_images_per_second, *speed.inference_images_per_second, *speed.latency) > 0
    assert len(speed.latency) == 2
    assert speed.peak_memory >= 0
    triplet = tiny_protocol(loss="softmax_triplet", epochs=0)
    assert min(ReidTask().speed(triplet, ARCHITECTURE, batch_size=8, repetitions=1).train_images_per_second) > 0
