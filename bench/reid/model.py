"""Build PCB and its backbone from a protocol."""

from __future__ import annotations

from backbones.build import build_backbone
from backbones.design import Design
from backbones.features import CellBackbone
from backbones.timm_backbone import TimmBackbone
from bench.reid.pcb import PCB
from bench.reid.schema import ReidConfig


def backbone_of(config: ReidConfig, design: Design) -> CellBackbone | TimmBackbone:
    """Build the network without a classifier, down to the last map."""
    width, layers, last_stride = config.channels, config.layers, config.last_stride
    return build_backbone(design, channels=width, layers=layers, out_strides=(32,), last_stride=last_stride)


def build_pcb(config: ReidConfig, design: Design, identities: int) -> PCB:
    """Build PCB over a genotype's or a timm model's backbone, with one class for each training identity."""
    backbone = backbone_of(config, design)
    return PCB(backbone, identities, config.parts, config.reduced_dim, config.feature, config.dropout)
