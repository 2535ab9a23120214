"""What an interrupted training goes on with."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import torch
from torch import nn

from backbones.errors import InputError
from bench.reid.resume import FILE_NAME, ResumePoint

EPOCHS = 8
ABOUT = {"protocol": "reid/digits_p3", "seed": 0}


class Training:
    """A weight that falls by the learning rate, with momentum, in every epoch, and milestones."""

    def __init__(self, weight: float = 0.0) -> None:
        self.model = nn.Linear(1, 1, bias=False)
        nn.init.constant_(self.model.weight, weight)
        self.optimiser = torch.optim.SGD(self.model.parameters(), lr=1.0, momentum=0.5)
        self.scheduler = torch.optim.lr_scheduler.MultiStepLR(self.optimiser, milestones=[2, 5, 7], gamma=0.1)

    def epochs(self, count: int) -> list[tuple[float, float]]:
        """The learning rate and the weight behind each of so many epochs."""
        found = []
        for _ in range(count):
            self.optimiser.zero_grad()
            self.model.weight.sum().backward()
            self.optimiser.step()
            self.scheduler.step()
            found.append((self.optimiser.param_groups[0]["lr"], self.model.weight.item()))
        return found


@pytest.mark.parametrize("stop", [1, 3, 5, 6])
def test_a_training_goes_on_as_if_it_had_never_stopped(stop: int, tmp_path: Path) -> None:
    whole = Training().epochs(EPOCHS)
    point = ResumePoint(tmp_path / "deep" / FILE_NAME, ABOUT)
    first = Training()
    before = first.epochs(stop)
    point.write(stop, first.model, first.optimiser, first.scheduler)
    assert [file.name for file in point.file.parent.iterdir()] == [FILE_NAME]
    second = Training(weight=9.0)
    assert point.restore(second.model, second.optimiser, second.scheduler) == stop
    assert before + second.epochs(EPOCHS - stop) == whole
    assert [rate for rate, _ in whole] == pytest.approx([1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


def test_without_a_schedule(tmp_path: Path) -> None:
    point, training = ResumePoint(tmp_path / FILE_NAME, ABOUT), Training()
    assert point.restore(training.model, training.optimiser, None) == 0
    point.write(2, training.model, training.optimiser, None)
    assert point.restore(training.model, training.optimiser, None) == 2


@pytest.mark.parametrize(
    ("about", "said"),
    [({"seed": 1}, "whose seed is 0 and not 1"), ({"channels": 4}, "whose channels is None and not 4")],
)
def test_what_another_training_has_left_is_refused(tmp_path: Path, about: dict[str, object], said: str) -> None:
    training = Training()
    ResumePoint(tmp_path / FILE_NAME, ABOUT).write(1, training.model, training.optimiser, training.scheduler)
    with pytest.raises(InputError, match=rf"resume\.pth: is of another run, {said}; choose another work folder"):
        ResumePoint(tmp_path / FILE_NAME, {**ABOUT, **about}).restore(training.model, training.optimiser, None)


def test_what_is_cut_short_is_refused_and_no_half_is_left(tmp_path: Path) -> None:
    point, training = ResumePoint(tmp_path / FILE_NAME, ABOUT), Training()
    point.write(1, training.model, training.optimiser, training.scheduler)
    point.file.write_bytes(point.file.read_bytes()[:300])
    with pytest.raises(InputError, match=r"resume\.pth: cannot be resumed from .*; move it away"):
        point.restore(training.model, training.optimiser, training.scheduler)
    # A lock cannot be written.
    broken = ResumePoint(tmp_path / "b" / FILE_NAME, {"seed": threading.Lock()})
    with pytest.raises(TypeError):
        broken.write(1, training.model, training.optimiser, training.scheduler)
    assert list((tmp_path / "b").iterdir()) == []
