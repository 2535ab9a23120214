"""The user's own zoo: a folder of genotype files beside the published ones.

The folder is `$WILDNAS_ZOO`, or `zoo/` in the working directory. A file is a genotype as JSON, what `wildnas zoo show
--json` prints, or a text that holds one literal; its name without the suffix (`.json`, `.txt`) is the genotype's. A
published name stays the published genotype's.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from backbones.errors import InputError
from backbones.genotype import Genotype
from backbones.zoo import published

VARIABLE = "WILDNAS_ZOO"
_SUFFIXES = (".json", ".txt")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def folder() -> Path | None:
    """The user's zoo, or None where there is none.

    Raises:
        InputError: `$WILDNAS_ZOO` is no folder.
    """
    named = os.environ.get(VARIABLE)
    if named:
        if not os.path.isdir(named):
            raise InputError(f"${VARIABLE}: {named}: no such folder")
        return Path(named)
    return Path("zoo") if os.path.isdir("zoo") else None


def files() -> dict[str, Path]:
    """The files of the user's zoo by name, in alphabetical order; whether they hold genotypes is not looked at."""
    place = folder()
    if place is None:
        return {}
    found = (file for file in sorted(place.iterdir()) if file.suffix in _SUFFIXES and file.is_file())
    return {file.stem: file for file in found if _NAME.fullmatch(file.stem) and file.stem not in published.names()}


def find(name: str) -> Genotype:
    """The genotype of that name, published or the user's own.

    Raises:
        InputError: there is none (says the nearest name), or its file holds none.
    """
    if name in published.names():
        return published.get(name).genotype
    own = files()
    if name in own:
        return Genotype.read(own[name])
    close = difflib.get_close_matches(name, own, n=1)
    if close:
        raise InputError(f"{name[:60]}: no genotype of that name in the zoo; did you mean {close[0]!r}?")
    return published.get(name).genotype


def usable() -> dict[str, Path]:
    """The files of the user's zoo that hold a genotype, by name; `left_out` says why the others do not."""
    found = {}
    for name, file in files().items():
        with contextlib.suppress(InputError):
            Genotype.read(file)
            found[name] = file
    return found


def left_out() -> Iterator[str]:
    """Why a file of the user's zoo cannot be used, for each that cannot."""
    place = folder()
    for file in sorted(place.iterdir()) if place is not None else ():
        if file.suffix not in _SUFFIXES or not file.is_file():
            continue
        if file.stem in published.names():
            yield f"{file}: the published zoo has this name; give the file another one"
        elif not _NAME.fullmatch(file.stem):
            yield f"{file}: a name has letters, digits, '.', '_' and '-', 100 at the most"
        else:
            try:
                Genotype.read(file)
            except InputError as error:
                yield str(error)
