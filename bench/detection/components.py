"""Cell backbone, SSD head and SSD as components of MMDetection, found by their names.

Importing this module is all that a config needs to be used by MMDetection's own tools:
`custom_imports = dict(imports=["bench.detection.components"], allow_failed_imports=False)`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.config import ConfigDict
from mmengine.logging import print_log
from mmengine.registry import FUNCTIONS, DefaultScope
from torch import nn

from backbones import weights as weight_files
from backbones import zoo
from backbones.build import FIXED_IN_TIMM
from backbones.design import Design, TimmModel
from backbones.errors import InputError
from backbones.features import CellBackbone
from backbones.genotype import Genotype
from backbones.timm_backbone import TimmBackbone
from bench.detection.mmcv_ext import provide_mmcv_ext
from bench.detection.pyramid import ANCHOR_PERCENTS, EXTRA_CHANNELS, confirm, derive, probe
from search.training import seed_worker

provide_mmcv_ext()

from mmdet.models.dense_heads import SSDHead  # noqa: E402 - needs the stand-in for mmcv's compiled module
from mmdet.models.detectors import SingleStageDetector  # noqa: E402
from mmdet.registry import MODELS  # noqa: E402

#: By this name a config can have data-loader workers seeded anew every epoch.
SEED_WORKER = "wildnas_seed_worker"
# `force`: a second import, under another name or after a reload, finds the registry as the first one left it.
FUNCTIONS.register_module(name=SEED_WORKER, module=seed_worker, force=True)


def read_genotype(genotype: str | Mapping[str, Any]) -> Genotype:
    """The genotype of a config: a zoo name, `Genotype(…)` or JSON as text, or the JSON's object.

    Raises:
        InputError: it is none of these.
    """
    if isinstance(genotype, Mapping):
        return Genotype.from_json(genotype)
    if not isinstance(genotype, str):
        raise InputError(f"genotype: expected a zoo name, a text or an object, not {type(genotype).__name__}")
    return Genotype.parse(genotype) if "(" in genotype or "{" in genotype else zoo.get(genotype).genotype


class _FromCheckpoint(nn.Module):
    """A backbone that loads its weights when mmengine asks for it."""

    design: Design
    weights: str | None

    def init_weights(self) -> None:
        """Load the weights; mmengine calls it before training, and not when a model is built to be tested.

        Raises:
            InputError: the checkpoint is not there, or is another network's.
        """
        if self.weights is not None:
            report = weight_files.load(self, self.weights, self.design)
            print_log(f"backbone from {self.weights}: {report}", logger="current")


@MODELS.register_module()
class WildnasCellBackbone(CellBackbone, _FromCheckpoint):
    """`CellBackbone` by genotype, with the weights that it starts from.

    Args:
        genotype: a zoo name, `Genotype(…)` or JSON as text, or the JSON's object.
        weights: a checkpoint of this project, such as a classification run leaves; None starts from scratch.
        settings: all other arguments of `CellBackbone`.
    """

    def __init__(self, genotype: str | Mapping[str, Any], weights: str | None = None, **settings: Any) -> None:
        parsed = read_genotype(genotype)
        super().__init__(parsed, **settings)
        self.design = parsed
        self.weights = weights


@MODELS.register_module()
class WildnasTimmBackbone(TimmBackbone, _FromCheckpoint):
    """`TimmBackbone` with the weights that it starts from.

    Args:
        name: timm's name of the model.
        weights: a checkpoint of this project or of timm; None starts from scratch.
        settings: all other arguments of `TimmBackbone`.
    """

    def __init__(self, name: str, weights: str | None = None, **settings: Any) -> None:
        super().__init__(name, **settings)
        self.design = TimmModel(name)
        self.weights = weights


@MODELS.register_module()
class WildnasSSDHead(SSDHead):
    """MMDetection's `SSDHead`, without the `loss_cls` that its base class reads since 3.2 (issues 11063, 11780)."""

    loss_cls = None


@MODELS.register_module()
class WildnasSSD(SingleStageDetector):
    """SSD over any backbone: neck and anchors follow from the backbone's maps at the input size.

    What `neck` and `bbox_head` leave out is filled in from `pyramid.derive`; what they state stands.

    Args:
        input_size: height and width of the images.
        extra_channels: widths of the extra maps; the last holds for all further ones.
        anchor_percents: anchor sizes of the first map, the second and the last, in percent of the input size.

    Raises:
        InputError: no pyramid closes at this input size.
    """

    def __init__(
        self,
        backbone: dict[str, Any],
        neck: dict[str, Any],
        bbox_head: dict[str, Any],
        input_size: int,
        extra_channels: Sequence[int] = EXTRA_CHANNELS,
        anchor_percents: Sequence[int] = ANCHOR_PERCENTS,
        **others: Any,
    ) -> None:
        if type(input_size) is not int or input_size < 1:
            raise InputError(
                f"model.input_size={input_size!r}: expected one whole number, the height and width in pixels"
            )
        neck, bbox_head = copy.deepcopy(neck), copy.deepcopy(bbox_head)
        with torch.device("meta"):
            dry_backbone = MODELS.build(backbone)
        pyramid = derive(input_size, *probe(dry_backbone, input_size), extra_channels=extra_channels)
        for key, value in pyramid.neck().items():
            neck.setdefault(key, value)
        with torch.device("meta"):
            confirm(pyramid, dry_backbone, MODELS.build(neck))
        bbox_head.setdefault("in_channels", pyramid.channels)
        generator = {"type": "SSDAnchorGenerator", "scale_major": False, **pyramid.anchors(anchor_percents)}
        bbox_head.setdefault("anchor_generator", generator)
        super().__init__(backbone=backbone, neck=neck, bbox_head=bbox_head, **others)
        self.pyramid = pyramid


def backbone_config(backbone: Mapping[str, Any], design: Design, weights: str | None) -> dict[str, Any]:
    """A protocol's `model.backbone` for one architecture; width, depth and stem do not apply to a timm model."""
    if not isinstance(design, TimmModel):
        return {**backbone, "genotype": design.to_json(), "weights": weights}
    left_out = ("type", "genotype", "weights", *FIXED_IN_TIMM)
    settings = {key: value for key, value in backbone.items() if key not in left_out}
    return {"type": "WildnasTimmBackbone", "name": design.name, "weights": weights, **settings}


def build_detector(model: Mapping[str, Any]) -> Any:
    """Build a detector from the `model` of a config, as a Runner does: with MMDetection's names first."""
    with DefaultScope.overwrite_default_scope("mmdet"):
        # MMDetection reads parts of its config as attributes.
        return MODELS.build(ConfigDict(copy.deepcopy(dict(model))))
