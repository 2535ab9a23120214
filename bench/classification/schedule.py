"""Schedules of a training: learning rate, drop-path, the moving average of the weights."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import EMAHook, Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from backbones.networks import CifarNetwork, ImageNetNetwork
from bench.classification.model import Classifier
from bench.classification.settings import Optimiser


def schedule(optimiser: Optimiser, epochs: int) -> list[dict[str, Any]]:
    """Configure mmengine's schedulers: a warm-up in equal steps, then cosine or linear decay to 0, by epoch.

    With w epochs of warm-up, epoch e (from 0) has the rate `lr * (e + 1) / (w + 1)` while e < w; then, with t = e - w
    and T = epochs - w, `lr * (1 + cos(πt / T)) / 2` or `lr * (1 - t / T)`. It would be 0 after the last epoch.
    """
    warm = optimiser.warmup_epochs
    schedulers: list[dict[str, Any]] = []
    if warm:
        # mmengine reaches the end factor one epoch before `end`.
        schedulers.append({"type": "LinearLR", "start_factor": 1.0 / (warm + 1), "begin": 0, "end": warm + 1})
    if optimiser.schedule == "cosine":
        main: dict[str, Any] = {"type": "CosineAnnealingLR", "T_max": epochs - warm, "eta_min": 0.0, "end": epochs}
    else:
        main = {"type": "LinearLR", "start_factor": 1.0, "end_factor": 0.0, "end": epochs + 1}
    return [*schedulers, {**main, "begin": warm}]


class DropPathHook(Hook):
    """Increase the drop-path rate linearly with the epochs (DARTS' evaluation); timm models have none."""

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def before_train_epoch(self, runner: Runner) -> None:
        network = classifier_of(runner).network
        if isinstance(network, (CifarNetwork, ImageNetNetwork)):
            network.drop_path_rate = self.rate * runner.epoch / runner.max_epochs


def classifier_of(runner: Runner) -> Classifier:
    """Return the classifier without the wrapper for several processes."""
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    assert isinstance(model, Classifier)
    return model


class AverageHook(EMAHook):
    """mmengine's `EMAHook`, updated after each optimiser step and not after each accumulated batch.

    Args:
        decay: the share of the average that a step keeps; the average starts from the first step's weights.
        accumulate: the number of batches in a step.
    """

    def __init__(self, decay: float, accumulate: int) -> None:
        super().__init__(momentum=1 - decay)
        self.accumulate = accumulate

    def after_train_iter(self, runner: Runner, *arguments: Any, **named: Any) -> None:
        if self.every_n_train_iters(runner, self.accumulate):
            super().after_train_iter(runner, *arguments, **named)
