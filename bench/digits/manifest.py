"""The manifest of a finished folder of digits: which recipe and seed made it, with what, and what is in it."""

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
    """What `digits.json` says of the folder that it lies in.

    Attributes:
        seed: the seed of the split and of every random draw.
        version: the version of the recipe.
        counts: by data set, how many of what.
        sha256: `digest` of the folder.
        made_with: versions of the packages that drew and encoded the images: other ones may give other bytes.
    """

    seed: int
    version: int
    counts: Mapping[str, Mapping[str, int]]
    sha256: str
    made_with: Mapping[str, str]


def digest(folder: Path) -> str:
    """Return a SHA-256 over the names and contents of all files below the folder but its manifest."""
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
        InputError: the folder has no manifest, or it is not one that `write_manifest` writes.
    """
    path = folder / MANIFEST_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            f"{folder}: has no {MANIFEST_NAME}, so it is no finished folder of digits; name a folder that does not "
            "exist, or move this one away"
        ) from None
    except ValueError as error:
        raise InputError(f"{path}: not a JSON file ({error}); move the folder away and have it made again") from None
    try:
        return Manifest(**content)
    except TypeError:
        raise InputError(
            f"{path}: not a manifest of digits; name a folder that does not exist, or move this one away"
        ) from None
