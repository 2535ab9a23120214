"""Find, count, split and read the images of a classification protocol, and load them in batches."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from backbones.errors import InputError
from bench.classification.settings import ClassificationSettings, Images
from bench.digits.recipe import ensure_embedded
from bench.tasks.contract import DataReport
from search.data.batches import BatchSampler, MemoryBatches, share_of
from search.data.cifar import read_cifar
from search.data.decoding import DecodingLoader, EvaluationLoader
from search.data.images import ImageSource
from search.data.names import as_counts
from search.data.sources import list_images
from search.training.parallel import rank, world_size


@dataclass(frozen=True)
class Sources:
    """The images of a protocol, listed without being opened.

    Attributes:
        train: the training images.
        val: the images of the validations during training.
        test: the images scored once, at the end, if `val` is held out of the training images; else None.
        fingerprint: the fingerprint of the whole data set.
    """

    train: ImageSource
    val: ImageSource
    test: ImageSource | None
    fingerprint: str

    @property
    def listed(self) -> tuple[ImageSource, ImageSource]:
        """One source for each folder or file with images."""
        return self.train, self.test or self.val

    @property
    def parts(self) -> dict[str, ImageSource]:
        named = {"train": self.train, "validation" if self.test else "val": self.val, "test": self.test}
        return {name: source for name, source in named.items() if source is not None}

    def report(self) -> DataReport:
        counts = {f"{name} images": len(source.files) for name, source in self.parts.items()}
        counts["classes"] = len(self.train.classes)
        # Summed over the parts, since a kind does not name its part.
        passed_over = sum((Counter(source.passed_over) for source in self.listed), Counter[str]())
        counts |= as_counts(passed_over)
        per_class = {name: source.counts() for name, source in self.parts.items()}
        return DataReport(counts, self.fingerprint, per_class)


def find(settings: ClassificationSettings) -> Sources:
    """List a protocol's images; missing embedded data are made first.

    Raises:
        InputError: images are missing, invalid or fewer than a batch, or the two parts have different classes.
    """
    ensure_embedded(settings.embedded)
    images = settings.images
    train, val = _listed(images)
    for name in sorted(set(train.classes) ^ set(val.classes)):
        has, lacks = (train, val) if name in train.classes else (val, train)
        raise InputError(f"{lacks.root}: lacks class {name!r}, which {has.root} has")
    fingerprint = f"{train.fingerprint()},{val.fingerprint()}"
    test = None
    if images.validation is not None:
        (train, val), test = hold_out(train, images.validation), limited(val, settings.limit)
    sources = Sources(limited(train, settings.limit), limited(val, settings.limit), test, fingerprint)
    if len(sources.train.files) < settings.batch_size:
        raise InputError(
            f"{train.root}: {len(sources.train.files)} training images are fewer than batch_size={settings.batch_size}"
        )
    return sources


def _listed(images: Images) -> tuple[ImageSource, ImageSource]:
    if images.kind == "folder":
        assert images.train is not None
        assert images.val is not None
        return list_images(images.train), list_images(images.val)
    assert images.root is not None
    return read_cifar(images.kind, images.root, images.download), read_cifar(images.kind, images.root, train=False)


def limited(source: ImageSource, limit: int | None) -> ImageSource:
    """Keep `limit` images, evenly over the files and so over the classes, by which they are sorted."""
    count = len(source.files)
    if limit is None or limit >= count:
        return source
    return source.select([index * count // limit for index in range(limit)], range(len(source.classes)))


def hold_out(source: ImageSource, count: int) -> tuple[ImageSource, ImageSource]:
    """Split off `count` images, the same number of each class; the choice is fixed, so that runs can be compared.

    Raises:
        InputError: `count` is not divisible by the number of classes, or a class has too few images.
    """
    share, rest = divmod(count, len(source.classes))
    if rest:
        raise InputError(
            f"{source.root}: images.validation={count} is not divisible by its {len(source.classes)} classes"
        )
    generator = torch.Generator().manual_seed(0)
    kept: list[int] = []
    held: list[int] = []
    begin = 0
    # Labels are ascending, so every class is one run of files.
    for name, size in source.counts().items():
        if size <= share:
            raise InputError(
                f"{source.root}: images.validation={count} takes {share} images of every class, but {name!r} has {size}"
            )
        order = (begin + torch.randperm(size, generator=generator)).tolist()
        held += order[:share]
        kept += order[share:]
        begin += size
    classes = range(len(source.classes))
    return source.select(sorted(kept), classes), source.select(sorted(held), classes)


def training_loader(
    source: ImageSource, settings: ClassificationSettings, seed: int, device: torch.device
) -> DataLoader[Any]:
    """Load this process' batches, shuffled by seed: `images`, uint8 `(N, 3, H, W)`, and `labels`, int64 `(N,)`.

    Raises:
        InputError: an image cannot be read, or the batch cannot be divided among processes and accumulated parts.
    """
    accumulate = settings.execution.accumulate
    everything = torch.arange(len(source.files), device=_place_of_indices(settings, device))
    batches = BatchSampler([everything], settings.batch_size, seed, rank(), world_size(), accumulate)
    held = _read(source, settings.images, device)
    if held is None:
        return DecodingLoader(source, settings.images, batches, device)
    return DataLoader(MemoryBatches(*held), sampler=batches, batch_size=None)


def evaluation_loader(source: ImageSource, settings: ClassificationSettings, device: torch.device) -> DataLoader[Any]:
    """Load this process' part of the images, in order and not augmented; the last batch may be smaller."""
    # Twice the training's batch, since nothing is kept for a backward pass.
    batch_size = max(1, 2 * share_of(settings.batch_size, world_size(), settings.execution.accumulate))
    mine = torch.arange(len(source.files), device=_place_of_indices(settings, device))[rank() :: world_size()]
    held = _read(source, settings.images, device)
    if held is None:
        return EvaluationLoader(source, settings.images, mine, batch_size, device)
    batches = [(batch,) for batch in mine.split(batch_size) if len(batch)]
    return DataLoader(MemoryBatches(*held), sampler=batches, batch_size=None)


def _place_of_indices(settings: ClassificationSettings, device: torch.device) -> torch.device:
    """The images' device, or the CPU where workers decode them: they would wait for the GPU to read indices there."""
    return device if settings.images.memory else torch.device("cpu")


def _read(source: ImageSource, images: Images, device: torch.device) -> tuple[Tensor, Tensor] | None:
    """Read images and labels onto the device; None if workers decode them."""
    if not images.memory:
        return None
    pixels = source.read(images.image_size, resize=images.resize)
    return pixels.to(device), torch.tensor(source.labels, device=device)
