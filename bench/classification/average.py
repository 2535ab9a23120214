"""The moving average of the weights."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import EMAHook
from mmengine.runner import Runner


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
