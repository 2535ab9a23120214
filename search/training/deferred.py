"""Log losses with mmengine without waiting for the device at every step.

Reading a number from a GPU blocks the program until the GPU has computed it. mmengine reads every loss of every
iteration and the norm of every gradient, so that program and GPU wait for each other; a search, whose steps are
thousands of small kernels, becomes slow. Here numbers stay on the device and are read together at an interval.
"""

from __future__ import annotations

from typing import Any

import torch
from mmengine.hooks import RuntimeInfoHook
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch import Tensor


class ClippingOptimWrapper(OptimWrapper):
    """mmengine's wrapper, but the norm of the gradient stays on the device, for the caller to log.

    Attributes:
        grad_norm: of the last step, before clipping; None before the first and without clipping.
    """

    grad_norm: Tensor | None = None

    def step(self, **kwargs: Any) -> None:
        if self.clip_grad_kwargs:
            parameters = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
            self.grad_norm = self.clip_func(parameters, **self.clip_grad_kwargs)
        self.optimizer.step(**kwargs)


class DeferredRuntimeInfoHook(RuntimeInfoHook):
    """mmengine's hook, but it logs losses every `interval` iterations and at the end of an epoch.

    Every loss of the interval is logged, so that the log's means are mmengine's.

    Args:
        interval: the logger's interval, so that its lines include the latest losses.
    """

    def __init__(self, interval: int) -> None:
        self.interval = interval
        self._waiting: list[dict[str, Tensor]] = []

    def before_train_epoch(self, runner: Runner) -> None:
        super().before_train_epoch(runner)
        # Losses of an epoch that was interrupted.
        self._waiting.clear()

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict[str, Tensor] | None = None
    ) -> None:
        # Copies, because a CUDA graph writes its results to the same memory each time.
        self._waiting.append({name: value.detach().float().clone() for name, value in (outputs or {}).items()})
        if self.every_n_inner_iters(batch_idx, self.interval) or self.end_of_epoch(runner.train_dataloader, batch_idx):
            self._log(runner)

    def _log(self, runner: Runner) -> None:
        names = [name for each in self._waiting for name in each]
        values = [value for each in self._waiting for value in each.values()]
        if values:
            for name, value in zip(names, torch.stack(values).tolist(), strict=True):
                runner.message_hub.update_scalar(f"train/{name}", value)
        self._waiting.clear()
