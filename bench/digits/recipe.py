"""Make the folder of digits once, atomically."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from backbones.errors import InputError
from bench.digits.classification import write_classification
from bench.digits.coco import VAL_CANVASES, write_coco
from bench.digits.manifest import MANIFEST_NAME, Manifest, digest, read_manifest, write_manifest
from bench.digits.market1501 import TEST_IDENTITIES_PER_CLASS, write_market1501
from bench.digits.source import TRAIN_SHARE, load_split

#: Raise it whenever the same seed gives other files.
RECIPE_VERSION = 1


@dataclass(frozen=True)
class Recipe:
    """Amounts of the three data sets.

    Attributes:
        train_share: the share of each class for training; the other digits are for validation and for testing.
        val_canvases: number of validation images of the COCO data set.
        test_per_class: number of identities of each class that the queries of the Market-1501 data set show.
    """

    train_share: float = TRAIN_SHARE
    val_canvases: int = VAL_CANVASES
    test_per_class: int = TEST_IDENTITIES_PER_CLASS


#: Recipes by the name that configs give as `embedded`.
RECIPES: Mapping[str, Recipe] = {
    "digits": Recipe(),
    # 269 images for training and 1,528 for testing, so that architectures differ by more than chance.
    "digits_study": Recipe(train_share=0.15, val_canvases=240, test_per_class=24),
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
    amounts = RECIPES[recipe]
    split = load_split(seed, amounts.train_share)
    counts = {
        "classification": write_classification(folder / "classification", split, seed),
        "coco": write_coco(folder / "coco", split, seed, val_canvases=amounts.val_canvases),
        "market1501": write_market1501(folder / "market1501", split, seed, amounts.test_per_class),
    }
    made_with = {package: version(package) for package in ("numpy", "pillow", "scikit-learn")}
    write_manifest(folder, Manifest(seed, RECIPE_VERSION, counts, digest(folder), made_with, recipe))
