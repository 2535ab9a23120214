"""Images in memory, given out in whole batches."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from search.training import epoch_generator


class Batches(Dataset[dict[str, Tensor]]):
    """Images in memory, indexed by a tensor of indices: a whole batch at once."""

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.images = images
        self.labels = labels

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, indices: Tensor) -> dict[str, Tensor]:
        return {"images": self.images[indices], "labels": self.labels[indices]}


class BatchSampler(Sampler[Tensor]):
    """Batches of indices; shuffled ones follow from seed and epoch and leave out the last short one."""

    def __init__(self, count: int, batch_size: int, seed: int | None) -> None:
        self.count = count
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.count // self.batch_size if self.seed is not None else -(-self.count // self.batch_size)

    def __iter__(self) -> Iterator[Tensor]:
        if self.seed is None:
            order = torch.arange(self.count)
        else:
            order = torch.randperm(self.count, generator=epoch_generator(self.seed, self.epoch))
        for batch in range(len(self)):
            yield order[batch * self.batch_size : (batch + 1) * self.batch_size]


def batch_loader(images: Tensor, labels: Tensor, batch_size: int, seed: int | None) -> DataLoader[dict[str, Tensor]]:
    """A loader whose items are whole batches; a seed shuffles, None keeps the order and the last short batch."""
    return DataLoader(Batches(images, labels), sampler=BatchSampler(len(images), batch_size, seed), batch_size=None)
