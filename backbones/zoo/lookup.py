"""Find a genotype by its name in the zoo, as a literal, or as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backbones.errors import InputError
from backbones.genotype import Genotype
from backbones.zoo import own

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
    return Genotype.parse(given) if "(" in given or "{" in given else own.find(given)
