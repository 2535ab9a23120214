"""Make the folder of digits once, atomically, when a protocol that uses it is checked or run."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

from backbones.errors import InputError
from backbones.files import confirm_writable
from bench.digits.classification import write_classification
from bench.digits.coco import write_coco
from bench.digits.market1501 import write_market1501
from bench.digits.source import TRAIN_SHARE, DigitsSplit, load_split
from search.configs import Embedded, data_folder

#: Raise it whenever the same seed gives other files.
RECIPE_VERSION = 1

#: The file that marks a complete folder: recipe, seed, package versions and contents.
MANIFEST_NAME = "digits.json"

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


def digits_root(name: Embedded = "digits") -> Path:
    """Return the folder of embedded digits: `$WILDNAS_DIGITS` or `work/digits`, `$WILDNAS_DIGITS_STUDY` or …."""
    return Path(data_folder(f"WILDNAS_{name.upper()}"))


def ensure_embedded(name: Embedded | None) -> None:
    """Make the embedded data that a config's key `embedded` names, unless they exist."""
    if name is not None:
        make_digits(name=name)


def make_digits(out: Path | None = None, seed: int = 0, name: Embedded = "digits") -> Path:
    """Write the embedded data sets below a folder (None: `digits_root`) unless they exist; return the folder."""
    folder = out or digits_root(name)
    if not folder.exists():
        confirm_writable(folder)
    return ensure(folder, seed, name)


@dataclass(frozen=True)
class Manifest:
    """The content of a folder's `digits.json`.

    Attributes:
        seed: the seed of the split and of every random draw.
        version: the version of the recipe.
        counts: counts by name, for each data set.
        sha256: `digest` of the folder.
        made_with: versions of the packages that drew and encoded the images; other versions may give other bytes.
        recipe: the name of the recipe.
    """

    seed: int
    version: int
    counts: Mapping[str, Mapping[str, int]]
    sha256: str
    made_with: Mapping[str, str]
    recipe: str = "digits"


def digest(folder: Path) -> str:
    """Compute a SHA-256 over the names and contents of all files below the folder except its manifest."""
    total = hashlib.sha256()
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    for name in names:
        if name != MANIFEST_NAME:
            content = hashlib.sha256((folder / name).read_bytes()).hexdigest()
            total.update(f"{content}  {name}\n".encode())
    return total.hexdigest()


def write_manifest(folder: Path, manifest: Manifest) -> None:
    (folder / MANIFEST_NAME).write_text(json.dumps(asdict(manifest), indent=2) + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a folder.

    Raises:
        InputError: the folder has no valid manifest.
    """
    path = folder / MANIFEST_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            f"{folder}: has no {MANIFEST_NAME}, so it is not a complete folder of digits; name a folder that does not "
            "exist, or move this one away"
        ) from None
    except ValueError as error:
        raise InputError(f"{path}: not a JSON file ({error}); move the folder away to have it made again") from None
    try:
        return Manifest(**content)
    except TypeError:
        raise InputError(
            f"{path}: not a manifest of digits; name a folder that does not exist, or move this one away"
        ) from None
