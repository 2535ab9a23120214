"""Training in bfloat16 under autocast, on GPU and CPU.

mmengine's `AmpOptimWrapper` refuses CPUs and scales losses, which only float16 needs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS
from torch import Tensor, nn

from bench.detection.mmcv_ext import provide_mmcv_ext

provide_mmcv_ext()

from mmdet.models.dense_heads.base_dense_head import BaseDenseHead  # noqa: E402 - needs the stand-in for mmcv's module

#: The wrapper's name in configs.
BF16_WRAPPER = "WildnasBf16OptimWrapper"


@OPTIM_WRAPPERS.register_module()
class WildnasBf16OptimWrapper(OptimWrapper):
    """mmengine's `OptimWrapper` with the training step's convolutions and matrix products in bfloat16.

    Weights, gradients and the optimiser stay in float32.
    """

    @contextlib.contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        with super().optim_context(model), torch.autocast(get_device(), torch.bfloat16):
            yield


def keep_losses_full(detector: nn.Module) -> None:
    """Compute the losses of a detector's dense heads in float32, also where its maps are bfloat16."""
    for module in detector.modules():
        if isinstance(module, BaseDenseHead):
            module.register_forward_hook(_full)


def _full(module: nn.Module, inputs: Any, outputs: Any) -> Any:
    """Convert the outputs, lists of maps `(N, C, H, W)`, from bfloat16 to float32."""
    if isinstance(outputs, Tensor):
        return outputs.float() if outputs.dtype == torch.bfloat16 else outputs
    return type(outputs)(_full(module, inputs, output) for output in outputs)
