"""A run that was interrupted and started again ends as an undisturbed one does, bit for bit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.hooks import CheckpointHook

from backbones import weights
from bench.classification.scoring import ErrorMetric
from bench.tasks.contract import Outcome

Train = Callable[..., Outcome]

#: All that a training draws random numbers for, or keeps a state of.
EVERYTHING: dict[str, Any] = {
    "auxiliary_weight": 0.4,
    "drop_path": 0.3,
    "label_smoothing": 0.1,
    "ema": 0.8,
    "execution": {"accumulate": 2},
    "images": {"augmentation": {"crop_padding": 1, "flip": True, "cutout": 3}},
    "optimiser": {"schedule": "linear", "warmup_epochs": 1},
}
WORKERS: dict[str, Any] = {
    "images": {"memory": False, "decoding": {"workers": 2}, "augmentation": {"flip": True}},
    "validate_every": 2,
}
KINDS = {"plain": {}, "everything": EVERYTHING, "workers": WORKERS}


def state(outcome: Outcome) -> dict[str, torch.Tensor]:
    assert outcome.checkpoint is not None
    return weights.read_state_dict(outcome.checkpoint)


def curve(outcome: Outcome) -> list[dict[str, Any]]:
    """The curve's lines, but for what they took."""
    assert outcome.curve is not None
    lines = [json.loads(line) for line in outcome.curve.read_text(encoding="utf-8").splitlines()]
    took = ("seconds", "images_per_second")
    assert all(line[name] > 0 for line in lines for name in took)
    return [{name: value for name, value in line.items() if name not in took} for line in lines]


def assert_same(one: Outcome, other: Outcome) -> None:
    assert one.metrics == other.metrics
    assert curve(one) == curve(other)
    first, second = state(one), state(other)
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, Outcome]:
    """What has been run already, by kind."""
    return {}


@pytest.fixture
def whole(train: Train, undisturbed: dict[str, Outcome], tmp_path_factory: pytest.TempPathFactory) -> Train:
    def run(kind: str) -> Outcome:
        if kind not in undisturbed:
            undisturbed[kind] = train(tmp_path_factory.mktemp("whole") / kind, **KINDS[kind])
        return undisturbed[kind]

    return run


class InTheMiddle:
    """A progress callback that interrupts once, as Ctrl-C does, behind a step."""

    def __init__(self, step: int) -> None:
        self.left = step

    def __call__(self, fraction: float, doing: str) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


# An epoch has 3 steps, or 6 parts of steps.
@pytest.mark.parametrize(
    ("kind", "step"),
    [("plain", 2), ("plain", 3), ("plain", 5), ("plain", 9), ("everything", 5), ("everything", 9), ("workers", 5)],
)
def test_interrupted_in_the_middle_of_an_epoch(
    whole: Train, train: Train, tmp_path: Path, kind: str, step: int
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, InTheMiddle(step), **KINDS[kind])
    assert not (tmp_path / "checkpoint.pth").exists()
    assert_same(train(tmp_path, **KINDS[kind]), whole(kind))


def interrupting(call: Any, number: int, after: bool = False) -> Callable[..., Any]:
    """The call, whose `number`th time is interrupted before, or after, it has done its work."""
    count = 0

    def run(*arguments: Any, **named: Any) -> Any:
        nonlocal count
        count += 1
        if count == number and not after:
            raise KeyboardInterrupt
        found = call(*arguments, **named)
        if count == number:
            raise KeyboardInterrupt
        return found

    return run


# Places in the order in which an epoch comes to them: its line in the curve, its checkpoint, its validation.
PLACES = {
    "between line and checkpoint": (CheckpointHook, "after_train_epoch", False),
    "between checkpoint and validation": (ErrorMetric, "process", False),
    "behind the validation, before its errors are written": (ErrorMetric, "evaluate", True),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("kind", "number"), [("plain", 1), ("plain", 2), ("plain", 3), ("everything", 3)])
def test_interrupted_between_two_epochs(
    whole: Train, train: Train, tmp_path: Path, place: str, kind: str, number: int
) -> None:
    owner, name, after = PLACES[place]
    with pytest.MonkeyPatch.context() as patch:
        # 12 images to validate on are one batch here.
        patch.setattr(owner, name, interrupting(getattr(owner, name), number, after))
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path, **KINDS[kind])
    assert_same(train(tmp_path, **KINDS[kind]), whole(kind))


def test_interrupted_before_the_last_weights_are_written(whole: Train, train: Train, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weights, "save", interrupting(weights.save, 1))
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path, **EVERYTHING)
    assert_same(train(tmp_path, **EVERYTHING), whole("everything"))


def test_interrupted_again_and_again(whole: Train, train: Train, tmp_path: Path) -> None:
    told: list[float] = []
    for step in (2, 4, 3, 1):
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path, InTheMiddle(step))
    assert_same(train(tmp_path, lambda fraction, doing: told.append(fraction)), whole("plain"))
    # The last two epochs' steps were left to do, or fewer.
    assert told[0] > 1 / 3
    assert told == sorted(told)


def test_a_finished_training_is_not_made_again(whole: Train, train: Train, tmp_path: Path) -> None:
    first = train(tmp_path)
    told: list[tuple[float, str]] = []
    again = train(tmp_path, lambda fraction, doing: told.append((fraction, doing)))
    assert_same(first, again)
    assert_same(first, whole("plain"))
    assert told == [(1.0, "done")]


def test_half_a_checkpoint_is_not_gone_on_from(whole: Train, train: Train, tmp_path: Path) -> None:
    """One that was being written when the power went: mmengine points at a checkpoint only when it is whole."""
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, InTheMiddle(5))
    (tmp_path / "epoch_2.pth").write_bytes((tmp_path / "epoch_1.pth").read_bytes()[:1000])
    assert_same(train(tmp_path), whole("plain"))


def test_the_last_two_checkpoints_are_kept_and_are_plain(train: Train, tmp_path: Path) -> None:
    train(tmp_path, **EVERYTHING)
    assert sorted(file.name for file in tmp_path.glob("epoch_*.pth")) == ["epoch_2.pth", "epoch_3.pth"]
    content = torch.load(tmp_path / "epoch_3.pth", weights_only=True)
    assert content["meta"]["epoch"] == 3
    assert "ema_state_dict" in content
    assert list(tmp_path.glob("*/vis_data/events.out.tfevents.*"))
