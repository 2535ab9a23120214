"""Make the folder of digits once, atomically."""

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

#: Raise it whenever the same seed gives other files.
RECIPE_VERSION = 1

#: The folders below the root, with the functions that write them.
WRITERS: Mapping[str, Callable[[Path, DigitsSplit, int], dict[str, int]]] = {
    "classification": write_classification,
    "coco": write_coco,
    "market1501": write_market1501,
}


def ensure(root: Path, seed: int = 0) -> Path:
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
            # A folder cannot replace one with files: another process was first.
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
            f"{root}: its {MANIFEST_NAME} has seed {found.seed}, recipe {found.version}; expected seed {seed}, recipe "
            f"{RECIPE_VERSION}; name another folder, or move this one away"
        )


def _write(folder: Path, seed: int) -> None:
    split = load_split(seed)
    counts = {name: write(folder / name, split, seed) for name, write in WRITERS.items()}
    made_with = {package: version(package) for package in ("numpy", "pillow", "scikit-learn")}
    write_manifest(folder, Manifest(seed, RECIPE_VERSION, counts, digest(folder), made_with))
