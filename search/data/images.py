"""Labelled images, listed without being opened: the interface of all kinds of sources."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from backbones.errors import InputError

SourceT = TypeVar("SourceT", bound="ImageSource")


@dataclass(frozen=True)
class ImageSource(ABC):
    """Images and their classes, of any kind of source.

    Attributes:
        root: the folder or file of the images.
        classes: names in the order of the labels.
        files: paths of the images below the root, `<class>/<image>`, sorted by class and name.
        labels: class indices of the images, ascending.
        passed_over: counts of other files by kind (`search.data.names`).
    """

    root: Path
    classes: tuple[str, ...]
    files: tuple[str, ...]
    labels: tuple[int, ...]
    passed_over: Mapping[str, int] = field(default_factory=dict, kw_only=True, compare=False)

    @abstractmethod
    def fingerprint(self) -> str:
        """Digest of the data set, independent of its location, without opening an image."""

    @abstractmethod
    def open(self, index: int) -> Image.Image:
        """Decode one image to RGB.

        Raises:
            InputError: the image cannot be decoded; names it.
        """

    def check(self) -> None:
        """Check that every image is complete; images in memory need no check.

        Raises:
            InputError: names the first few images that cannot be read.
        """
        return None

    def counts(self) -> dict[str, int]:
        """Count the images of each class."""
        found = np.bincount(np.asarray(self.labels, dtype=np.int64), minlength=len(self.classes))
        return {name: int(count) for name, count in zip(self.classes, found, strict=True)}

    def select(self: SourceT, indices: Sequence[int], classes: Sequence[int]) -> SourceT:
        """Select the images at ascending `indices`, all of which are of `classes`; labels are renumbered."""
        label_of = {label: new for new, label in enumerate(classes)}
        return replace(
            self,
            classes=tuple(self.classes[label] for label in classes),
            files=tuple(self.files[index] for index in indices),
            labels=tuple(label_of[self.labels[index]] for index in indices),
        )

    def read(self, size: int, resize: bool = True) -> Tensor:
        """Decode all images to one uint8 tensor `(N, 3, size, size)`.

        Args:
            resize: whether images of other sizes are resized (bicubic) or refused.

        Raises:
            InputError: an image cannot be decoded, or has another size and is not resized; names it.
        """
        images = torch.empty((len(self.files), 3, size, size), dtype=torch.uint8)
        pixels = images.numpy()

        def decode(index: int) -> None:
            picture = self.open(index)
            if picture.size != (size, size):
                if not resize:
                    raise InputError(
                        f"{self.root}/{self.files[index]}: is {picture.width} x {picture.height} pixels; expected "
                        f"{size} x {size} (image_size), or resize=True"
                    )
                picture = picture.resize((size, size), Image.Resampling.BICUBIC)
            pixels[index] = np.asarray(picture).transpose(2, 0, 1)

        with ThreadPoolExecutor(max_workers=4) as pool:
            for _ in pool.map(decode, range(len(self.files))):
                pass
        return images


def normalise(images: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Convert uint8 `(N, 3, H, W)` to float in 0..1, subtract the mean and divide by std, per channel."""
    mean_255 = _of_channels(tuple(mean), images.device, torch.get_default_dtype())
    std_255 = _of_channels(tuple(std), images.device, torch.get_default_dtype())
    return (images.float() - mean_255) / std_255


@cache
def _of_channels(values: tuple[float, ...], device: torch.device, dtype: torch.dtype) -> Tensor:
    """255 times the values, `(1, 3, 1, 1)`; cached, because creating it would wait for the device at each batch."""
    return torch.tensor(values, device=device, dtype=dtype).view(1, -1, 1, 1) * 255
