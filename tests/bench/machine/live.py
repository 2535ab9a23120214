"""Measure the memory of the tensors that are alive at once, on any machine.

The result does not depend on the device and, apart from the weights, grows in proportion to the batch. Memory that an
allocator or a library holds besides is not included.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveTensors(TorchDispatchMode):
    """Follow what is allocated and freed within a `with` block.

    Attributes:
        peak: largest number of bytes of storages made in the block that were alive at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._now = 0
        self._known: dict[int, weakref.finalize[Any, Any]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        given = {_key(each) for each in tree_leaves((args, kwargs)) if isinstance(each, torch.Tensor)}
        for each in tree_leaves(result):
            if isinstance(each, torch.Tensor) and _key(each) not in given:
                self._take(each)
        return result

    def _take(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._known:
            return
        size = storage.nbytes()
        self._now += size
        self.peak = max(self.peak, self._now)
        self._known[key] = weakref.finalize(storage, self._free, key, size)

    def _free(self, key: int, size: int) -> None:
        self._known.pop(key, None)
        self._now -= size


def _key(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage()._cdata


def peak_of(call: Callable[[], object]) -> int:
    """Peak in bytes of what a call allocates."""
    with LiveTensors() as live:
        call()
    return live.peak
