"""Find the width of a network in the mobile setting."""

from __future__ import annotations

import torch

from backbones.cost import Cost, measure
from backbones.design import Design, TimmModel
from backbones.errors import InputError
from bench.classification.model import build_network
from bench.classification.settings import FIT, ClassificationSettings


def channels_of(design: Design, settings: ClassificationSettings, classes: int) -> int:
    """Return the width of a protocol's network; `fit` gives the largest even one below `macs_limit` multiply-adds.

    Multiply-adds are in the papers' convention, at the protocol's image size (PC-DARTS 4.3 and P-DARTS 5.3.2: "less
    than 600M"). A timm model has a fixed width; the result is 0.

    Raises:
        InputError: the smallest width is too large.
    """
    if isinstance(design, TimmModel):
        return 0
    if settings.channels != FIT:
        return int(settings.channels)
    limit = settings.macs_limit
    assert limit is not None
    # Multiply-adds grow with the width: double it until it is too large, then bisect.
    high = 2
    while _macs(design, settings, high, classes) < limit:
        high *= 2
    low = high // 2
    if low < 2:
        raise InputError(f"channels='fit': 2 channels already reach macs_limit={limit:,}; expected a higher limit")
    while high - low > 2:
        middle = (low + high) // 4 * 2
        if _macs(design, settings, middle, classes) < limit:
            low = middle
        else:
            high = middle
    return low


def network_cost(design: Design, settings: ClassificationSettings, channels: int, classes: int) -> Cost:
    """Measure the cost of a protocol's network at its image size."""
    with torch.device("meta"):
        network = build_network(design, settings, channels, classes, auxiliary=False)
    size = settings.images.image_size
    return measure(network, (3, size, size))


def _macs(design: Design, settings: ClassificationSettings, channels: int, classes: int) -> int:
    return network_cost(design, settings, channels, classes).published_macs
