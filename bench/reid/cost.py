"""What a re-identifier costs: as it was run, and as P-DARTS Table 5 counts it."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from backbones.build import build_backbone
from backbones.cost import Cost, measure
from backbones.design import Design
from bench.reid.pcb import PCB
from bench.reid.schema import ReidConfig

#: Height and width at which ImageNet's networks are counted, in pixels.
PAPER_SIZE = 224


@dataclass(frozen=True)
class Costs:
    """Parameters and multiply-adds for one image.

    Attributes:
        backbone, whole: the backbone's and all of PCB's, at the run's size and with its last stride.
        unchanged: the backbone's as Table 5 has it: at 224 × 224, its last halving left in.
    """

    backbone: Cost
    whole: Cost
    unchanged: Cost


def measure_costs(pcb: PCB, config: ReidConfig, design: Design) -> Costs:
    """Count a re-identifier's network; no image is looked at.

    Args:
        design: the architecture that the backbone was built of.
    """
    size = (3, config.height, config.width)
    with torch.device("meta"):
        unchanged = build_backbone(
            design, channels=config.channels, layers=config.layers, out_strides=(32,), last_stride=2
        )
    return Costs(measure(pcb.backbone, size), measure(pcb, size), measure(unchanged, (3, PAPER_SIZE, PAPER_SIZE)))
