"""How much a training of a classifier computes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Literal

import torch

from backbones.build import build_classifier
from backbones.cost import measure
from backbones.design import Design
from bench.classification.settings import ClassificationSettings
from bench.classification.width import channels_of
from bench.tasks.workload import Workload, is_separable, train_images

#: Classes of the network that is counted, so that CIFAR-10 and CIFAR-100 have one: that of ImageNet, where the
#: classifier has the largest share, a thousandth.
_CLASSES = 1000


def training_workload(settings: ClassificationSettings, design: Design, counts: Mapping[str, int]) -> Workload:
    """See `bench.tasks.contract.Task.workload`; the auxiliary head is left out, as in the papers' numbers."""
    images = train_images(settings.model_dump(), counts)
    channels = channels_of(design, settings, _CLASSES)
    counted = _network(design, settings.network, channels, settings.layers, settings.images.image_size)
    return Workload(settings.epochs, images, *counted)


@cache
def _network(
    design: Design, network: Literal["cifar", "imagenet"], channels: int, layers: int, size: int
) -> tuple[int, bool]:
    """Multiply-adds of the network, and whether it is separable."""
    with torch.device("meta"):
        built = build_classifier(design, network, channels, layers, _CLASSES, auxiliary=False)
    return measure(built, (3, size, size)).published_macs, is_separable(built)
