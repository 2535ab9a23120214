"""Many small tensors rearranged into few large ones by one concatenation and one gather.

A supernet has a weight for every candidate of every edge; the stacked arithmetic takes those of all edges at once. What
it takes is described by arrays of indices, which are put together as the weights themselves would be, by NumPy, once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Indices = NDArray[np.int64]

#: In an array of indices: a zero.
ABSENT = -1


class Gather:
    """Tensors made of the values of other tensors.

    `source` gives the indices of a tensor's values, `want` takes the indices of one to be made; `taken` makes all of
    them.
    """

    def __init__(self) -> None:
        self.size = 0
        self._sources: list[tuple[nn.Module, str]] = []
        self._wanted: list[Indices] = []
        self._index: Tensor | None = None

    def source(self, module: nn.Module, name: str) -> Indices:
        """The indices of a module's parameter or buffer, in its shape; the tensor itself is looked up at each pass."""
        self._sources.append((module, name))
        return self.values(getattr(module, name).shape)

    def values(self, shape: Sequence[int]) -> Indices:
        """The indices of as many further values, in their order, in this shape."""
        count = int(np.prod(shape))
        self.size += count
        return np.arange(self.size - count, self.size, dtype=np.int64).reshape(shape)

    def want(self, indices: Indices) -> int:
        """The number of the tensor of these values and this shape among those that `taken` gives."""
        self._wanted.append(indices)
        return len(self._wanted) - 1

    def taken(self, low: torch.dtype | None = None) -> list[Tensor]:
        """All wanted tensors, of the sources as they are now.

        Args:
            low: the precision to cast them to, all at once, or None.
        """
        return self.split(self.pick([getattr(module, name).reshape(-1) for module, name in self._sources], low))

    def pick(self, parts: Sequence[Tensor], low: torch.dtype | None = None) -> Tensor:
        """All wanted values in a row, out of vectors that hold the values in their order."""
        flat = torch.cat([*parts, parts[0].new_zeros(1)])
        if low is not None:
            flat = flat.to(low)
        return flat.index_select(0, self._indices(flat.device))

    def split(self, picked: Tensor) -> list[Tensor]:
        """Split the output of `pick` into the wanted tensors."""
        parts = picked.split_with_sizes([indices.size for indices in self._wanted])
        return [part.view(indices.shape) for part, indices in zip(parts, self._wanted, strict=True)]

    def _indices(self, device: torch.device) -> Tensor:
        if self._index is None or self._index.device != device:
            flat = np.concatenate([indices.reshape(-1) for indices in self._wanted])
            self._index = torch.from_numpy(np.where(flat == ABSENT, self.size, flat)).to(device)
        return self._index
