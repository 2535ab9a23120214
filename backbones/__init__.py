"""Genotype in, network out. Knows torch; no data, no training, no detection or re-identification library."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from backbones.errors import InputError
from backbones.genotype import Genotype

if TYPE_CHECKING:
    from backbones.cost import Cost, measure
    from backbones.features import CellBackbone
    from backbones.networks import CifarNetwork, ImageNetNetwork

__all__ = ["CellBackbone", "CifarNetwork", "Cost", "Genotype", "ImageNetNetwork", "InputError", "measure"]

_HOMES = {
    "CellBackbone": "backbones.features",
    "CifarNetwork": "backbones.networks",
    "ImageNetNetwork": "backbones.networks",
    "Cost": "backbones.cost",
    "measure": "backbones.cost",
}


def __getattr__(name: str) -> Any:
    # The networks need torch, which takes seconds to import; the command's `--help` and the zoo do not.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
