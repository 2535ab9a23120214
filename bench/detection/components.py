"""Backbones, SSD head and SSD as registered components of MMDetection.

A config for MMDetection's own tools needs only the import of this module:
`custom_imports = dict(imports=["bench.detection.components"], allow_failed_imports=False)`.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import torch
from mmengine.config import ConfigDict
from mmengine.logging import MMLogger, print_log
from mmengine.registry import FUNCTIONS, HOOKS, LOG_PROCESSORS, DefaultScope
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from backbones import weights as weight_files
from backbones.build import FIXED_IN_TIMM
from backbones.design import Design, TimmModel
from backbones.errors import InputError
from backbones.features import CellBackbone
from backbones.timm_backbone import TimmBackbone
from backbones.zoo import genotype_of
from bench.detection.mmcv_ext import provide_mmcv_ext
from bench.detection.pyramid import ANCHOR_PERCENTS, EXTRA_CHANNELS, Pyramid, confirm, derive, probe
from search.configs import plain
from search.training.deferred import DeferredRuntimeInfoHook
from search.training.hooks import PeakLogProcessor
from search.training.seeds import seed_worker

provide_mmcv_ext()

from mmdet.models.dense_heads import SSDHead  # noqa: E402 - needs the stand-in for mmcv's compiled module
from mmdet.models.detectors import SingleStageDetector  # noqa: E402
from mmdet.registry import MODELS  # noqa: E402

import bench.detection.reading  # noqa: E402 - registers the reader of pictures
import bench.detection.vgg  # noqa: E402, F401 - registers its backbone

#: The name in configs of the function that seeds data-loader workers in every epoch.
SEED_WORKER = "wildnas_seed_worker"
# `force`, since a second import under another name or a reload registers it again.
FUNCTIONS.register_module(name=SEED_WORKER, module=seed_worker, force=True)

#: Names in configs of what reads losses from the device at the log's interval, and of a log that leaves a GPU's peak
#: memory as it is.
RUNTIME_INFO, LOG_PROCESSOR = "WildnasRuntimeInfoHook", "WildnasPeakLogProcessor"
HOOKS.register_module(name=RUNTIME_INFO, module=DeferredRuntimeInfoHook, force=True)
LOG_PROCESSORS.register_module(name=LOG_PROCESSOR, module=PeakLogProcessor, force=True)


class _FromCheckpoint(nn.Module):
    """A backbone that loads its weights when mmengine initialises the detector."""

    design: Design
    weights: str | None

    def _lay_out(self) -> None:
        """Store weights, and so maps, channels last: most convolutions are faster that way."""
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def init_weights(self) -> None:
        """Load the weights; mmengine calls this before training, but not for a model that is only tested.

        Raises:
            InputError: the checkpoint is missing, or belongs to another network.
        """
        if self.weights is not None:
            report = weight_files.load(self, self.weights, self.design)
            print_log(f"backbone from {self.weights}: {report}", logger="current")


@MODELS.register_module()
class WildnasCellBackbone(CellBackbone, _FromCheckpoint):
    """`CellBackbone` of a genotype, with initial weights.

    Args:
        genotype: a zoo name, `Genotype(…)` or JSON as text, or the JSON's object.
        weights: a checkpoint of this project, such as that of a classification run; None starts from scratch.
        settings: all other arguments of `CellBackbone`.
    """

    def __init__(self, genotype: str | Mapping[str, Any], weights: str | None = None, **settings: Any) -> None:
        parsed = genotype_of(genotype)
        super().__init__(parsed, **settings)
        self.design = parsed
        self.weights = weights
        self._lay_out()


@MODELS.register_module()
class WildnasTimmBackbone(TimmBackbone, _FromCheckpoint):
    """`TimmBackbone` with initial weights.

    Args:
        name: timm's name of the model.
        weights: a checkpoint of this project or of timm; None starts from scratch.
        settings: all other arguments of `TimmBackbone`.
    """

    def __init__(self, name: str, weights: str | None = None, **settings: Any) -> None:
        super().__init__(name, **settings)
        self.design = TimmModel(name)
        self.weights = weights
        self._lay_out()


@MODELS.register_module()
class WildnasSSDHead(SSDHead):
    """MMDetection's `SSDHead`, without the `loss_cls` that its base class reads since 3.2 (issues 11063, 11780)."""

    loss_cls = None

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        generator = settings.get("anchor_generator", {})
        if "basesize_ratio_range" in generator:
            # MMDetection insists on a tuple, which JSON and so a record cannot hold.
            bounds = tuple(generator["basesize_ratio_range"])
            settings["anchor_generator"] = {**generator, "basesize_ratio_range": bounds}
        super().__init__(*arguments, **settings)


@MODELS.register_module()
class WildnasSSD(SingleStageDetector):
    """SSD over any backbone: neck and anchors follow from the backbone's maps at the input size.

    `pyramid.derive` gives the arguments that `neck` and `bbox_head` leave out.

    Args:
        input_size: height and width of the images.
        extra_channels: widths of the extra maps; the last applies to all further ones.
        anchor_percents: anchor sizes of the first map, the second and the last, in percent of the input size.
        halve_to_one: SSDLite's extra maps, see `pyramid.derive`.

    Raises:
        InputError: the input size is too small for a pyramid, or the given anchors belong to another pyramid.
    """

    def __init__(
        self,
        backbone: dict[str, Any],
        neck: dict[str, Any],
        bbox_head: dict[str, Any],
        input_size: int,
        extra_channels: Sequence[int] = EXTRA_CHANNELS,
        anchor_percents: Sequence[int] = ANCHOR_PERCENTS,
        halve_to_one: bool = False,
        **others: Any,
    ) -> None:
        if type(input_size) is not int or input_size < 1:
            raise InputError(f"input_size={input_size!r}: expected one whole number, the height and width in pixels")
        neck, bbox_head = copy.deepcopy(neck), copy.deepcopy(bbox_head)
        sizes, channels = _maps(json.dumps(backbone), input_size)
        pyramid = derive(input_size, sizes, channels, extra_channels, halve_to_one)
        for key, value in pyramid.neck().items():
            neck.setdefault(key, value)
        with torch.device("meta"):
            confirm(pyramid, MODELS.build(neck))
        bbox_head.setdefault("in_channels", pyramid.channels)
        if "anchor_generator" in bbox_head:
            _check_strides(bbox_head["anchor_generator"], pyramid)
        else:
            generator = {"type": "SSDAnchorGenerator", "scale_major": False, **pyramid.anchors(anchor_percents)}
            bbox_head["anchor_generator"] = generator
        super().__init__(backbone=backbone, neck=neck, bbox_head=bbox_head, **others)
        self.pyramid = pyramid

    def loss(self, batch_inputs: Tensor, batch_data_samples: Any) -> Any:
        """Compute the losses as MMDetection does, also for a batch of one image, such as an epoch's last.

        BatchNorm cannot take statistics of one image's last map, which is a single point, and uses its running ones.
        """
        single = len(batch_inputs) == 1 and self.pyramid.sizes[-1] == 1
        parts = (self.neck.extra_layers[-1], self.bbox_head.cls_convs[-1], self.bbox_head.reg_convs[-1])
        norms = [layer for part in parts if single for layer in part.modules() if isinstance(layer, _BatchNorm)]
        for norm in norms:
            norm.eval()
        try:
            return super().loss(batch_inputs, batch_data_samples)
        finally:
            for norm in norms:
                norm.train(self.training)


@cache
def _maps(backbone: str, input_size: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Sizes and channels of the maps of the backbone that a config describes, as JSON; see `probe`."""
    with torch.device("meta"):
        return probe(MODELS.build(json.loads(backbone)), input_size)


def _check_strides(generator: Mapping[str, Any], pyramid: Pyramid) -> None:
    stated = generator.get("strides")
    stated = list(stated) if isinstance(stated, Sequence) else []
    strides = list(pyramid.strides)
    # MMDetection rounds 320 / 3 to 107.
    if len(stated) != len(strides) or any(abs(a - b) > 1 for a, b in zip(stated, strides, strict=True)):
        expected = [round(stride, 1) for stride in strides]
        sizes = ", ".join(f"{size}x{size}" for size in pyramid.sizes)
        raise InputError(f"bbox_head.anchor_generator.strides={stated}: expected {expected} for the maps {sizes}")


def backbone_config(backbone: Mapping[str, Any], design: Design, weights: str | None) -> dict[str, Any]:
    """Fill in a protocol's `model.backbone` for one architecture; a timm model takes no width, depth or stem."""
    if not isinstance(design, TimmModel):
        return {**backbone, "genotype": design.to_json(), "weights": weights}
    left_out = ("type", "genotype", "weights", *FIXED_IN_TIMM)
    settings = {key: value for key, value in backbone.items() if key not in left_out}
    return {"type": "WildnasTimmBackbone", "name": design.name, "weights": weights, **settings}


def model_config(config: Mapping[str, Any], design: Design, weights: str | None) -> dict[str, Any]:
    """Fill in a protocol's `model` for one architecture.

    The neck gets the widths of the backbone's maps, except in `WildnasSSD`, which derives them itself.

    Args:
        config: the protocol's config.
        weights: the backbone's initial weights.

    Raises:
        InputError: the protocol is for one backbone only, and this is another.
    """
    model: dict[str, Any] = plain(config["model"])
    only = config.get("architecture")
    if only is not None:
        if not isinstance(design, TimmModel) or f"timm:{design.name}" != only:
            given = f"timm:{design.name}" if isinstance(design, TimmModel) else "a genotype"
            raise InputError(f"the protocol is for {model['backbone']['type']} only: expected {only}, not {given}")
        model["backbone"]["weights"] = weights
        return model
    model["backbone"] = backbone_config(model["backbone"], design, weights)
    neck = model.get("neck") or {}
    if model.get("type") != WildnasSSD.__name__ and "in_channels" in neck:
        with torch.device("meta"), DefaultScope.overwrite_default_scope("mmdet"):
            neck["in_channels"] = list(MODELS.build(model["backbone"]).feature_channels)
    return model


def build_detector(model: Mapping[str, Any]) -> Any:
    """Build a detector from the `model` of a config as a Runner does, with MMDetection's scope first."""
    with DefaultScope.overwrite_default_scope("mmdet"):
        # MMDetection reads parts of its config as attributes.
        return MODELS.build(ConfigDict(copy.deepcopy(dict(model))))


def untrained(model: Mapping[str, Any]) -> Any:
    """Build a detector, and draw the weights of its layers without mmengine's line of log for each of them.

    Before that, some layers, such as SSD's L2 norm, are uninitialised memory.
    """
    detector = build_detector(model)
    log = MMLogger.get_current_instance()
    before = log.level
    log.setLevel("WARNING")
    try:
        detector.init_weights()
    finally:
        log.setLevel(before)
    return detector
