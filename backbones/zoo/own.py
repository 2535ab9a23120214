"""The user's own zoo: a folder of genotype files.

The folder is `$WILDNAS_ZOO`, or `zoo/` in the working directory. A file is a genotype as JSON, the output of `wildnas
zoo show --json`, or a text that holds one literal. Its name without the suffix (`.json`, `.txt`) names the genotype. A
name in the published zoo always means the published genotype.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from backbones.errors import InputError
from backbones.genotype import Genotype
from backbones.zoo import published

VARIABLE = "WILDNAS_ZOO"
_SUFFIXES = (".json", ".txt")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def folder() -> Path | None:
    """The folder of the user's zoo, or None.

    Raises:
        InputError: `$WILDNAS_ZOO` is not a folder.
    """
    named = os.environ.get(VARIABLE)
    if named:
        if not os.path.isdir(named):
            raise InputError(f"${VARIABLE}: {named}: no such folder")
        return Path(named)
    return Path("zoo") if os.path.isdir("zoo") else None


def files() -> dict[str, Path]:
    """The files of the user's zoo by name, in alphabetical order, without reading them."""
    taken = published.names()
    return {file.stem: file for file in _candidates() if _NAME.fullmatch(file.stem) and file.stem not in taken}


def _candidates() -> list[Path]:
    root = folder()
    return sorted(file for file in root.iterdir() if file.suffix in _SUFFIXES and file.is_file()) if root else []


def find(name: str) -> Genotype:
    """Find a genotype by name, published or the user's own.

    Raises:
        InputError: the name is unknown (says the nearest one), or its file holds no genotype.
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
    """Say for each unusable file of the user's zoo why it cannot be used."""
    for file in _candidates():
        if file.stem in published.names():
            yield f"{file}: the published zoo has this name; give the file another one"
        elif not _NAME.fullmatch(file.stem):
            yield f"{file}: malformed name; expected at most 100 letters, digits, '.', '_' and '-'"
        else:
            try:
                Genotype.read(file)
            except InputError as error:
                yield str(error)


#: A genotype, or what names one: a zoo name, a literal or JSON as text, or the JSON's object.
GenotypeLike = Genotype | str | Mapping[str, Any]


def genotype_of(given: GenotypeLike) -> Genotype:
    """Find the genotype that is given by a zoo name, as a literal or JSON text, or as the JSON's object.

    Raises:
        InputError: the name is unknown, or the text or object is not a genotype.
    """
    if isinstance(given, Genotype):
        return given
    if isinstance(given, Mapping):
        return Genotype.from_json(given)
    if not isinstance(given, str):
        raise InputError(f"genotype: expected a zoo name, a text or an object, not {type(given).__name__}")
    return Genotype.parse(given) if "(" in given or "{" in given else find(given)
