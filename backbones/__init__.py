"""Genotype in, network out. Knows torch; no data, no training, no detection or re-identification library."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from backbones.design import Design, TimmModel
from backbones.errors import InputError
from backbones.genotype import Genotype

if TYPE_CHECKING:
    from backbones import drawing, weights, zoo
    from backbones.build import build_backbone, build_classifier
    from backbones.cost import Cost, measure
    from backbones.features import CellBackbone
    from backbones.networks import CifarNetwork, ImageNetNetwork
    from backbones.timm_backbone import TimmBackbone
    from backbones.weights import load_darts_checkpoint

__all__ = [
    "CellBackbone",
    "CifarNetwork",
    "Cost",
    "Design",
    "Genotype",
    "ImageNetNetwork",
    "InputError",
    "TimmBackbone",
    "TimmModel",
    "build_backbone",
    "build_classifier",
    "drawing",
    "load_darts_checkpoint",
    "measure",
    "weights",
    "zoo",
]

_HOMES = {
    "CellBackbone": "backbones.features",
    "TimmBackbone": "backbones.timm_backbone",
    "build_backbone": "backbones.build",
    "build_classifier": "backbones.build",
    "load_darts_checkpoint": "backbones.weights",
    "CifarNetwork": "backbones.networks",
    "ImageNetNetwork": "backbones.networks",
    "Cost": "backbones.cost",
    "measure": "backbones.cost",
}

_ROOMS = ("drawing", "weights", "zoo")


def __getattr__(name: str) -> Any:
    # The networks need torch, which takes seconds to import; the command's `--help` and the zoo do not.
    if name in _ROOMS:
        return importlib.import_module(f"backbones.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
