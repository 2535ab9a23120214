"""Hooks and settings for mmengine's Runner: exact resume, quiet console, progress."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import LogProcessor, Runner
from torch import Tensor, nn

from search.training.deferred import DeferredRuntimeInfoHook
from search.training.parallel import rank
from search.training.progress import ProgressCallback
from search.training.seeds import seed_everything
from search.training.trackers import tracker_configs

#: Iterations between two lines of a log, and between two reads of numbers from the device.
LOG_INTERVAL = 10


class PlainCheckpointHook(Hook):
    """Write checkpoints of tensors and plain values only, so that `torch.load(weights_only=True)` reads them.

    mmengine 0.10.7 cannot resume on torch >= 2.6 (mmengine issue 1655): its message hub holds `HistoryBuffer`s, whose
    pickles call `getattr`. They only smooth the log, so they are left out rather than allow-listed. A config under
    `meta` is left out too, also of checkpoints that are read, because mmengine would run it as Python code.
    """

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        runtime = checkpoint["message_hub"]["runtime_info"]
        # By type, because isinstance would accept NumPy floats, which are not plain.
        plain = {key: value for key, value in runtime.items() if type(value) in (bool, int, float, str)}
        checkpoint["message_hub"] = {"log_scalars": {}, "runtime_info": plain, "resumed_keys": {}}
        checkpoint["meta"].pop("config", None)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        checkpoint["meta"].pop("config", None)


class EpochSeedHook(Hook):
    """Seed every random generator from seed, epoch and process at the start of an epoch.

    mmengine restores no random state on resume. With this hook, epoch n draws the same numbers in a resumed run as in
    an uninterrupted one, data-loader workers included. The numbers differ from epoch to epoch (mmengine seeds workers
    equally every epoch).
    """

    priority = "VERY_HIGH"

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def before_train_epoch(self, runner: Runner) -> None:
        seed_everything(self.seed, runner.epoch, rank())


class ProgressHook(Hook):
    """Report the progress of the training to a callback after every iteration."""

    priority = "VERY_LOW"

    def __init__(self, callback: ProgressCallback) -> None:
        self.callback = callback

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        self.callback((runner.iter + 1) / runner.max_iters, f"epoch {runner.epoch + 1} of {runner.max_epochs}")


class FiniteLossHook(Hook):
    """Stop a training before the next checkpoint if a loss or a weight is not finite.

    Reading a loss waits for the GPU, so losses are read together: every `interval` iterations, at the end of an epoch
    and before a checkpoint is written.
    """

    def __init__(self, interval: int = LOG_INTERVAL) -> None:
        self.interval = interval
        #: Epoch and iteration, both from 1, and loss, of losses not yet read.
        self._unseen: list[tuple[int, int, Tensor]] = []

    def before_train_epoch(self, runner: Runner) -> None:
        self._unseen.clear()

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        loss = (outputs or {}).get("loss")
        if loss is not None:
            # A copy, because a CUDA graph writes its loss to the same memory each time.
            self._unseen.append((runner.epoch + 1, runner.iter + 1, torch.as_tensor(loss).detach().clone()))
        if self.every_n_train_iters(runner, self.interval) or self.end_of_epoch(runner.train_dataloader, batch_idx):
            self._look(runner)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        self._look(runner)
        # The loss of the last step does not depend on the weights after it.
        name = broken_entry(runner.model)
        if name is not None:
            raise FloatingPointError(
                f"{name} is not finite after epoch {runner.epoch + 1}, iteration {runner.iter}; {_kept(runner)}"
            )

    def _look(self, runner: Runner) -> None:
        if not self._unseen:
            return
        losses = torch.stack([loss.float().sum() for _, _, loss in self._unseen]).tolist()
        for (epoch, iteration, _), loss in zip(self._unseen, losses, strict=True):
            if not math.isfinite(loss):
                raise FloatingPointError(f"the loss is {loss} at epoch {epoch}, iteration {iteration}; {_kept(runner)}")
        self._unseen.clear()


def _kept(runner: Runner) -> str:
    """Say which checkpoint a stopped training can resume from."""
    file = last_checkpoint(Path(runner.work_dir))
    return "no checkpoint has been written yet" if file is None else f"the last good checkpoint is {file}"


def check_finite(module: nn.Module, work_dir: str | Path) -> None:
    """Refuse a trained network that has a weight or a statistic that is not finite.

    Raises:
        FloatingPointError: names the entry.
    """
    name = broken_entry(module)
    if name is not None:
        raise FloatingPointError(f"{work_dir}: the trained {name} is not finite: the training has diverged")


def broken_entry(module: nn.Module) -> str | None:
    """The name of a weight or a statistic that is not finite, or None."""
    state = {name: value for name, value in module.state_dict().items() if value.is_floating_point()}
    # Together, to wait for a GPU only once.
    finite = torch.stack([torch.isfinite(value).all() for value in state.values()]).tolist()
    return next((name for name, whole in zip(state, finite, strict=True) if not whole), None)


def last_checkpoint(work_dir: Path) -> Path | None:
    """The newest complete checkpoint that a Runner wrote to a folder, or None."""
    pointer = Path(work_dir) / "last_checkpoint"
    if not pointer.is_file():
        return None
    # The pointer holds an absolute path; the folder may have moved since.
    name = Path(pointer.read_bytes()[:4096].decode("utf-8", "replace").replace("\0", "").strip()).name
    if not name:
        # The run was killed while it wrote the pointer, after a complete checkpoint.
        left = sorted(Path(work_dir).glob("epoch_*.pth"), key=lambda file: file.stat().st_mtime_ns)
        return left[-1] if left else None
    file = Path(work_dir) / name
    return file if file.is_file() else None


def default_hooks() -> dict[str, Any]:
    """mmengine's default hooks, with a checkpoint every epoch; the one before is kept."""
    return {
        "logger": {"type": "LoggerHook", "interval": LOG_INTERVAL},
        "checkpoint": {"type": "CheckpointHook", "interval": 1, "max_keep_ckpts": 2},
    }


class PeakLogProcessor(LogProcessor):
    """mmengine's log processor, but it does not reset a GPU's peak memory, since a record has the whole run's peak."""

    def _get_max_memory(self, runner: Runner) -> int:
        return int(torch.cuda.max_memory_allocated() / 2**20)


def runner_settings(folder: Path, seed: int, resume: Path | None, trackers: Sequence[str] = ()) -> dict[str, Any]:
    """The arguments of mmengine's Runner that all trainings share.

    Args:
        folder: the work folder.
        resume: the checkpoint to resume from, if any.
        trackers: names of experiment trackers (`search.training.trackers`).

    Raises:
        InputError: a tracker is unknown, or its package is not installed.
    """
    files = [{"type": "LocalVisBackend"}, {"type": "TensorboardVisBackend"}]
    return {
        "work_dir": str(folder),
        "default_hooks": {**default_hooks(), "runtime_info": DeferredRuntimeInfoHook(LOG_INTERVAL)},
        "load_from": str(resume) if resume else None,
        "resume": resume is not None,
        # No effect on the numbers, which EpochSeedHook seeds; NumPy's seed has 32 bits.
        "randomness": {"seed": seed % 2**32},
        "experiment_name": experiment_name(folder),
        # A file of JSON lines, and TensorBoard.
        "visualizer": {
            "type": "Visualizer",
            "vis_backends": [*files, *tracker_configs(trackers)],
        },
        "log_processor": PeakLogProcessor(),
    }


def experiment_name(folder: Path) -> str:
    """A name that is unique in this process; mmengine has a logger per name, and runs must not share a log."""
    return f"{folder.resolve().as_posix().strip('/').replace('/', '-')}-{time.time_ns()}"


def silence_console(runner: Runner) -> None:
    """Keep mmengine's log off the console, which is for the progress line and tables."""
    for handler in runner.logger.handlers:
        if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler):
            handler.setLevel(logging.ERROR)
