"""Images that are too large for memory: decoded, cropped and jittered by data-loader workers, a few batches ahead."""

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

#: A worker's share of a batch is one piece of work, and this many lie ready at most: two batches ahead.
PIECES_AHEAD = 2

#: DARTS evaluates on the central 224 of 256 pixels (Krizhevsky et al. 2012).
CENTRE = 224 / 256


class Transform(Protocol):
    """A picture to another, or to its pixels."""

    def __call__(self, picture: Image.Image, /) -> Any: ...


def training_transform(size: int, how: Decoding) -> v2.Compose:
    """Random resized crop and colour jitter, an RGB picture in and uint8 `(3, size, size)` out.

    The random flip, for which it makes no difference whether it comes before or after, is `augment`'s, on the device.
    """
    steps: list[Transform] = [v2.RandomResizedCrop(size, scale=how.crop_scale)]
    if how.colour_jitter is not None:
        steps.append(v2.ColorJitter(*how.colour_jitter))
    return v2.Compose([*steps, v2.PILToTensor()])


def evaluation_transform(size: int) -> v2.Compose:
    """The central square, an RGB picture in and uint8 `(3, size, size)` out."""
    return v2.Compose([v2.Resize(round(size / CENTRE)), v2.CenterCrop(size), v2.PILToTensor()])


class Piece:
    """A worker's share of a batch.

    Attributes:
        parts: of each part that batches are of, the indices of images.
        seeds: what the augmentation of each image is drawn from, together with its place: (seed, epoch, part).
        place: of the first image in the epoch; its neighbours follow. It counts over the global batches, so that an
            image is augmented alike whatever the number of workers and processes.
    """

    __slots__ = ("parts", "place", "seeds")

    def __init__(self, parts: Sequence[list[int]], seeds: tuple[int, int], place: int) -> None:
        self.parts = parts
        self.seeds = seeds
        self.place = place


class PieceSampler(Sampler[Piece]):
    """The batches of a sampler, cut in pieces of which every worker decodes one."""

    def __init__(self, batches: BatchSampler, workers: int) -> None:
        self.batches = batches
        self.pieces = min(workers, batches.share)

    def set_epoch(self, epoch: int) -> None:
        self.batches.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.batches) * self.pieces

    def __iter__(self) -> Iterator[Piece]:
        for batch, indices in enumerate(self.batches):
            place = batch * self.batches.width + self.batches.offset
            for parts in zip(*(part.tensor_split(self.pieces) for part in indices), strict=True):
                yield Piece([part.tolist() for part in parts], (self.batches.seed, self.batches.epoch), place)
                place += len(parts[0])


class DecodedBatches(Dataset[dict[str, Tensor] | InputError]):
    """Indexed by a `Piece`, gives its images, decoded and augmented, with their labels.

    A broken image is given as the error that names it: an exception that leaves a worker arrives with a traceback in
    its message.
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
                    [self._image(index, (*piece.seeds, part, piece.place + n)) for n, index in enumerate(indices)]
                )
                batch[f"{prefix}labels"] = torch.tensor([self.source.labels[index] for index in indices])
        except InputError as error:
            return error
        return batch

    def _image(self, index: int, seeds: tuple[int, ...]) -> Tensor:
        # The transforms draw from torch's generator; its own method, since torch.manual_seed goes round all devices.
        seed = int(np.random.SeedSequence(seeds).generate_state(1, np.uint64)[0])
        torch.default_generator.manual_seed(seed)
        return self.transform(self.source.open(index))


class DecodingLoader(DataLoader[Any]):
    """Whole augmented batches on a device, put together from the workers' pieces.

    Args:
        prefixes: of each part of the sampler, what stands before `images` and `labels` in a batch's keys.

    Raises:
        InputError: when an image is met that cannot be decoded; names it.
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
    """Indexed by a list of indices, gives these images as an evaluation sees them, with their labels."""

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
    """Images in order, decoded by workers and not augmented: batches on a device, the last one possibly short.

    A batch is a dict of `images`, uint8 `(N, 3, H, W)`, and `labels`, int64 `(N,)`.

    Args:
        indices: int64 `(N,)`, of the images.

    Raises:
        InputError: when an image is met that cannot be decoded; names it.
    """

    def __init__(
        self, source: ImageSource, how: StoredImages, indices: Tensor, batch_size: int, device: torch.device
    ) -> None:
        self.device = device
        workers = how.decoding.workers
        super().__init__(
            DecodedImages(source, how.image_size),
            # A worker's piece is a batch here: nothing but the memory depends on how many images are in one.
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
    """The workers' pieces on the device; an error among them is raised."""
    try:
        for piece in pieces:
            if isinstance(piece, InputError):
                raise piece
            yield {name: value.to(device, non_blocking=True) for name, value in piece.items()}
    finally:
        # The workers end with the last reference, which an error's traceback would keep: collected later, in the midst
        # of the start of other workers, they are waited for in vain, 5 seconds each.
        del pieces
