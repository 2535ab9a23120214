"""Make the folder of digits once: whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

from backbones.errors import InputError
from bench.digits.classification import write_classification
from bench.digits.coco import write_coco
from bench.digits.manifest import MANIFEST_NAME, Manifest, digest, read_manifest, write_manifest
from bench.digits.market1501 import write_market1501
from bench.digits.source import DigitsSplit, load_split

#: To be raised whenever the same seed gives other files.
RECIPE_VERSION = 1

#: What lies below the root, and what writes it.
WRITERS: Mapping[str, Callable[[Path, DigitsSplit, int], dict[str, int]]] = {
    "classification": write_classification,
    "coco": write_coco,
    "market1501": write_market1501,
}


def ensure(root: Path, seed: int = 0) -> Path:
    """Make `classification/`, `coco/` and `market1501/` below `root` unless they are there, and return `root`.

    Everything is written beside `root` and renamed into place with its manifest in it, so a `root` that exists is
    finished, and of two processes that make it at once, one keeps the other's.

    Raises:
        InputError: the seed is negative, or `root` exists and is not what this recipe makes from this seed.
    """
    if seed < 0:
        raise InputError(f"seed {seed}: the digits need a seed of 0 or more")
    # A link to nowhere does not exist but is in the way.
    if os.path.lexists(root):
        _check(root, seed)
        return root
    root.parent.mkdir(parents=True, exist_ok=True)
    part = root.with_name(f".{root.name}.{secrets.token_hex(8)}.part")
    part.mkdir()
    try:
        _write(part, seed)
        try:
            os.replace(part, root)
        except OSError:
            # A folder is not renamed over one that has files: another process was first.
            if not os.path.lexists(root):
                raise
            _check(root, seed)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return root


def _check(root: Path, seed: int) -> None:
    found = read_manifest(root)
    if (found.seed, found.version) != (seed, RECIPE_VERSION):
        raise InputError(
            f"{root}: its {MANIFEST_NAME} says seed {found.seed}, recipe {found.version}, but seed {seed}, recipe "
            f"{RECIPE_VERSION} is asked for; name another folder, or move this one away"
        )


def _write(folder: Path, seed: int) -> None:
    split = load_split(seed)
    counts = {name: write(folder / name, split, seed) for name, write in WRITERS.items()}
    made_with = {package: version(package) for package in ("numpy", "pillow", "scikit-learn")}
    write_manifest(folder, Manifest(seed, RECIPE_VERSION, counts, digest(folder), made_with))
