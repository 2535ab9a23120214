"""Rearrange many small tensors into few large ones by one concatenation and one gather.

A supernet has weights for every candidate of every edge; the stacked arithmetic uses those of all edges together.
NumPy arrays of indices describe the result. They are computed once, by the reshapes and concatenations that the weights
themselves would need.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Indices = NDArray[np.int64]

#: Index that stands for a value of zero.
ABSENT = -1


class Gather:
    """Build tensors from the values of other tensors.

    `source` returns the indices of a tensor's values. `want` registers a tensor to build from such indices. `taken`
    builds all registered tensors.
    """

    def __init__(self) -> None:
        self.size = 0
        self._sources: list[tuple[nn.Module, str]] = []
        self._wanted: list[Indices] = []
        self._index: Tensor | None = None

    def source(self, module: nn.Module, name: str) -> Indices:
        """Return the indices of a module's parameter or buffer, in its shape.

        The tensor itself is looked up at each pass.
        """
        self._sources.append((module, name))
        return self.values(getattr(module, name).shape)

    def values(self, shape: Sequence[int]) -> Indices:
        """Return the indices of the next values, in this shape."""
        count = int(np.prod(shape))
        self.size += count
        return np.arange(self.size - count, self.size, dtype=np.int64).reshape(shape)

    def want(self, indices: Indices) -> int:
        """Register a tensor with these values and this shape; return its index in the list from `taken`."""
        self._wanted.append(indices)
        return len(self._wanted) - 1

    def taken(self, low: torch.dtype | None = None) -> list[Tensor]:
        """Build all registered tensors from the current values of the sources.

        Args:
            low: precision to cast the values to, or None.
        """
        return self.split(self.pick([getattr(module, name).reshape(-1) for module, name in self._sources], low))

    def pick(self, parts: Sequence[Tensor], low: torch.dtype | None = None) -> Tensor:
        """Gather the values of all registered tensors into one vector; `parts` are vectors of all values in order."""
        flat = torch.cat([*parts, parts[0].new_zeros(1)])
        if low is not None:
            flat = flat.to(low)
        return flat.index_select(0, self._indices(flat.device))

    def split(self, picked: Tensor) -> list[Tensor]:
        """Split the result of `pick` into the registered tensors."""
        parts = picked.split_with_sizes([indices.size for indices in self._wanted])
        return [part.view(indices.shape) for part, indices in zip(parts, self._wanted, strict=True)]

    def _indices(self, device: torch.device) -> Tensor:
        if self._index is None or self._index.device != device:
            flat = np.concatenate([indices.reshape(-1) for indices in self._wanted])
            self._index = torch.from_numpy(np.where(flat == ABSENT, self.size, flat)).to(device)
        return self._index
