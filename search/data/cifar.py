"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009), through torchvision."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image
from torchvision.datasets import CIFAR10, CIFAR100
from torchvision.datasets.utils import check_integrity

from backbones.errors import InputError
from search.data.fingerprint import fingerprint
from search.data.images import ImageSource

Kind = Literal["cifar10", "cifar100"]

DATASETS: dict[str, Any] = {"cifar10": CIFAR10, "cifar100": CIFAR100}


@dataclass(frozen=True)
class CifarImages(ImageSource):
    """The 50,000 training or 10,000 test images of CIFAR-10 or CIFAR-100.

    Attributes:
        files: `<class>/<number>`, with the image's index in torchvision's data set (`CIFAR10(root)[number]`).
        pixels: uint8 `(N, 32, 32, 3)`, in the order of `files`.
        digest: fingerprint by the bytes of the files that they were read from.
    """

    pixels: np.ndarray
    digest: str

    def fingerprint(self) -> str:
        return self.digest

    def open(self, index: int) -> Image.Image:
        return Image.fromarray(self.pixels[index])

    def select(self, indices: Sequence[int], classes: Sequence[int]) -> CifarImages:
        return replace(super().select(indices, classes), pixels=self.pixels[np.asarray(indices, dtype=np.int64)])


def read_cifar(kind: Kind, root: str | Path, download: bool = False, train: bool = True) -> CifarImages:
    """Read the images from torchvision's layout, `<root>/cifar-10-batches-py/…` or `cifar-100-python/…`.

    torchvision unpickles these files, so their MD5 digests, which torchvision has, are verified first.

    Args:
        download: whether torchvision downloads missing files (170 MB).
        train: the training images, or the test images.

    Raises:
        InputError: a file is missing or is not the published one; the download fails, or is attempted in several
            processes.
    """
    dataset, root = DATASETS[kind], Path(root)
    folder = root / dataset.base_folder
    problem = _problem(kind, folder)
    if problem is not None:
        if not download:
            raise InputError(problem)
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            raise InputError(f"{problem}; several processes cannot download it: run `wildnas data check` first")
        _download(dataset, root)
    try:
        data = dataset(str(root), train=train)
    except (OSError, RuntimeError) as error:
        raise InputError(_problem(kind, folder) or f"{folder}: cannot be read: {error}") from error
    labels = np.asarray(data.targets, dtype=np.int64)
    order = np.argsort(labels, kind="stable")
    listed = dataset.train_list if train else dataset.test_list
    return CifarImages(
        root,
        tuple(data.classes),
        tuple(f"{data.classes[labels[number]]}/{number:05d}" for number in order),
        tuple(labels[order].tolist()),
        data.data[order],
        fingerprint(root, [], [folder / name for name in (*(name for name, _ in listed), dataset.meta["filename"])]),
    )


def _problem(kind: Kind, folder: Path) -> str | None:
    """Describe in one line what is wrong with the files, or return None."""
    dataset = DATASETS[kind]
    digests = dict((*dataset.train_list, *dataset.test_list, (dataset.meta["filename"], dataset.meta["md5"])))
    for name, digest in digests.items():
        if not (folder / name).is_file():
            return (
                f"{folder / name}: no such file; kind {kind!r} expects {', '.join(digests)} in {folder} (the unpacked "
                f"{dataset.filename}), or download=True to fetch them"
            )
        if not check_integrity(str(folder / name), digest):
            return f"{folder / name}: is not the published file (MD5 {digest}); remove it and download it again"
    return None


def _download(dataset: Any, root: Path) -> None:
    try:
        dataset(str(root), train=True, download=True)
    except (EOFError, OSError, RuntimeError, tarfile.TarError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{root}: the download of {dataset.url} failed: {reason}") from error
