"""Compute of training PCB."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import torch

from backbones.build import build_backbone
from backbones.cost import measure
from backbones.design import Design
from bench.reid.schema import ReidConfig
from bench.tasks.workload import Workload, is_separable, train_images


def training_workload(config: ReidConfig, design: Design, counts: Mapping[str, int]) -> Workload:
    """Count the backbone alone, since PCB's own layers see only a vector for each part; see `Task.workload`."""
    images = train_images(config.model_dump(), counts)
    shape = (config.height, config.width)
    return Workload(
        config.epochs, images, *_backbone(design, config.channels, config.layers, config.last_stride, shape)
    )


@cache
def _backbone(design: Design, channels: int, layers: int, last_stride: int, shape: tuple[int, int]) -> tuple[int, bool]:
    """Return the backbone's multiply-adds, and whether it is separable; cached for all data sets and parts."""
    with torch.device("meta"):
        network = build_backbone(design, channels=channels, layers=layers, out_strides=(32,), last_stride=last_stride)
    return measure(network, (3, *shape)).published_macs, is_separable(network)
