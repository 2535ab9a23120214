"""Make the folder of digits once, atomically."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

from backbones.errors import InputError
from bench.digits.classification import write_classification
from bench.digits.coco import write_coco
from bench.digits.manifest import MANIFEST_NAME, Manifest, digest, read_manifest, write_manifest
from bench.digits.market1501 import write_market1501
from bench.digits.source import TRAIN_SHARE, DigitsSplit, load_split

#: Raise it whenever the same seed gives other files.
RECIPE_VERSION = 1


#: Writes a data set of a split into a folder, by a seed; returns its counts.
Writer = Callable[[Path, DigitsSplit, int], dict[str, int]]


@dataclass(frozen=True)
class Recipe:
    """The split of the digits, and the data sets that are made of them.

    Attributes:
        train_share: the share of each class for training; the other digits are for validation and for testing.
        writers: the folders below the root, with the functions that write them.
    """

    train_share: float
    writers: Mapping[str, Writer]


#: Recipes by the name that configs give as `embedded`.
RECIPES: Mapping[str, Recipe] = {
    "digits": Recipe(
        TRAIN_SHARE, {"classification": write_classification, "coco": write_coco, "market1501": write_market1501}
    ),
    # 269 images for training and 1,528 for testing, so that architectures differ by more than chance.
    "digits_study": Recipe(
        0.15,
        {
            "classification": write_classification,
            "coco": partial(write_coco, val_canvases=240),
            "market1501": partial(write_market1501, test_per_class=24),
        },
    ),
}


def ensure(root: Path, seed: int = 0, recipe: str = "digits") -> Path:
    """Make `classification/`, `coco/` and `market1501/` below `root` unless they exist, and return `root`.

    Everything is written beside `root` and then renamed, so that an existing `root` is complete. If two processes make
    it at the same time, the first one's is kept.

    Raises:
        InputError: the seed is negative, or `root` exists and was made by another recipe or seed.
    """
    if seed < 0:
        raise InputError(f"seed {seed}: expected a seed of 0 or more")
    # lexists, since a broken link would be in the way.
    if os.path.lexists(root):
        _check(root, seed, recipe)
        return root
    root.parent.mkdir(parents=True, exist_ok=True)
    part = root.with_name(f".{root.name}.{secrets.token_hex(8)}.part")
    part.mkdir()
    try:
        _write(part, seed, recipe)
        try:
            os.replace(part, root)
        except OSError:
            # A folder cannot replace one with files: another process was first.
            if not os.path.lexists(root):
                raise
            _check(root, seed, recipe)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return root


def _check(root: Path, seed: int, recipe: str) -> None:
    found = read_manifest(root)
    if (found.recipe, found.seed, found.version) != (recipe, seed, RECIPE_VERSION):
        raise InputError(
            f"{root}: its {MANIFEST_NAME} has recipe {found.recipe} {found.version} and seed {found.seed}; expected "
            f"recipe {recipe} {RECIPE_VERSION} and seed {seed}; name another folder, or move this one away"
        )


def _write(folder: Path, seed: int, recipe: str) -> None:
    split = load_split(seed, RECIPES[recipe].train_share)
    counts = {name: write(folder / name, split, seed) for name, write in RECIPES[recipe].writers.items()}
    made_with = {package: version(package) for package in ("numpy", "pillow", "scikit-learn")}
    write_manifest(folder, Manifest(seed, RECIPE_VERSION, counts, digest(folder), made_with, recipe))
