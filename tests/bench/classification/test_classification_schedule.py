"""The learning rate of every epoch, by mmengine's own schedulers, against the closed formulas."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.registry import PARAM_SCHEDULERS

from bench.classification.schedule import schedule
from bench.classification.settings import Optimiser


def rates(optimiser: Optimiser, epochs: int) -> list[float]:
    """Of each epoch."""
    sgd = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=optimiser.lr)
    schedulers = [PARAM_SCHEDULERS.build(each, default_args={"optimizer": sgd}) for each in schedule(optimiser, epochs)]
    found = []
    for _ in range(epochs):
        found.append(sgd.param_groups[0]["lr"])
        sgd.step()
        for scheduler in schedulers:
            scheduler.step()
    return found


def expected(optimiser: Optimiser, epochs: int, epoch: int) -> float:
    warm = optimiser.warmup_epochs
    if epoch < warm:
        return optimiser.lr * (epoch + 1) / (warm + 1)
    gone = (epoch - warm) / (epochs - warm)
    return optimiser.lr * ((1 + math.cos(math.pi * gone)) / 2 if optimiser.schedule == "cosine" else 1 - gone)


@settings(deadline=None, max_examples=60)
@given(
    kind=st.sampled_from(["cosine", "linear"]),
    warm=st.integers(0, 12),
    rest=st.integers(1, 30),
    lr=st.floats(1e-4, 10),
)
def test_every_epoch_has_the_closed_formula_s_rate(kind: str, warm: int, rest: int, lr: float) -> None:
    optimiser = Optimiser(lr=lr, weight_decay=0, schedule=kind, warmup_epochs=warm)
    epochs = warm + rest
    found = rates(optimiser, epochs)
    for epoch in range(epochs):
        assert found[epoch] == pytest.approx(expected(optimiser, epochs, epoch), rel=1e-6, abs=1e-9 * lr), epoch
    assert max(found) == pytest.approx(lr)


def test_the_papers_schedules() -> None:
    """600 epochs from 0.025 by cosine; 250 from 0.5 in a line, after 5 epochs of warm-up."""
    cifar = rates(Optimiser(lr=0.025, weight_decay=3e-4), 600)
    assert cifar[0] == 0.025
    assert cifar[300] == pytest.approx(0.0125)
    imagenet = rates(Optimiser(lr=0.5, weight_decay=3e-5, schedule="linear", warmup_epochs=5), 250)
    assert imagenet[:6] == pytest.approx([0.5 * k / 6 for k in range(1, 7)])
    assert imagenet[5 + 49] == pytest.approx(0.4)
    assert imagenet[249] == pytest.approx(0.5 / 245)
