"""Small images held in memory as one tensor: read once, augmented in batches on the device."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from backbones.errors import InputError
from search.fingerprint import fingerprint

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp"}


@dataclass(frozen=True)
class ImageFolder:
    """The files of an image folder, `<root>/<class>/<image>`.

    Attributes:
        classes: folder names in alphabetical order; a label is the index of one.
        files: all images, sorted by class and name.
        labels: the class of each file.
    """

    root: Path
    classes: tuple[str, ...]
    files: tuple[Path, ...]
    labels: tuple[int, ...]

    def counts(self) -> dict[str, int]:
        return {name: self.labels.count(label) for label, name in enumerate(self.classes)}

    def fingerprint(self) -> str:
        return fingerprint(self.root, self.files)


def list_image_folder(root: str | Path) -> ImageFolder:
    """List an image folder without opening an image.

    Raises:
        InputError: no such folder, no class folder in it, or a class without an image; names it.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(
            f"{root}: no such data folder; expected <class>/<image> below it (set WILDNAS_DATA to where data lie)"
        )
    classes = tuple(sorted(folder.name for folder in root.iterdir() if folder.is_dir()))
    if not classes:
        raise InputError(f"{root}: holds no class folder; expected <class>/<image> below it")
    files: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        found = sorted(path for path in (root / name).iterdir() if path.suffix.lower() in SUFFIXES)
        if not found:
            raise InputError(f"{root / name}: class without an image (known suffixes: {', '.join(sorted(SUFFIXES))})")
        files += found
        labels += [label] * len(found)
    return ImageFolder(root, classes, tuple(files), tuple(labels))


def read_images(files: Sequence[Path], size: int) -> Tensor:
    """Decode files to one uint8 tensor `(N, 3, size, size)`; other sizes are resized (bicubic).

    Raises:
        InputError: a file cannot be decoded; names it.
    """

    def read(file: Path) -> np.ndarray:
        try:
            with Image.open(file) as image:
                picture = image.convert("RGB")
        except (UnidentifiedImageError, OSError, SyntaxError) as error:
            raise InputError(f"{file}: cannot be read as an image: {error}") from error
        if picture.size != (size, size):
            picture = picture.resize((size, size), Image.Resampling.BICUBIC)
        return np.asarray(picture)

    with ThreadPoolExecutor(max_workers=4) as pool:
        arrays = list(pool.map(read, files))
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).contiguous()


def normalise(images: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """uint8 `(N, 3, H, W)` to float, scaled to 0..1, mean subtracted and divided by std, per channel."""
    shape = (1, 3, 1, 1)
    mean_255 = torch.tensor(mean, device=images.device).view(shape) * 255
    std_255 = torch.tensor(std, device=images.device).view(shape) * 255
    return (images.float() - mean_255) / std_255


def random_crop(images: Tensor, padding: int) -> Tensor:
    """Pad every image by zeros and cut a window of its size at a random place, `(N, C, H, W)` in and out."""
    n, _, height, width = images.shape
    padded = torch.nn.functional.pad(images, (padding,) * 4)
    rows = torch.randint(2 * padding + 1, (n, 1), device=images.device) + torch.arange(height, device=images.device)
    columns = torch.randint(2 * padding + 1, (n, 1), device=images.device) + torch.arange(width, device=images.device)
    batch = torch.arange(n, device=images.device).view(n, 1, 1, 1)
    channel = torch.arange(images.shape[1], device=images.device).view(1, -1, 1, 1)
    return padded[batch, channel, rows.view(n, 1, height, 1), columns.view(n, 1, 1, width)]


def random_flip(images: Tensor) -> Tensor:
    """Mirror every image left to right with probability 1/2, `(N, C, H, W)` in and out."""
    flip = torch.rand(images.shape[0], 1, 1, 1, device=images.device) < 0.5
    return torch.where(flip, images.flip(-1), images)


def cutout(images: Tensor, length: int) -> Tensor:
    """Set a square of `length` pixels around a random centre to zero, cut off at the border (DeVries and Taylor 2017).

    Apply it to normalised images, `(N, C, H, W)` in and out.
    """
    n, _, height, width = images.shape
    centre_y = torch.randint(height, (n, 1, 1, 1), device=images.device)
    centre_x = torch.randint(width, (n, 1, 1, 1), device=images.device)
    y = torch.arange(height, device=images.device).view(1, 1, height, 1) - centre_y + length // 2
    x = torch.arange(width, device=images.device).view(1, 1, 1, width) - centre_x + length // 2
    inside = (y >= 0) & (y < length) & (x >= 0) & (x < length)
    return images.masked_fill(inside, 0.0)


def augment(images: Tensor, crop_padding: int, flip: bool) -> Tensor:
    """Random crop and flip of a uint8 batch; zeros are black there, as in DARTS' pipeline (crop before normalising)."""
    if crop_padding:
        images = random_crop(images, crop_padding)
    return random_flip(images) if flip else images
