"""A genotype by whatever names it: a name of the zoo, a literal, JSON, or the genotype itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backbones.errors import InputError
from backbones.genotype import Genotype
from backbones.zoo import own

#: What stands for a genotype wherever one is taken: a zoo name, a literal or JSON as text, or the JSON's object.
GenotypeLike = Genotype | str | Mapping[str, Any]


def genotype_of(given: GenotypeLike) -> Genotype:
    """The genotype that a zoo name, a literal or JSON as text, or the JSON's object stands for.

    Raises:
        InputError: no such name, or not a genotype.
    """
    if isinstance(given, Genotype):
        return given
    if isinstance(given, Mapping):
        return Genotype.from_json(given)
    if not isinstance(given, str):
        raise InputError(f"genotype: expected a zoo name, a text or an object, not {type(given).__name__}")
    return Genotype.parse(given) if "(" in given or "{" in given else own.find(given)
