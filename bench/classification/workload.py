"""Compute of training a classifier."""

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

#: Classes of the counted network, ImageNet's for all data sets; the classifier's share is at most a thousandth.
_CLASSES = 1000


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
    return measure(built, (3, size, size)).published_macs, is_separable(built)
