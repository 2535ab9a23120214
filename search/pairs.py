"""Batches in pairs, one of each part of a proxy, out of memory."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from backbones.errors import InputError
from search.training import epoch_generator

Pair = tuple[Tensor, Tensor]


def share_of(batch_size: int, world_size: int) -> int:
    """The images of a global batch that each of `world_size` processes takes.

    Raises:
        InputError: they cannot be divided equally.
    """
    if batch_size % world_size:
        raise InputError(
            f"batch_size={batch_size} is shared by all processes, and is not divisible by their number, {world_size}"
        )
    return batch_size // world_size


class PairSampler(Sampler[Pair]):
    """Batches of indices, one of each part; the last short ones are left out.

    An epoch is one pass over the weights' part. A shorter part for α and β (PC-DARTS 4.3: a quarter of the other) is
    begun anew, in another order, as often as that needs. The order follows from seed and epoch, and is the same for
    any number of processes: of each global batch, a process takes the share of its rank.

    Args:
        weight_part, architecture_part: indices of images, int64; what is given out lies on their device.
        batch_size: of the global batch.

    Raises:
        InputError: `batch_size` is not divisible by `world_size`.
    """

    def __init__(
        self,
        weight_part: Tensor,
        architecture_part: Tensor,
        batch_size: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.parts = (weight_part, architecture_part)
        self.batch_size = batch_size
        self.seed = seed
        self.share = share_of(batch_size, world_size)
        self.offset = rank * self.share
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.parts[0]) // self.batch_size

    def __iter__(self) -> Iterator[Pair]:
        generator = epoch_generator(self.seed, self.epoch)
        first, second = (self._order(part, generator) for part in self.parts)
        for batch in range(len(self)):
            start = batch * self.batch_size + self.offset
            yield first[start : start + self.share], second[start : start + self.share]

    def _order(self, part: Tensor, generator: torch.Generator) -> Tensor:
        """Enough of the part for an epoch, in passes each of which has every image once."""
        passes = max(1, -(-len(self) * self.batch_size // len(part)))
        order = torch.cat([torch.randperm(len(part), generator=generator) for _ in range(passes)])
        # One copy an epoch: the batches are views of it, on the images' device.
        return part[order.to(part.device)]


class PairDataset(Dataset[dict[str, Tensor]]):
    """Indexed by a pair of index tensors, gives both batches at once: the images never leave memory one by one."""

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.images = images
        self.labels = labels

    def __getitem__(self, pair: Pair) -> dict[str, Tensor]:
        return {
            "weight_images": self.images[pair[0]],
            "weight_labels": self.labels[pair[0]],
            "architecture_images": self.images[pair[1]],
            "architecture_labels": self.labels[pair[1]],
        }
