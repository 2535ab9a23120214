"""Use a folder of your own data instead of a protocol's (`--data FOLDER`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backbones.errors import InputError

#: Usual names of each part's folder; the first that exists is taken.
PARTS: Mapping[str, Sequence[str]] = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "test", "testing"),
}


@dataclass(frozen=True)
class OwnData:
    """Data set that was found in a folder.

    Attributes:
        found: the kind of data set and its parts, in words.
        options: `key=value` texts that make a protocol read it.
    """

    found: str
    options: tuple[str, ...]


def as_options(values: Mapping[str, Any], config: Mapping[str, Any]) -> tuple[str, ...]:
    """Turn values by key into options; embedded data are switched off if the config has any."""
    embedded = {"embedded": None} if config.get("embedded") is not None else {}
    return tuple(f"{key}={value!r}" for key, value in {**embedded, **values}.items())


def require(folder: Path) -> None:
    """Check that a folder exists.

    Raises:
        InputError: it does not exist.
    """
    if not folder.is_dir():
        raise InputError(f"data {folder}: no such folder")


def find_part(folder: Path, part: str, archives: bool = False) -> Path | None:
    """Find the folder of a part by any of its names in any case, or, with `archives`, a zip file with that name."""
    entries = {entry.name.lower(): entry for entry in sorted(folder.iterdir())}
    for name in PARTS[part]:
        if name in entries and entries[name].is_dir():
            return entries[name]
        if archives and f"{name}.zip" in entries:
            return entries[f"{name}.zip"]
    return None


def class_parts(folder: Path) -> tuple[Path, Path]:
    """Find the training and validation part of an image folder or of zip files.

    Raises:
        InputError: one of them is missing.
    """
    require(folder)
    train, val = (find_part(folder, part, archives=True) for part in ("train", "val"))
    if train is None or val is None:
        held = ", ".join(sorted(entry.name for entry in folder.iterdir())[:8]) or "nothing"
        raise InputError(
            f"data {folder}: expected train/<class>/<image> and val/<class>/<image> in it, or train.zip and val.zip; "
            f"found {held}"
        )
    return train, val
