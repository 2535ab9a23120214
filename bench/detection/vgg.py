"""VGG-16, SSD's own backbone: MMDetection's `SSDVGG` with initial weights.

For the rows SSD300 and SSD512 of PC-DARTS Table 5 and P-DARTS Table 4. Liu et al., SSD: Single Shot MultiBox Detector
(ECCV 2016), section 3: VGG-16 up to conv5, its last pooling 3x3 at stride 1, fc6 and fc7 as convolutions, the first
dilated.
"""

from __future__ import annotations

from typing import Any

from mmengine.logging import print_log

from backbones import weights as weight_files
from backbones.design import TimmModel
from backbones.errors import InputError
from bench.detection.mmcv_ext import provide_mmcv_ext

provide_mmcv_ext()

from mmdet.models.backbones import SSDVGG  # noqa: E402 - needs the stand-in for mmcv's compiled module
from mmdet.registry import MODELS  # noqa: E402

#: The convolutions in `SSDVGG.features` that replace fc6 and fc7; classification networks do not have them.
_REPLACED = ("features.31.", "features.33.")


@MODELS.register_module(force=True)
class WildnasSSDVGG(SSDVGG):
    """MMDetection's `SSDVGG` with an argument `weights`, as the other backbones have.

    Args:
        weights: a checkpoint with VGG-16's convolutions by torchvision's names (`features.0.weight`, …): torchvision's,
            timm's or OpenMMLab's `vgg16_caffe`; None starts from scratch. Where it has no `features.31` and
            `features.33` (fc6 and fc7 as convolutions), these start from scratch.
        settings: all arguments of `SSDVGG`.
    """

    def __init__(self, depth: int = 16, weights: str | None = None, **settings: Any) -> None:
        super().__init__(depth, **settings)
        self.design = TimmModel(f"vgg{depth}")
        self.weights = weights

    def init_weights(self, pretrained: str | None = None) -> None:
        """Initialise as MMDetection does, then load the weights.

        Raises:
            InputError: the checkpoint is missing, or lacks a convolution.
        """
        super().init_weights(pretrained)
        if self.weights is None:
            return
        state = weight_files.read_state_dict(self.weights)
        wanted = self.state_dict()
        for name, value in wanted.items():
            if name not in state and not name.startswith(_REPLACED):
                raise InputError(f"{self.weights}: lacks {name}; expected VGG's convolutions by torchvision's names")
            if name in state and state[name].shape != value.shape:
                shapes = f"{tuple(state[name].shape)} in the file, {tuple(value.shape)} in the network"
                raise InputError(f"{self.weights}: differs in shape at {name}: {shapes}; is it of VGG-16?")
        loaded = {name: state[name] for name in wanted if name in state}
        self.load_state_dict({**wanted, **loaded})
        report = weight_files.LoadReport(tuple(loaded), tuple(name for name in state if name not in wanted))
        fresh = len(wanted) - len(loaded)
        print_log(f"backbone from {self.weights}: {report}; {fresh} start from scratch", logger="current")

    def train(self, mode: bool = True) -> WildnasSSDVGG:
        # mmcv returns None, unlike torch's modules, which return themselves.
        super().train(mode)
        return self
