"""Image folders, and small images held in memory as one tensor."""

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
