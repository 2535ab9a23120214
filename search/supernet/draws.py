"""The random numbers of a pass of the supernet, drawn on the device and by its generator.

They are drawn here and nowhere else, so that several passes can be one function of weights and architecture parameters:
`SameDraws` keeps what a first pass has drawn for the ones after it. A generator that is seeded anew for each would do
the same, but not in a CUDA graph.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar

import torch
from torch import Tensor


class SameDraws:
    """Passes that draw the same numbers: the first one's, in its order."""

    def __init__(self) -> None:
        self._kept: list[Tensor] = []
        self._next: int | None = None

    @contextlib.contextmanager
    def again(self) -> Iterator[None]:
        """A pass; the first one draws, the others get what it has drawn."""
        self._next = 0 if self._kept else None
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)

    def give(self, draw: Callable[[], Tensor]) -> Tensor:
        if self._next is None:
            self._kept.append(draw())
            return self._kept[-1]
        self._next += 1
        return self._kept[self._next - 1]


_current: ContextVar[SameDraws | None] = ContextVar("same draws", default=None)


def _drawn(draw: Callable[[], Tensor]) -> Tensor:
    current = _current.get()
    return draw() if current is None else current.give(draw)


def dropout_mask(shape: Sequence[int], rate: Tensor) -> Tensor:
    """Zeros with probability `rate`, a tensor of one value on the device, and 1 / (1 - rate) elsewhere."""
    keep = 1 - rate
    return _drawn(lambda: torch.bernoulli(keep.expand(tuple(shape))) / keep)


def channel_orders(nodes: int, channels: int, device: torch.device) -> Tensor:
    """A random order of the channels for each node, int64 `(nodes, channels)`."""
    # The order of random numbers, as `randperm` has it, which makes its own on the host.
    return _drawn(lambda: torch.rand(nodes, channels, device=device).argsort(dim=1))
