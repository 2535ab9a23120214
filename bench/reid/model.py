"""Build PCB and its backbone from a protocol, and count them: as they run, as P-DARTS Table 5 does, and to train."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import torch

from backbones.build import build_backbone
from backbones.cost import Cost, measure
from backbones.design import Design
from backbones.errors import InputError
from backbones.features import CellBackbone
from backbones.timm_backbone import TimmBackbone, confirm_size, cost_of
from bench.reid.pcb import PCB
from bench.reid.schema import ReidConfig
from bench.tasks.workload import Workload, is_separable, train_images

#: Height and width at which the papers count ImageNet's networks, in pixels.
PAPER_SIZE = 224


def backbone_of(config: ReidConfig, design: Design) -> CellBackbone | TimmBackbone:
    """Build the network without a classifier, down to the last map."""
    width, layers, last_stride = config.channels, config.layers, config.last_stride
    return build_backbone(design, channels=width, layers=layers, out_strides=(32,), last_stride=last_stride)


def build_pcb(config: ReidConfig, design: Design, identities: int) -> PCB:
    """Build PCB over a genotype's or a timm model's backbone, with one class for each training identity.

    Weights, and so maps, lie channels last: most convolutions are faster that way.

    Raises:
        InputError: a timm model takes no images of the protocol's size.
    """
    backbone = backbone_of(config, design)
    if isinstance(backbone, TimmBackbone):
        confirm_size(backbone, (3, config.height, config.width), backbone.name)
    pcb = PCB(backbone, identities, config.parts, config.reduced_dim, config.feature, config.dropout)
    return pcb.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


@dataclass(frozen=True)
class Costs:
    """Parameters and multiply-adds for one image.

    Attributes:
        backbone, whole: of the backbone and of all of PCB, at the run's image size and last stride.
        unchanged: of the backbone as in Table 5: at 224 × 224, with its last halving; None if it takes no such images.
    """

    backbone: Cost
    whole: Cost
    unchanged: Cost | None


def measure_costs(pcb: PCB, config: ReidConfig, design: Design) -> Costs:
    """Count a re-identifier's network; `design` is the backbone's architecture."""
    size = (3, config.height, config.width)
    with torch.device("meta"):
        unchanged = backbone_of(config.model_copy(update={"last_stride": 2}), design)
    try:
        paper = cost_of(design, unchanged, (3, PAPER_SIZE, PAPER_SIZE))
    except InputError:
        # A model of timm that is made for another size only.
        paper = None
    return Costs(measure(pcb.backbone, size), measure(pcb, size), paper)


def training_workload(config: ReidConfig, design: Design, counts: Mapping[str, int]) -> Workload:
    """Count the backbone alone, since PCB's own layers see only a vector for each part; see `Task.workload`."""
    images = train_images(config.model_dump(), counts)
    counted = _counted(design, config.channels, config.layers, config.last_stride, (3, config.height, config.width))
    return Workload(config.epochs, images, *counted)


@cache
def _counted(
    design: Design, channels: int, layers: int, last_stride: int, shape: tuple[int, int, int]
) -> tuple[int, bool]:
    """Return the backbone's multiply-adds, and whether it is separable; cached for all data sets and parts."""
    with torch.device("meta"):
        network = build_backbone(design, channels=channels, layers=layers, out_strides=(32,), last_stride=last_stride)
    return cost_of(design, network, shape).published_macs, is_separable(network)
