"""Published genotypes, one JSON file each, with source, citation and published numbers."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from backbones.errors import InputError
from backbones.genotype import Genotype


@dataclass(frozen=True)
class Entry:
    """A published genotype.

    Attributes:
        name: the usual name in the literature.
        genotype: the cells.
        source: where the genotype was published.
        citation: the paper.
        note: advice for users, or an empty text.
        published: the papers' numbers for it, each with its table, and with its network if that is not the usual one
            (`large`: 64 initial channels).
    """

    name: str
    genotype: Genotype
    source: str
    citation: str
    note: str
    published: tuple[Mapping[str, Any], ...]


@cache
def names() -> tuple[str, ...]:
    """The names of all published genotypes, in alphabetical order."""
    files = (file.name for file in resources.files("backbones.zoo").iterdir())
    return tuple(sorted(file.removesuffix(".json") for file in files if file.endswith(".json")))


@cache
def get(name: str) -> Entry:
    """Find a published genotype by name.

    Raises:
        InputError: the name is unknown; says the nearest one.
    """
    if name not in names():
        close = difflib.get_close_matches(name, names(), n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"the zoo has {', '.join(names())}"
        raise InputError(f"{name[:60]}: no genotype of that name in the zoo; {hint}")
    file = resources.files("backbones.zoo") / f"{name}.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    return Entry(
        name=name,
        genotype=Genotype.from_json(content["genotype"], where=f"{name}.json"),
        source=content["source"],
        citation=content["citation"],
        note=content["note"],
        published=tuple(MappingProxyType(row) for row in content["published"]),
    )
