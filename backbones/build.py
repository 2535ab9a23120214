"""Networks and backbones of any design, a genotype or a timm model, from one set of settings."""

from __future__ import annotations

from typing import Any, Literal

from torch import nn

from backbones.design import Design, TimmModel
from backbones.features import CellBackbone
from backbones.networks import CifarNetwork, ImageNetNetwork
from backbones.timm_backbone import TimmBackbone, create

#: Settings of `CellBackbone` that a timm model has fixed.
FIXED_IN_TIMM = ("channels", "layers", "stem")


def build_backbone(design: Design, **settings: Any) -> CellBackbone | TimmBackbone:
    """The feature extractor of a design.

    Args:
        settings: those of `CellBackbone`; a timm model has width, depth and stem of its own and leaves them out.
    """
    if isinstance(design, TimmModel):
        return TimmBackbone(design.name, **{key: settings[key] for key in settings if key not in FIXED_IN_TIMM})
    return CellBackbone(design, **settings)


def build_classifier(
    design: Design,
    network: Literal["cifar", "imagenet"],
    channels: int,
    layers: int,
    num_classes: int,
    auxiliary: bool,
) -> nn.Module:
    """The evaluation network of a genotype, or the timm model with so many classes.

    A timm model has width, depth and stem of its own, and no auxiliary head.
    """
    if isinstance(design, TimmModel):
        return create(design.name, num_classes=num_classes)
    kind = CifarNetwork if network == "cifar" else ImageNetNetwork
    return kind(design, channels, layers, num_classes, auxiliary)
