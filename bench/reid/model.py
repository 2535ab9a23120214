"""PCB and its backbone as a protocol describes them."""

from __future__ import annotations

from backbones.build import build_backbone
from backbones.design import Design
from backbones.features import CellBackbone
from backbones.timm_backbone import TimmBackbone
from bench.reid.pcb import PCB
from bench.reid.schema import ReidConfig


def backbone_of(config: ReidConfig, design: Design) -> CellBackbone | TimmBackbone:
    """The network without a classifier, down to the last map."""
    return build_backbone(
        design,
        channels=config.channels,
        layers=config.layers,
        out_strides=(32,),
        last_stride=config.last_stride,
    )


def build_pcb(config: ReidConfig, design: Design, identities: int) -> PCB:
    """PCB over a genotype's or a timm model's backbone, for so many training identities."""
    backbone = backbone_of(config, design)
    return PCB(backbone, identities, config.parts, config.reduced_dim, config.feature, config.dropout)
