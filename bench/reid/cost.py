"""Cost of a re-identifier as it is run, and as P-DARTS Table 5 counts it."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from backbones.cost import Cost, measure
from backbones.design import Design
from bench.reid.model import backbone_of
from bench.reid.pcb import PCB
from bench.reid.schema import ReidConfig

#: Height and width at which the papers count ImageNet's networks, in pixels.
PAPER_SIZE = 224


@dataclass(frozen=True)
class Costs:
    """Parameters and multiply-adds for one image.

    Attributes:
        backbone, whole: of the backbone and of all of PCB, at the run's image size and last stride.
        unchanged: of the backbone as in Table 5: at 224 × 224, with its last halving.
    """

    backbone: Cost
    whole: Cost
    unchanged: Cost


def measure_costs(pcb: PCB, config: ReidConfig, design: Design) -> Costs:
    """Count a re-identifier's network; `design` is the backbone's architecture."""
    size = (3, config.height, config.width)
    with torch.device("meta"):
        unchanged = backbone_of(config.model_copy(update={"last_stride": 2}), design)
    return Costs(measure(pcb.backbone, size), measure(pcb, size), measure(unchanged, (3, PAPER_SIZE, PAPER_SIZE)))
