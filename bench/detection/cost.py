"""Cost of a whole detector for one image, and of its backbone alone, which the papers print.

P-DARTS, Table 4: "the displayed FLOPs only includes the computations in the network backbone".
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from backbones.cost import Cost, measure


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
