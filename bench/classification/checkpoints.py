"""Build a trained classifier again from its checkpoint alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from backbones import weights
from backbones.build import build_classifier
from backbones.checkpoints import confirm_depth
from backbones.design import Design, TimmModel
from backbones.errors import InputError
from backbones.genotype import Genotype
from backbones.pretrained import Normalisation
from bench.classification.settings import ClassificationSettings
from search.configs import Schema, parse

#: The most classes that a checkpoint may name.
_MOST_CLASSES = 100_000


class _Described(Schema):
    """What a checkpoint says of its network."""

    network: str
    channels: int
    layers: int
    image_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True)
class TrainedClassifier:
    """A trained classifier, without its auxiliary head.

    Attributes:
        classes: their names, in the order of the logits.
        image_size: height and width of its images.
    """

    network: nn.Module
    design: Design
    classes: tuple[str, ...]
    image_size: int
    normalisation: Normalisation
    protocol: str


def described(design: Design, settings: ClassificationSettings, channels: int) -> dict[str, Any]:
    """What `load_classifier` needs beside the weights, as plain values."""
    images = settings.images
    return {
        "architecture": design.to_json(),
        "network": settings.network,
        "channels": channels,
        "layers": settings.layers,
        "image_size": images.image_size,
        "mean": list(images.mean),
        "std": list(images.std),
    }


def load_classifier(file: Path) -> TrainedClassifier:
    """Build the classifier of a checkpoint, in evaluation mode.

    Raises:
        InputError: the file is not the checkpoint of a classification run, or its weights do not fit the network that
            it describes.
    """
    state, about = weights.read(file)
    if about.get("task") != "classification" or "architecture" not in about:
        raise InputError(f"{file}: lacks its architecture; expected the checkpoint.pth of a classification run of this "
                         "version of wildnas")  # fmt: skip
    keys = _Described.model_fields
    said = parse(_Described, {key: about[key] for key in keys if key in about}, f"{file}: about")
    design, classes = _design(about["architecture"], file), about.get("classes")
    if (
        not isinstance(classes, list)
        or not 1 <= len(classes) <= _MOST_CLASSES
        or not all(isinstance(name, str) and len(name) <= 200 for name in classes)
    ):
        raise InputError(f"{file}: classes: expected a list of names")
    if said.network not in ("cifar", "imagenet") or not 3 <= said.layers <= 200 or not 8 <= said.image_size <= 4096:
        raise InputError(f"{file}: network, layers or image_size is out of bounds; expected those of a run")
    of_cells = isinstance(design, Genotype)
    if (of_cells and not 2 <= said.channels <= 4096) or min(said.std) <= 0:
        raise InputError(f"{file}: channels or std is out of bounds; expected those of a run")
    confirm_depth(said.layers, state, "cells.", f"{file}: layers")
    settings: dict[str, Any] = {"channels": said.channels, "layers": said.layers, "num_classes": len(classes)}
    kind: Any = said.network
    with torch.device("meta"):
        planned = build_classifier(design, kind, auxiliary=False, **settings).state_dict()
    odd = [name for name, value in planned.items() if name not in state or state[name].shape != value.shape]
    if odd:
        raise InputError(f"{file}: its weights do not fit the network that it describes: {', '.join(odd[:3])}")
    network = build_classifier(design, kind, auxiliary=False, **settings)
    weights.load(network, file, design)
    protocol = about.get("protocol")
    return TrainedClassifier(
        network.eval(),
        design,
        tuple(classes),
        said.image_size,
        Normalisation(said.mean, said.std),
        protocol[:300] if isinstance(protocol, str) else "",
    )


def _design(content: Any, file: Path) -> Design:
    if isinstance(content, Mapping) and set(content) == {"timm"}:
        # TimmModel takes plain names only: timm's `hf-hub:` and `local-dir:` would fetch or read other files.
        return TimmModel(str(content["timm"]))
    return Genotype.from_json(content, f"{file}: architecture")
