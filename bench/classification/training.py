"""Train one network to the end, or resume an interrupted training."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from bench.classification.curve import CurveHook, TrainingCurve
from bench.classification.model import Classifier
from bench.classification.schedule import AverageHook, DropPathHook, schedule
from bench.classification.scoring import ErrorMetric
from bench.classification.settings import ClassificationSettings
from bench.tasks.contract import Job
from search.training.deferred import ClippingOptimWrapper
from search.training.epoch_lines import read_epochs
from search.training.hooks import (
    EpochSeedHook,
    FiniteLossHook,
    PlainCheckpointHook,
    ProgressHook,
    check_finite,
    runner_settings,
    silence_console,
)
from search.training.parallel import ReplicaHook, world_size
from search.training.resuming import epochs_done, resume_point

#: The curve's file in the work folder.
CURVE = "curve.jsonl"


def train(
    job: Job,
    settings: ClassificationSettings,
    model: Classifier,
    training: DataLoader[Any],
    validation: DataLoader[Any],
) -> TrainingCurve:
    """Train a classifier; its network then has the weights that were scored last, of the moving average if any.

    Args:
        training, validation: this process' parts of the batches.

    Raises:
        FloatingPointError: the loss, a weight or an output is no longer finite.
        InputError: the checkpoint to resume from is damaged.
    """
    execution, optimiser = settings.execution, settings.optimiser
    sgd = torch.optim.SGD(
        model.network.parameters(),
        lr=optimiser.lr,
        momentum=optimiser.momentum,
        weight_decay=optimiser.weight_decay,
        foreach=True,
    )
    clip = None if optimiser.clip_norm is None else {"max_norm": optimiser.clip_norm}
    curve = TrainingCurve(job.work_dir / CURVE)
    images = len(training) * settings.batch_size // execution.accumulate
    hooks: list[Hook] = [
        EpochSeedHook(job.seed),
        ReplicaHook(),
        DropPathHook(settings.drop_path),
        FiniteLossHook(),
        CurveHook(curve, images, settings.validate_every),
        PlainCheckpointHook(),
        ProgressHook(job.progress),
    ]
    average = None
    if settings.ema is not None:
        average = AverageHook(settings.ema, execution.accumulate)
        hooks.append(average)
    resume = resume_point(job.work_dir, settings.epochs)
    # Read the curve's lines now, so that a missing one is reported before the training.
    read_epochs(curve.file, epochs_done(resume))
    runner = Runner(
        model=model,
        train_dataloader=training,
        val_dataloader=validation,
        train_cfg={"by_epoch": True, "max_epochs": settings.epochs, "val_interval": settings.validate_every},
        val_cfg={},
        val_evaluator=[ErrorMetric()],
        optim_wrapper=ClippingOptimWrapper(sgd, clip_grad=clip, accumulative_counts=execution.accumulate),
        param_scheduler=schedule(optimiser, settings.epochs),
        custom_hooks=hooks,
        launcher="pytorch" if world_size() > 1 else "none",
        cfg={"model_wrapper_cfg": _wrapper()},
        **runner_settings(job.work_dir, job.seed, resume, execution.trackers),
    )
    silence_console(runner)
    runner.train()
    if average is not None:
        average.before_val_epoch(runner)
    check_finite(model.network, job.work_dir)
    return curve


def _wrapper() -> dict[str, Any]:
    """Configure `DistributedDataParallel`; `ReplicaHook` averages the running statistics."""
    wrapper: dict[str, Any] = {"type": "MMDistributedDataParallel", "broadcast_buffers": False}
    # On GPUs mmengine sets every process' device.
    return wrapper if torch.cuda.is_available() else {**wrapper, "device_ids": None}
