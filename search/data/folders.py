"""Image folders, `<root>/<class>/<image>`: ImageNet's layout, and everybody's own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from backbones.errors import InputError
from search.data.fingerprint import fingerprint
from search.data.images import SUFFIXES, ImageSource, decode, unreadable


@dataclass(frozen=True)
class ImageFolder(ImageSource):
    """The images of a folder; the classes are the folders in it, in alphabetical order."""

    def fingerprint(self) -> str:
        return fingerprint(self.root, (self.root / file for file in self.files))

    def open(self, index: int) -> Image.Image:
        file = self.root / self.files[index]
        try:
            with file.open("rb") as stream:
                return decode(stream, str(file))
        except OSError as error:
            raise unreadable(str(file), error) from error


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
    files: list[str] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        found = sorted(file for file in os.listdir(root / name) if os.path.splitext(file)[1].lower() in SUFFIXES)
        if not found:
            raise no_image(f"{root / name}")
        files += (f"{name}/{file}" for file in found)
        labels += [label] * len(found)
    return ImageFolder(root, classes, tuple(files), tuple(labels))


def no_image(where: str) -> InputError:
    """The one line that names a class without an image."""
    return InputError(f"{where}: class without an image (known suffixes: {', '.join(sorted(SUFFIXES))})")
