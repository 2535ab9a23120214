"""A design, from which a network is built: a genotype, or a timm model that is used in place of one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from backbones.errors import InputError
from backbones.genotype import Genotype

_LONGEST_NAME = 80


@dataclass(frozen=True)
class TimmModel:
    """A timm model by its name, such as `resnet50`: a baseline in the papers' tables.

    Raises:
        InputError: the name is malformed, or has a tag (`resnet50.a1_in1k`), which names weights.
    """

    name: str

    def __post_init__(self) -> None:
        name, dot, tag = self.name.partition(".")
        if not (name.isascii() and name.isidentifier() and len(name) <= _LONGEST_NAME):
            raise InputError(f"timm:{self.name[:_LONGEST_NAME]!r}: expected the name of a model, such as timm:resnet50")
        if dot:
            hint = f"expected 'timm:{name}', with the weights {tag[:_LONGEST_NAME]!r} as a file"
            raise InputError(f"timm:{self.name[:_LONGEST_NAME]}: names weights; {hint}")

    def to_json(self) -> dict[str, Any]:
        return {"timm": self.name}

    @property
    def digest(self) -> str:
        """SHA-256 of `timm:` and the name."""
        return hashlib.sha256(f"timm:{self.name}".encode()).hexdigest()


#: A genotype or a timm model.
Design = Genotype | TimmModel
