"""Whole batches out of memory, of one set of images or of several sets side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from backbones.errors import InputError
from search.training.seeds import epoch_generator

Indices = tuple[Tensor, ...]


def share_of(batch_size: int, world_size: int, accumulate: int = 1) -> int:
    """The images of a global batch that each of `world_size` processes takes at once.

    Args:
        accumulate: the parts that a process computes its share in, one after another.

    Raises:
        InputError: they cannot be divided equally.
    """
    if batch_size % world_size:
        raise InputError(
            f"batch_size={batch_size} is shared by all processes, and is not divisible by their number, {world_size}"
        )
    if batch_size // world_size % accumulate:
        raise InputError(
            f"batch_size={batch_size} gives {batch_size // world_size} images a process, which accumulate={accumulate} "
            "does not divide"
        )
    return batch_size // world_size // accumulate


class BatchSampler(Sampler[Indices]):
    """Batches of indices, one of each part at once; the last short ones are left out.

    An epoch is one pass over the first part. A shorter part (PC-DARTS 4.3: the images for α and β are a quarter of
    those for the weights) is begun anew, in another order, as often as that needs. The order follows from seed and
    epoch, and is the same for any number of processes and any `accumulate`: of each global batch, a process takes the
    share of its rank.

    Args:
        parts: of each part, int64 `(N,)`, the indices of its images; what is given out lies on their device.
        batch_size: of the global batch.
        accumulate: a batch is given out in so many smaller ones, whose gradients are added up to a step's.

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
        """Enough of the part for an epoch, in passes each of which has every image once."""
        passes = max(1, -(-len(self) * self.width // len(part)))
        order = torch.cat([torch.randperm(len(part), generator=generator) for _ in range(passes)])
        # One copy an epoch: the batches are views of it, on the images' device.
        return part[order.to(part.device)]


class MemoryBatches(Dataset[dict[str, Tensor]]):
    """Indexed by a tuple of index tensors, gives a batch of each: the images never leave memory one by one.

    Args:
        images: uint8 `(N, 3, H, W)`.
        labels: int64 `(N,)`.
        prefixes: of each part, what stands before `images` and `labels` in a batch's keys.
    """

    def __init__(self, images: Tensor, labels: Tensor, prefixes: Sequence[str] = ("",)) -> None:
        self.images = images
        self.labels = labels
        self.prefixes = prefixes

    def __getitem__(self, indices: Indices) -> dict[str, Tensor]:
        batch: dict[str, Tensor] = {}
        for prefix, part in zip(self.prefixes, indices, strict=True):
            batch |= {f"{prefix}images": self.images[part], f"{prefix}labels": self.labels[part]}
        return batch
