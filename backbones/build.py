"""Build a network or a backbone from a genotype or a timm model, with one set of settings."""

from __future__ import annotations

from typing import Any, Literal

from torch import nn

from backbones.design import Design, TimmModel
from backbones.features import CellBackbone
from backbones.networks import CifarNetwork, ImageNetNetwork
from backbones.timm_backbone import TimmBackbone, create
from backbones.zoo import GenotypeLike, genotype_of

#: Settings of `CellBackbone` that a timm model has fixed.
FIXED_IN_TIMM = ("channels", "layers", "stem")

#: A design, or its name: `timm:NAME`, or anything in `GenotypeLike`.
DesignLike = TimmModel | GenotypeLike


def design_of(given: DesignLike) -> Design:
    """Find the genotype or timm model that is given by name, as a literal or as an object.

    Raises:
        InputError: the name is unknown, or the text is not a genotype.
    """
    if isinstance(given, TimmModel):
        return given
    if isinstance(given, str) and given.startswith("timm:"):
        return TimmModel(given.removeprefix("timm:"))
    return genotype_of(given)


def build_backbone(design: DesignLike, **settings: Any) -> CellBackbone | TimmBackbone:
    """Build the feature extractor of a design.

    Args:
        settings: those of `CellBackbone`; a timm model ignores `FIXED_IN_TIMM`.
    """
    design = design_of(design)
    if isinstance(design, TimmModel):
        return TimmBackbone(design.name, **{key: settings[key] for key in settings if key not in FIXED_IN_TIMM})
    return CellBackbone(design, **settings)


def build_classifier(
    design: DesignLike,
    network: Literal["cifar", "imagenet"],
    channels: int,
    layers: int,
    num_classes: int,
    auxiliary: bool,
) -> nn.Module:
    """Build the evaluation network of a genotype, or a timm model.

    A timm model ignores `network`, `channels`, `layers` and `auxiliary`.
    """
    design = design_of(design)
    if isinstance(design, TimmModel):
        return create(design.name, num_classes=num_classes)
    kind = CifarNetwork if network == "cifar" else ImageNetNetwork
    return kind(design, channels, layers, num_classes, auxiliary)
