"""Networks and backbones of any design, a genotype or a timm model, from one set of settings."""

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


#: What stands for a design: `timm:NAME`, or what stands for a genotype.
DesignLike = TimmModel | GenotypeLike


def design_of(given: DesignLike) -> Design:
    """The genotype or timm model that a name, a literal or an object stands for.

    Raises:
        InputError: no such name, or not a genotype.
    """
    if isinstance(given, TimmModel):
        return given
    if isinstance(given, str) and given.startswith("timm:"):
        return TimmModel(given.removeprefix("timm:"))
    return genotype_of(given)


def build_backbone(design: DesignLike, **settings: Any) -> CellBackbone | TimmBackbone:
    """The feature extractor of a design.

    Args:
        settings: those of `CellBackbone`; a timm model has width, depth and stem of its own and leaves them out.
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
    """The evaluation network of a genotype, or the timm model with so many classes.

    A timm model has width, depth and stem of its own, and no auxiliary head.
    """
    design = design_of(design)
    if isinstance(design, TimmModel):
        return create(design.name, num_classes=num_classes)
    kind = CifarNetwork if network == "cifar" else ImageNetNetwork
    return kind(design, channels, layers, num_classes, auxiliary)
