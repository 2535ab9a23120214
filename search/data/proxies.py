"""The proxy data of a search: two parts of a training set, for the weights and for α and β."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from backbones.errors import InputError
from search.data.batches import BatchSampler, MemoryBatches
from search.data.decoding import DecodingLoader, EvaluationLoader
from search.data.images import ImageSource
from search.data.names import as_counts
from search.data.settings import Proxy
from search.data.sources import find_source
from search.data.split import Split, digest_of, draw_split, keep_index
from search.training.parallel import rank, world_size

#: The prefixes of `images` and `labels` in the keys of a batch of both parts.
PREFIXES = ("weight_", "architecture_")


@dataclass(frozen=True)
class ProxyData:
    """The drawn images of a proxy, in memory if `proxy.memory` is set.

    Attributes:
        source: the drawn images of both parts, and their classes.
        labels: int64 `(N,)`.
        weight_part, architecture_part: ascending indices of the two disjoint parts, int64.
        images: uint8 `(N, 3, H, W)`, or None if workers decode them.
        fingerprint: fingerprint of the whole data set.
        index: SHA-256 of the index file, which lists both parts.
        device: the device of the batches, and of tensors in memory.
    """

    proxy: Proxy
    source: ImageSource
    labels: Tensor
    weight_part: Tensor
    architecture_part: Tensor
    images: Tensor | None
    fingerprint: str
    index: str
    device: torch.device = torch.device("cpu")  # noqa: RUF009

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the drawn classes, in the order of the labels."""
        return self.source.classes

    def counts(self) -> dict[str, int]:
        return {
            "weight images": len(self.weight_part),
            "architecture images": len(self.architecture_part),
            "classes": len(self.classes),
            **as_counts(self.source.passed_over),
        }

    def to(self, device: torch.device | str) -> ProxyData:
        """Give the proxy with its batches on a device; tensors in memory are moved there once."""
        device = torch.device(device)
        if self.images is None:
            return replace(self, device=device)
        return replace(
            self,
            labels=self.labels.to(device),
            weight_part=self.weight_part.to(device),
            architecture_part=self.architecture_part.to(device),
            images=self.images.to(device),
            device=device,
        )


def check_proxy(proxy: Proxy, batch_size: int, seed: int = 0) -> ImageSource:
    """List and draw the proxy's images without opening one.

    Returns:
        All images, drawn or not.

    Raises:
        InputError: images are missing or malformed, cannot be split as configured, or a part is smaller than a batch.
    """
    source = find_source(proxy)
    _draw(source, proxy, batch_size, seed)
    return source


def load_proxy(proxy: Proxy, batch_size: int, seed: int, index_file: Path | None = None) -> ProxyData:
    """Draw the proxy by seed and, if it is held in memory, read the images of both parts.

    Args:
        index_file: the file for the list of both parts, which is written before an image is opened.

    Raises:
        InputError: as `check_proxy`; the index file lists other images; or an image in memory cannot be decoded.
    """
    source = find_source(proxy)
    split = _draw(source, proxy, batch_size, seed)
    index = split.index(source)
    if index_file is not None:
        keep_index(index_file, index)
    fingerprint = source.fingerprint()
    drawn = torch.cat([split.weight, split.architecture]).sort().values
    source = source.select(drawn.tolist(), split.classes.tolist())
    return ProxyData(
        proxy,
        source,
        torch.tensor(source.labels),
        torch.searchsorted(drawn, split.weight),
        torch.searchsorted(drawn, split.architecture),
        source.read(proxy.image_size) if proxy.memory else None,
        fingerprint,
        digest_of(index),
    )


def _draw(source: ImageSource, proxy: Proxy, batch_size: int, seed: int) -> Split:
    split = draw_split(source, proxy, seed)
    for part, images in (("weights", split.weight), ("architecture", split.architecture)):
        if len(images) >= batch_size:
            continue
        if proxy.fractions is None and proxy.classes is None:
            raise InputError(f"{source.root}: half of {len(source.files)} images is fewer than batch_size={batch_size}")
        raise InputError(
            f"{source.root}: the {len(images)} images drawn for the {part} are fewer than batch_size={batch_size}; "
            "raise proxy.fractions or proxy.classes, or lower batch_size"
        )
    return split


def pair_loader(data: ProxyData, batch_size: int, seed: int) -> DataLoader[Any]:
    """Make a loader of whole batches of both parts on the data's device.

    A batch is a dict of `weight_images` and `architecture_images`, uint8 `(N, 3, H, W)`, and of `weight_labels` and
    `architecture_labels`, int64 `(N,)`; N is this process' share of `batch_size`.

    Raises:
        InputError: `batch_size` is not divisible by the number of processes.
    """
    parts = (data.weight_part, data.architecture_part)
    batches = BatchSampler(parts, batch_size, seed, rank(), world_size())
    if data.images is None:
        return DecodingLoader(data.source, data.proxy, batches, data.device, PREFIXES)
    return DataLoader(MemoryBatches(data.images, data.labels, PREFIXES), sampler=batches, batch_size=None)


def architecture_batches(
    data: ProxyData, batch_size: int, part: Tensor | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Iterate over the part for α and β, not augmented: uint8 images `(N, 3, H, W)` and int64 labels `(N,)`.

    Args:
        part: indices of some of its images, in another order; None takes all.
    """
    part = data.architecture_part if part is None else part
    if data.images is None:
        for batch in EvaluationLoader(data.source, data.proxy, part, batch_size, data.device):
            yield batch["images"], batch["labels"]
        return
    for indices in part.split(batch_size):
        yield data.images[indices], data.labels[indices]


def drawn_batches(data: ProxyData, batch_size: int, count: int | None, seed: int) -> list[tuple[Tensor, Tensor]]:
    """Draw whole batches of the part for α and β, not augmented, and hold them in memory.

    Args:
        count: number of batches; None is as many as there are.
    """
    whole = len(data.architecture_part) // batch_size
    order = torch.randperm(len(data.architecture_part), generator=torch.Generator().manual_seed(seed))
    order = order[: min(count or whole, whole) * batch_size].to(data.architecture_part.device)
    images, labels = zip(*architecture_batches(data, batch_size, data.architecture_part[order]), strict=True)
    return list(zip(torch.cat(images).split(batch_size), torch.cat(labels).split(batch_size), strict=True))
