"""Stop a stage before its last epoch, and take the architecture of the epoch that the rule names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from search.loop.stages import bilevel_of
from search.methods.stopping import EIGENVALUE, Stopping
from search.supernet import SuperNet
from search.training.epoch_lines import read_epochs
from search.training.parallel import from_main, is_main


class CurvatureHook(Hook):
    """Measure the largest eigenvalue after each epoch, on its last images for α."""

    def __init__(self) -> None:
        self._batch: dict[str, Tensor] = {}

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        self._batch = data_batch

    def after_train_epoch(self, runner: Runner) -> None:
        model = bilevel_of(runner)
        model.measured = {EIGENVALUE: model.curvature(self._batch)}


class EarlyStopHook(Hook):
    """Stop the training when the rule names an epoch.

    It decides by `epochs.jsonl`, which has the line of the present epoch, and the same in all processes.

    Attributes:
        chosen: the epoch, from 1, whose architecture is taken; None without an early stop.
    """

    def __init__(self, rule: Stopping, log: Path) -> None:
        self.rule = rule
        self.log = log
        self.chosen: int | None = None

    def before_train(self, runner: Runner) -> None:
        # A run that was killed after it had stopped.
        self._decide(runner, runner.epoch)

    def after_train_epoch(self, runner: Runner) -> None:
        self._decide(runner, runner.epoch + 1)

    def _decide(self, runner: Runner, done: int) -> None:
        chosen = 0
        if is_main():
            chosen = self.rule.chosen(read_epochs(self.log)[:done]) or 0
        self.chosen = from_main(chosen) or None
        runner.train_loop.stop_training = self.chosen is not None


@torch.no_grad()
def take_epoch(supernet: SuperNet, log: Path, epoch: int) -> None:
    """Set α and β to their values after an epoch, from 1, of `epochs.jsonl`."""
    (line,) = (line for line in read_epochs(log) if line["epoch"] == epoch)
    for name, parameter in supernet.architecture_parameters().items():
        parameter.copy_(torch.tensor(line[name]))
