"""Compute of training a detector."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import torch

from backbones.design import Design
from bench.detection.components import build_detector, model_config
from bench.detection.cost import detector_cost
from bench.detection.protocol import input_shape
from bench.tasks.workload import Workload, is_separable, train_images


def training_workload(config: Mapping[str, Any], design: Design, counts: Mapping[str, int]) -> Workload:
    """Count backbone, neck and head; see `bench.tasks.contract.Task.workload`."""
    images, epochs = train_images(config, counts), config["train_cfg"]["max_epochs"]
    dataset = config["train_dataloader"]["dataset"]
    while isinstance(dataset.get("dataset"), Mapping):
        # `RepeatDataset`, as in SSD's configs: several passes in an epoch.
        epochs *= dataset.get("times", 1)
        dataset = dataset["dataset"]
    model = json.dumps(model_config(config, design, weights=None))
    return Workload(epochs, images, *_detector(model, input_shape(config)))


@cache
def _detector(model: str, shape: tuple[int, int]) -> tuple[int, bool]:
    """Return the multiply-adds of the detector in a config's `model`, as JSON, and whether it is separable."""
    with torch.device("meta"):
        detector = build_detector(json.loads(model))
    return detector_cost(detector, *shape).published_macs, is_separable(detector)
