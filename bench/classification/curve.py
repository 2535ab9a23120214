"""The training curve: a line of JSON for every epoch, the source of a run's metrics."""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from backbones.files import write_text
from bench.tasks.contract import TrainingPace
from search.training.epoch_lines import read_epochs
from search.training.parallel import average, is_main

#: Keys that validation adds to an epoch's line.
ERRORS = ("top1_error", "top5_error")


class TrainingCurve:
    """The curve's file.

    A line has `epoch` (from 1), `lr`, the mean `loss` and its parts, `seconds` and `images_per_second` of the training,
    and, where the epoch was validated, `top1_error` and `top5_error` in %.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    def entries(self) -> list[dict[str, Any]]:
        return read_epochs(self.file)

    def put(self, epoch: int, **values: float) -> None:
        """Add values to an epoch's line; later epochs' lines of an interrupted run are removed."""
        kept = {entry["epoch"]: entry for entry in self.entries() if entry["epoch"] <= epoch}
        kept[epoch] = {"epoch": epoch, **kept.get(epoch, {}), **values}
        write_text(self.file, "".join(json.dumps(kept[each]) + "\n" for each in sorted(kept)))

    def has_errors(self, epoch: int) -> bool:
        return any(entry["epoch"] == epoch and ERRORS[0] in entry for entry in self.entries())

    def metrics(self) -> dict[str, float]:
        """Return the errors of the last epoch, and of the first one with the lowest top-1 error."""
        validated = [entry for entry in self.entries() if ERRORS[0] in entry]
        last, best = validated[-1], min(validated, key=lambda entry: entry[ERRORS[0]])
        found = {name: last[name] for name in ERRORS}
        return {**found, **{f"best_{name}": best[name] for name in ERRORS}, "best_epoch": best["epoch"]}

    def pace(self) -> TrainingPace:
        """Return the epochs' median seconds and images per second."""
        entries = [entry for entry in self.entries() if "seconds" in entry]
        middle = {key: statistics.median(entry[key] for entry in entries) for key in ("seconds", "images_per_second")}
        return TrainingPace(round(middle["seconds"], 3), round(middle["images_per_second"], 2))


class CurveHook(Hook):
    """Write the curve; a resumed training first validates the last epoch if the interrupted run did not.

    An epoch's line is written before its checkpoint, so that a resumed run has the same curve as an uninterrupted one.

    Args:
        images: number of training images of an epoch, in all processes.
        validate_every: as in the config.
    """

    # After the schedulers' step, before the checkpoint is written.
    priority = "LOW"

    def __init__(self, curve: TrainingCurve, images: int, validate_every: int) -> None:
        self.curve = curve
        self.images = images
        self.validate_every = validate_every
        self._began = 0.0
        self._rate = 0.0

    def before_train(self, runner: Runner) -> None:
        done = runner.epoch
        due = done % self.validate_every == 0 or done == runner.max_epochs
        if done and due and not self.curve.has_errors(done):
            runner.val_loop.run()

    def before_train_epoch(self, runner: Runner) -> None:
        self._rate = runner.optim_wrapper.get_lr()["lr"][0]
        self._began = time.perf_counter()

    def after_train_epoch(self, runner: Runner) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        seconds = time.perf_counter() - self._began
        scalars = runner.message_hub.log_scalars
        names = sorted(name for name in scalars if name.startswith("train/loss"))
        means = [float(scalars[name].mean(len(runner.train_dataloader))) for name in names]
        # Each process has logged the losses of its part of the batches.
        device = next(runner.model.parameters()).device
        (together,) = average([torch.tensor(means, dtype=torch.float64, device=device)])
        if not is_main():
            return
        losses = dict(zip((name.removeprefix("train/") for name in names), together.tolist(), strict=True))
        pace = {"seconds": round(seconds, 3), "images_per_second": round(self.images / seconds, 2)}
        self.curve.put(runner.epoch + 1, lr=self._rate, **losses, **pace)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        if is_main():
            self.curve.put(runner.epoch, **{name: (metrics or {})[name] for name in ERRORS})
