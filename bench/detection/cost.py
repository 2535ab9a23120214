"""Cost of a whole detector for one image, and of its backbone alone, which the papers print.

P-DARTS, Table 4: "the displayed FLOPs only includes the computations in the network backbone".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from backbones.cost import Cost, measure
from backbones.design import Design
from bench.detection.components import build_detector, model_config
from bench.detection.protocol import input_shape
from bench.tasks.workload import Workload, is_separable, train_images


def detector_cost(detector: nn.Module, height: int, width: int) -> Cost:
    """Measure backbone, neck and head of a detector of MMDetection, for one image of that size.

    Anchors, the decoding of boxes and NMS have no convolutions and are not counted.

    Raises:
        InputError: the detector needs a compiled operation that is not installed, such as RoIAlign.
    """
    return measure(_Raw(detector), (3, height, width))


def backbone_cost(detector: nn.Module, height: int, width: int) -> Cost:
    """Measure the backbone of a detector alone, as in the papers' tables."""
    return measure(detector.get_submodule("backbone"), (3, height, width))


class _Raw(nn.Module):
    """A detector from images `(N, 3, H, W)` to its head's outputs, before boxes are decoded."""

    def __init__(self, detector: nn.Module) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, images: Tensor) -> Any:
        from mmdet.structures import DetDataSample

        shape = tuple(images.shape[2:])
        about = {"img_shape": shape, "ori_shape": shape, "batch_input_shape": shape, "scale_factor": (1.0, 1.0)}
        return self.detector(images, [DetDataSample(metainfo=about) for _ in images], mode="tensor")


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
