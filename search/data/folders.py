"""Image folders in ImageNet's layout, `<root>/<class>/<image>`."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from backbones.errors import InputError
from search.data.checking import check_images
from search.data.fingerprint import fingerprint
from search.data.images import ImageSource
from search.data.names import SUFFIXES, TOO_DEEP, TOO_HIGH, confirm_text, is_hidden, is_image, kind_of, sift
from search.data.reader import read_picture


@dataclass(frozen=True)
class ImageFolder(ImageSource):
    """The images of a folder; the classes are the folders in it, in alphabetical order."""

    def fingerprint(self) -> str:
        return fingerprint(self.root, (self.root / file for file in self.files))

    def open(self, index: int) -> Image.Image:
        return read_picture(self.root / self.files[index])

    def check(self) -> None:
        check_images([(self.root / file, None) for file in self.files])


def list_image_folder(root: str | Path) -> ImageFolder:
    """List an image folder without opening an image.

    The class folders may be in one more folder, as often in unpacked archives. Hidden names are ignored; other files
    that are not images, and images at another depth, are passed over and counted.

    Raises:
        InputError: the folder does not exist, has no class folder, has a class without an image, or has a name that is
            not UTF-8.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(
            f"{root}: no such data folder; expected <class>/<image> below it (set WILDNAS_DATA to the data's folder)"
        )
    passed_over: Counter[str] = Counter()
    classes = _classes(root, passed_over)
    if len(classes) == 1 and _holds_classes(root / classes[0]):
        root = root / classes[0]
        classes = _classes(root, passed_over)
    if not classes:
        raise InputError(f"{root}: holds no class folder; expected <class>/<image> below it")
    files: list[str] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        found = _images(root / name, passed_over)
        if not found:
            raise no_image(f"{root / name}")
        files += (f"{name}/{file}" for file in found)
        labels += [label] * len(found)
    return ImageFolder(root, classes, tuple(files), tuple(labels), passed_over=passed_over)


def _classes(root: Path, passed_over: Counter[str]) -> tuple[str, ...]:
    """List the class folders, sorted by name; files beside them are counted."""
    classes = []
    for entry in os.scandir(root):
        if is_hidden(entry.name):
            continue
        if entry.is_dir():
            classes.append(confirm_text(entry.name))
        else:
            passed_over[TOO_HIGH if is_image(entry.name) else kind_of(entry.name)] += 1
    return tuple(sorted(classes))


def _holds_classes(folder: Path) -> bool:
    """Whether a folder holds no images, but folders with images."""
    entries = [entry for entry in os.scandir(folder) if not is_hidden(entry.name)]
    below = [entry.path for entry in entries if entry.is_dir()]
    return not any(is_image(entry.name) for entry in entries) and any(
        is_image(name) and not is_hidden(name) for path in below for name in os.listdir(path)
    )


def _images(folder: Path, passed_over: Counter[str]) -> list[str]:
    """List the images of a class; deeper files are counted."""
    names = []
    for entry in os.scandir(folder):
        if not entry.is_dir() or is_hidden(entry.name):
            names.append(entry.name)
            continue
        for _, folders, files in os.walk(entry.path):
            folders[:] = [name for name in folders if not is_hidden(name)]
            for name in files:
                if not is_hidden(name):
                    passed_over[TOO_DEEP if is_image(name) else kind_of(name)] += 1
    return sift(names, passed_over)


def no_image(where: str) -> InputError:
    """The error for a class without an image."""
    return InputError(f"{where}: class without an image (known suffixes: {', '.join(SUFFIXES)})")
