"""The proxy data of a search: two halves of a training set, one for the weights, one for the architecture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from backbones.errors import InputError
from search.images import ImageFolder, list_image_folder, read_images
from search.settings import Proxy
from search.training import epoch_generator


@dataclass(frozen=True)
class ProxyData:
    """A proxy in memory.

    Attributes:
        images, labels: uint8 `(N, 3, H, W)` and int64 `(N,)`.
        weight_half, architecture_half: indices of the two halves, disjoint, drawn by seed.
    """

    folder: ImageFolder
    images: Tensor
    labels: Tensor
    weight_half: Tensor
    architecture_half: Tensor

    def counts(self) -> dict[str, int]:
        return {
            "weight images": len(self.weight_half),
            "architecture images": len(self.architecture_half),
            "classes": len(self.folder.classes),
        }


def check_proxy(proxy: Proxy, batch_size: int) -> ImageFolder:
    """List the proxy's images without opening one.

    Raises:
        InputError: the folder is missing or empty, or a half is smaller than a batch.
    """
    folder = list_image_folder(proxy.root)
    half = len(folder.files) // 2
    if half < batch_size:
        raise InputError(f"{folder.root}: half of {len(folder.files)} images is fewer than batch_size={batch_size}")
    return folder


def load_proxy(proxy: Proxy, batch_size: int, seed: int) -> ProxyData:
    """Read the images and split them in two equal halves by seed (PC-DARTS 4.2; P-DARTS 5.1)."""
    folder = check_proxy(proxy, batch_size)
    order = torch.randperm(len(folder.files), generator=torch.Generator().manual_seed(seed))
    half = len(order) // 2
    return ProxyData(
        folder,
        read_images(folder.files, proxy.image_size),
        torch.tensor(folder.labels),
        order[:half].sort().values,
        order[half : 2 * half].sort().values,
    )


Pair = tuple[Tensor, Tensor]


class PairSampler(Sampler[Pair]):
    """Batches of indices, one of each half, shuffled by seed and epoch; the last short ones are left out."""

    def __init__(self, data: ProxyData, batch_size: int, seed: int) -> None:
        self.data = data
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.data.weight_half) // self.batch_size

    def __iter__(self) -> Iterator[Pair]:
        generator = epoch_generator(self.seed, self.epoch)
        halves = (self.data.weight_half, self.data.architecture_half)
        first, second = (half[torch.randperm(len(half), generator=generator)] for half in halves)
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            end = start + self.batch_size
            yield first[start:end], second[start:end]


class PairDataset(Dataset[dict[str, Tensor]]):
    """Indexed by a pair of index tensors, gives both batches at once: the images never leave memory one by one."""

    def __init__(self, data: ProxyData) -> None:
        self.data = data

    def __getitem__(self, pair: Pair) -> dict[str, Tensor]:
        images, labels = self.data.images, self.data.labels
        return {
            "weight_images": images[pair[0]],
            "weight_labels": labels[pair[0]],
            "architecture_images": images[pair[1]],
            "architecture_labels": labels[pair[1]],
        }


def pair_loader(data: ProxyData, batch_size: int, seed: int) -> DataLoader[dict[str, Tensor]]:
    """A loader whose items are whole batches of both halves."""
    return DataLoader(PairDataset(data), sampler=PairSampler(data, batch_size, seed), batch_size=None)
