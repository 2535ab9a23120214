"""The manifest of a complete folder of digits: recipe, seed, package versions and contents."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from backbones.errors import InputError

MANIFEST_NAME = "digits.json"


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
