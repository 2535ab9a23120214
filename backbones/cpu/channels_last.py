"""The memory layout of maps, which determines the speed on a CPU."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

import torch
from torch import Tensor

_OWN_KERNELS = ContextVar("own_kernels", default=True)


@contextlib.contextmanager
def without_own_kernels() -> Iterator[None]:
    """Compute with PyTorch's operations only, because hand-written backward passes cannot be differentiated again."""
    token = _OWN_KERNELS.set(False)
    try:
        yield
    finally:
        _OWN_KERNELS.reset(token)


def laid_out(x: Tensor) -> Tensor:
    """Put a map `(N, C, H, W)` in the fastest layout: channels last on a CPU, unchanged on other devices.

    With channels last, the channels of a pixel are neighbours in memory. 1x1 convolutions are matrix products without a
    copy, and oneDNN's depthwise kernels are two to ten times as fast. Later layers keep the layout of their input.
    """
    return x.contiguous(memory_format=torch.channels_last) if x.device.type == "cpu" else x


def runs_fast(x: Tensor) -> bool:
    """Whether hand-written kernels apply to a map `(N, C, H, W)`: on a CPU, channels last, outside of torch.compile.

    The compiler fuses ordinary operations itself, and would break its graph at a hand-written backward pass.
    """
    return (
        not torch.compiler.is_compiling()
        and _OWN_KERNELS.get()
        and x.device.type == "cpu"
        and x.is_contiguous(memory_format=torch.channels_last)
    )
