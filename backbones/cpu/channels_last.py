"""Where the channels of a map lie in memory, which decides how fast a CPU is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

import torch
from torch import Tensor

_OWN_KERNELS = ContextVar("own_kernels", default=True)


@contextlib.contextmanager
def without_own_kernels() -> Iterator[None]:
    """Compute by PyTorch's own operations alone: the hand-written backward passes cannot be differentiated again."""
    token = _OWN_KERNELS.set(False)
    try:
        yield
    finally:
        _OWN_KERNELS.reset(token)


def laid_out(x: Tensor) -> Tensor:
    """A map `(N, C, H, W)` as its device computes it fastest: on a CPU with channels last, else as it is.

    Last, the channels of a pixel are neighbours: 1x1 convolutions are products of matrices without a copy, and oneDNN's
    depthwise kernels are two to ten times as fast. Everything behind an input keeps its layout.
    """
    return x.contiguous(memory_format=torch.channels_last) if x.device.type == "cpu" else x


def runs_fast(x: Tensor) -> bool:
    """Whether hand-written kernels take this map `(N, C, H, W)`: on a CPU, channels last, outside of torch.compile.

    The compiler fuses ordinary operations itself, and would have to stop at a hand-written backward pass.
    """
    return (
        not torch.compiler.is_compiling()
        and _OWN_KERNELS.get()
        and x.device.type == "cpu"
        and x.is_contiguous(memory_format=torch.channels_last)
    )
