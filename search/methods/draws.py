"""Draw the random numbers of a supernet's pass on the device, with the device's generator.

All draws are made here, so that several passes can be one function of weights and architecture parameters: `SameDraws`
keeps the numbers of the first pass and gives them to the later ones. Seeding the generator anew for each pass would do
the same, but not in a CUDA graph.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar

import torch
from torch import Tensor


class SameDraws:
    """Give several passes the same random numbers: those of the first pass, in its order."""

    def __init__(self) -> None:
        self._kept: list[Tensor] = []
        self._next: int | None = None

    @contextlib.contextmanager
    def again(self) -> Iterator[None]:
        """Context of one pass: the first pass draws numbers, the others reuse them."""
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


def drawn(draw: Callable[[], Tensor]) -> Tensor:
    """Draw numbers, or take those of the first pass within `SameDraws.again`."""
    current = _current.get()
    return draw() if current is None else current.give(draw)


def dropout_mask(shape: Sequence[int], rate: Tensor) -> Tensor:
    """Draw a dropout mask: 0 with probability `rate`, otherwise 1 / (1 - rate).

    Args:
        rate: a tensor of one value on the device.
    """
    keep = 1 - rate
    return drawn(lambda: torch.bernoulli(keep.expand(tuple(shape))) / keep)


def noise(shape: Sequence[int], like: Tensor) -> Tensor:
    """Draw standard normal noise of the type and on the device of `like`."""
    return drawn(lambda: torch.randn(tuple(shape), dtype=like.dtype, device=like.device))


def channel_orders(nodes: int, channels: int, device: torch.device) -> Tensor:
    """Draw a random order of the channels for each node, int64 `(nodes, channels)`."""
    # Sorting random numbers gives the orders of all nodes in one call; `randperm` gives one order per call.
    return drawn(lambda: torch.rand(nodes, channels, device=device).argsort(dim=1))
