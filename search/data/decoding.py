"""Decode, crop and jitter images that do not fit in memory, in data-loader workers, a few batches ahead."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler
from torchvision.transforms import v2

from backbones.errors import InputError
from search.data.batches import BatchSampler
from search.data.images import ImageSource
from search.data.settings import Decoding, StoredImages
from search.training.seeds import seed_worker

#: The most pieces, or worker's shares of a batch, that a worker prepares ahead: two batches.
PIECES_AHEAD = 2

#: DARTS evaluates on the central 224 of 256 pixels (Krizhevsky et al. 2012).
CENTRE = 224 / 256


class Transform(Protocol):
    """A function of a picture that gives another picture, or its pixels."""

    def __call__(self, picture: Image.Image, /) -> Any: ...


def training_transform(size: int, how: Decoding) -> v2.Compose:
    """Random resized crop and colour jitter, from an RGB picture to uint8 `(3, size, size)`.

    The random flip is done by `augment` on the device; its order does not matter.
    """
    steps: list[Transform] = [v2.RandomResizedCrop(size, scale=how.crop_scale)]
    if how.colour_jitter is not None:
        steps.append(v2.ColorJitter(*how.colour_jitter))
    return v2.Compose([*steps, v2.PILToTensor()])


def evaluation_transform(size: int) -> v2.Compose:
    """Central crop, from an RGB picture to uint8 `(3, size, size)`."""
    return v2.Compose([v2.Resize(round(size / CENTRE)), v2.CenterCrop(size), v2.PILToTensor()])


class Piece:
    """A worker's share of a batch.

    Attributes:
        parts: for each part of the batch, indices of images.
        seeds: (seed, epoch); with the part and the position of an image, they seed its augmentation.
        position: the first image's position in the epoch, counted over the global batches, so that the augmentation
            does not depend on the number of workers and processes.
    """

    __slots__ = ("parts", "position", "seeds")

    def __init__(self, parts: Sequence[list[int]], seeds: tuple[int, int], position: int) -> None:
        self.parts = parts
        self.seeds = seeds
        self.position = position


class PieceSampler(Sampler[Piece]):
    """Split the batches of a sampler into pieces, one for each worker."""

    def __init__(self, batches: BatchSampler, workers: int) -> None:
        self.batches = batches
        self.pieces = min(workers, batches.share)

    def set_epoch(self, epoch: int) -> None:
        self.batches.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.batches) * self.pieces

    def __iter__(self) -> Iterator[Piece]:
        for batch, indices in enumerate(self.batches):
            position = batch * self.batches.width + self.batches.offset
            for parts in zip(*(part.tensor_split(self.pieces) for part in indices), strict=True):
                yield Piece([part.tolist() for part in parts], (self.batches.seed, self.batches.epoch), position)
                position += len(parts[0])


class DecodedBatches(Dataset[dict[str, Tensor] | InputError]):
    """Decoded and augmented images with their labels, indexed by a `Piece`.

    For a broken image, the error is returned, since the message of an exception in a worker would hold a traceback.
    """

    def __init__(self, source: ImageSource, how: StoredImages, prefixes: Sequence[str]) -> None:
        self.source = source
        self.transform = training_transform(how.image_size, how.decoding)
        self.prefixes = prefixes

    def __getitem__(self, piece: Piece) -> dict[str, Tensor] | InputError:
        batch: dict[str, Tensor] = {}
        try:
            for part, (prefix, indices) in enumerate(zip(self.prefixes, piece.parts, strict=True)):
                batch[f"{prefix}images"] = torch.stack(
                    [self._image(index, (*piece.seeds, part, piece.position + n)) for n, index in enumerate(indices)]
                )
                batch[f"{prefix}labels"] = torch.tensor([self.source.labels[index] for index in indices])
        except InputError as error:
            return error
        return batch

    def _image(self, index: int, seeds: tuple[int, ...]) -> Tensor:
        # The transforms draw from torch's default generator; torch.manual_seed would also seed all devices.
        seed = int(np.random.SeedSequence(seeds).generate_state(1, np.uint64)[0])
        torch.default_generator.manual_seed(seed)
        return self.transform(self.source.open(index))


class DecodingLoader(DataLoader[Any]):
    """Load whole augmented batches to a device, concatenated from the workers' pieces.

    Args:
        prefixes: for each part of the sampler, the prefix of `images` and `labels` in a batch's keys.

    Raises:
        InputError: in the iteration, if an image cannot be decoded; names it.
    """

    def __init__(
        self,
        source: ImageSource,
        how: StoredImages,
        batches: BatchSampler,
        device: torch.device,
        prefixes: Sequence[str] = ("",),
    ) -> None:
        self.batches = batches
        self.device = device
        sampler = PieceSampler(batches, how.decoding.workers)
        self.pieces = sampler.pieces
        super().__init__(
            DecodedBatches(source, how, prefixes),
            sampler=sampler,
            batch_size=None,
            num_workers=self.pieces,
            prefetch_factor=PIECES_AHEAD,
            worker_init_fn=seed_worker,
            pin_memory=device.type == "cuda",
        )

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[dict[str, Tensor]]:  # type: ignore[override]
        pieces = _sent(super().__iter__(), self.device)
        for _ in range(len(self)):
            batch = list(itertools.islice(pieces, self.pieces))
            yield {name: torch.cat([piece[name] for piece in batch]) for name in batch[0]}


class DecodedImages(Dataset[dict[str, Tensor] | InputError]):
    """Images prepared for evaluation, with their labels, indexed by a list of indices."""

    def __init__(self, source: ImageSource, size: int) -> None:
        self.source = source
        self.transform = evaluation_transform(size)

    def __len__(self) -> int:
        return len(self.source.files)

    def __getitem__(self, indices: Sequence[int]) -> dict[str, Tensor] | InputError:
        try:
            images = torch.stack([self.transform(self.source.open(index)) for index in indices])
        except InputError as error:
            return error
        return {"images": images, "labels": torch.tensor([self.source.labels[index] for index in indices])}


class EvaluationLoader(DataLoader[Any]):
    """Load images in order and without augmentation, in batches on a device; the last may be short.

    A batch is a dict of `images`, uint8 `(N, 3, H, W)`, and `labels`, int64 `(N,)`.

    Args:
        indices: indices of the images, int64 `(N,)`.

    Raises:
        InputError: in the iteration, if an image cannot be decoded; names it.
    """

    def __init__(
        self, source: ImageSource, how: StoredImages, indices: Tensor, batch_size: int, device: torch.device
    ) -> None:
        self.device = device
        workers = how.decoding.workers
        super().__init__(
            DecodedImages(source, how.image_size),
            # Each worker's piece is a batch here; its size affects only the memory.
            sampler=[piece.tolist() for piece in indices.split(max(1, batch_size // workers))],
            batch_size=None,
            num_workers=workers,
            prefetch_factor=PIECES_AHEAD,
            worker_init_fn=seed_worker,
            pin_memory=device.type == "cuda",
        )

    def __iter__(self) -> Iterator[dict[str, Tensor]]:  # type: ignore[override]
        yield from _sent(super().__iter__(), self.device)


def _sent(pieces: Iterator[dict[str, Tensor] | InputError], device: torch.device) -> Iterator[dict[str, Tensor]]:
    """Move the workers' pieces to the device, and raise an error among them."""
    try:
        for piece in pieces:
            if isinstance(piece, InputError):
                raise piece
            yield {name: value.to(device, non_blocking=True) for name, value in piece.items()}
    finally:
        # The workers end with the last reference, which an error's traceback would keep. If they were collected during
        # the start of other workers, each would be waited for in vain, 5 seconds long.
        del pieces
