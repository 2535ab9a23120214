"""Sample batches from images in memory, from one part or from several parts together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from backbones.errors import InputError
from search.training.seeds import epoch_generator

Indices = tuple[Tensor, ...]


def share_of(batch_size: int, world_size: int, accumulate: int = 1) -> int:
    """The number of images of a global batch that a process computes at once.

    Args:
        accumulate: the number of smaller batches that a process' share is computed in.

    Raises:
        InputError: the batch cannot be divided equally.
    """
    if batch_size % world_size:
        raise InputError(f"batch_size={batch_size}: expected a multiple of the number of processes, {world_size}")
    if batch_size // world_size % accumulate:
        raise InputError(
            f"batch_size={batch_size} gives {batch_size // world_size} images a process, which accumulate={accumulate} "
            "does not divide"
        )
    return batch_size // world_size // accumulate


class BatchSampler(Sampler[Indices]):
    """Sample batches of indices from all parts together, without a last short batch.

    An epoch is one pass over the first part. A shorter part (PC-DARTS 4.3: the images for α and β are a quarter of
    those for the weights) is repeated, each time in another order. The order depends only on seed and epoch, not on the
    number of processes or on `accumulate`: a process takes the share of its rank of each global batch.

    Args:
        parts: for each part, the indices of its images, int64 `(N,)`; batches are on the same device.
        batch_size: images of the global batch.
        accumulate: the number of smaller batches that a batch is split into, whose gradients are accumulated.

    Raises:
        InputError: `batch_size` is not divisible by `world_size` and `accumulate`.
    """

    def __init__(
        self,
        parts: Sequence[Tensor],
        batch_size: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        accumulate: int = 1,
    ) -> None:
        self.parts = tuple(parts)
        self.seed = seed
        self.share = share_of(batch_size, world_size, accumulate)
        #: Images that all processes together take at once.
        self.width = batch_size // accumulate
        self.offset = rank * self.share
        self.epoch = 0
        self._steps = len(self.parts[0]) // batch_size
        self._accumulate = accumulate

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self._steps * self._accumulate

    def __iter__(self) -> Iterator[Indices]:
        generator = epoch_generator(self.seed, self.epoch)
        orders = [self._order(part, generator) for part in self.parts]
        for batch in range(len(self)):
            start = batch * self.width + self.offset
            yield tuple(order[start : start + self.share] for order in orders)

    def _order(self, part: Tensor, generator: torch.Generator) -> Tensor:
        """Order the part in as many passes as the epoch needs; each pass has every image once."""
        passes = max(1, -(-len(self) * self.width // len(part)))
        order = torch.cat([torch.randperm(len(part), generator=generator) for _ in range(passes)])
        # One copy for each epoch on the images' device; the batches are views of it.
        return part[order.to(part.device)]


class MemoryBatches(Dataset[dict[str, Tensor]]):
    """Images in memory, indexed by a tuple of index tensors, one for each part, to give a whole batch at once.

    Args:
        images: uint8 `(N, 3, H, W)`.
        labels: int64 `(N,)`.
        prefixes: for each part, the prefix of `images` and `labels` in a batch's keys.
    """

    def __init__(self, images: Tensor, labels: Tensor, prefixes: Sequence[str] = ("",)) -> None:
        self.images = images
        self.labels = labels
        self.prefixes = prefixes

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, indices: Indices) -> dict[str, Tensor]:
        batch: dict[str, Tensor] = {}
        for prefix, part in zip(self.prefixes, indices, strict=True):
            batch |= {f"{prefix}images": self.images[part], f"{prefix}labels": self.labels[part]}
        return batch
