"""The width of a protocol's network, which may follow from its cost, and the arithmetic of its training."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Literal

import torch

from backbones.build import build_classifier
from backbones.cost import Cost, measure
from backbones.design import Design, TimmModel
from backbones.errors import InputError
from backbones.timm_backbone import cost_of
from bench.classification.model import build_network
from bench.classification.settings import FIT, ClassificationSettings
from bench.tasks.workload import Workload, is_separable, train_images

#: Classes of a network that is counted without its data, ImageNet's; the classifier's share is at most a thousandth.
_CLASSES = 1000


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


def training_workload(settings: ClassificationSettings, design: Design, counts: Mapping[str, int]) -> Workload:
    """Count the network without the auxiliary head, as in the papers; see `bench.tasks.contract.Task.workload`."""
    images = train_images(settings.model_dump(), counts)
    channels = channels_of(design, settings, _CLASSES)
    counted = _network(design, settings.network, channels, settings.layers, settings.images.image_size)
    return Workload(settings.epochs, images, *counted)


@cache
def _network(
    design: Design, network: Literal["cifar", "imagenet"], channels: int, layers: int, size: int
) -> tuple[int, bool]:
    """Return the network's multiply-adds, and whether it is separable."""
    with torch.device("meta"):
        built = build_classifier(design, network, channels, layers, _CLASSES, auxiliary=False)
    return cost_of(design, built, (3, size, size)).published_macs, is_separable(built)
