"""Save a trained detector in a checkpoint, and build it again from that file alone.

The file describes the detector as data; `bench.detection.schema` lists what it may contain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any

import torch
from mmengine.config import Config
from torch import Tensor, nn

from backbones import weights
from backbones.checkpoints import confirm_depth
from backbones.errors import InputError
from bench.detection.coco_data import Data
from bench.detection.components import build_detector
from bench.detection.protocol import innermost
from bench.detection.schema import categories_of, model_of, pipeline_of
from bench.tasks.contract import Job, given
from search.configs import plain

#: The file's name in a job's folder.
CHECKPOINT = "checkpoint.pth"

#: Entries beside the weights, with their types.
_ABOUT: dict[str, type] = {"categories": dict, "model": dict, "pipeline": list, "protocol": str, "architecture": str}

#: Exceptions that building a detector raises where its parts do not fit together.
_UNSUITABLE = (TypeError, LookupError, ValueError, AssertionError, RuntimeError, AttributeError, ArithmeticError)


@dataclass(frozen=True)
class Trained:
    """A trained detector.

    Attributes:
        detector: on the CPU, in evaluation mode.
        categories: ids by name, in the order of the labels.
        pipeline: MMDetection's transforms from a file to the detector's input.
        protocol, architecture: the names of the training protocol and the backbone's architecture.
        genotype_digest: the digest of the backbone's design.
    """

    detector: nn.Module
    categories: Mapping[str, int]
    pipeline: list[dict[str, Any]]
    protocol: str
    architecture: str
    genotype_digest: str | None


def save(detector: nn.Module, job: Job, config: Config, data: Data) -> Path:
    """Save a trained detector in its job's folder, with everything needed to build it again, as plain values."""
    model = plain(config.model)
    # A path on this machine, not needed after training.
    model["backbone"].pop("weights", None)
    pipeline = plain(innermost(config.val_dataloader["dataset"])["pipeline"])
    return weights.save(
        detector,
        job.work_dir / CHECKPOINT,
        task="detection",
        protocol=job.protocol.name,
        architecture=given(job.architecture).name,
        design=job.design,
        seed=job.seed,
        categories=dict(data.val.categories),
        model=model,
        pipeline=[step for step in pipeline if step["type"] != "LoadAnnotations"],
    )


def load(file: Path) -> Trained:
    """Build the detector of a checkpoint.

    Raises:
        InputError: the file is missing, is not the checkpoint of a detection run, or contains something that
            `bench.detection.schema` does not list.
    """
    state, about = weights.read(file)
    if about.get("task") != "detection":
        raise InputError(
            f"{file}: holds {about.get('task') or 'no'} weights of a run; expected the checkpoint.pth that "
            "wildnas evaluate … --on detection/… writes below work/"
        )
    for key, kind in _ABOUT.items():
        if not isinstance(about.get(key), kind):
            raise InputError(
                f"{file}: key {key!r} is missing or has another type; expected a checkpoint of this version of wildnas"
            )
    model, pipeline = model_of(about["model"], str(file)), pipeline_of(about["pipeline"], str(file))
    categories = categories_of(about["categories"], str(file))
    classes = model["bbox_head"].get("num_classes", 80)
    if classes != len(categories):
        raise InputError(f"{file}: has {len(categories)} categories; expected {classes}, the detector's classes")
    digest = about.get(weights.DIGEST_KEY)
    if not isinstance(digest, (str, NoneType)) or any(len(about[key]) > 300 for key in ("protocol", "architecture")):
        raise InputError(f"{file}: protocol, architecture or genotype digest is invalid; expected short texts")
    return Trained(_built(model, state, file), categories, pipeline, about["protocol"], about["architecture"], digest)


def _built(model: dict[str, Any], state: Mapping[str, Tensor], file: Path) -> nn.Module:
    """Build the detector with its weights; shapes are checked first, so that a file cannot exhaust the memory."""
    confirm_depth(model["backbone"].get("layers", 14), state, "backbone.cells.", f"{file}: model.backbone.layers")
    try:
        with torch.device("meta"):
            planned = build_detector(model).state_dict()
        _confirm_fit({name: value.shape for name, value in planned.items()}, state)
        detector: nn.Module = build_detector(model)
        detector.load_state_dict(state)
    except _UNSUITABLE as error:
        problem = " ".join(str(error).split())[:300]
        raise InputError(f"{file}: its weights do not fit the detector that it describes: {problem}") from error
    return detector.eval()


def _confirm_fit(wanted: Mapping[str, torch.Size], state: Mapping[str, Tensor]) -> None:
    """Refuse weights whose names or shapes differ from the wanted ones, with a ValueError."""
    odd = sorted(wanted.keys() ^ state.keys())
    odd += [name for name in wanted.keys() & state.keys() if wanted[name] != state[name].shape]
    if odd:
        raise ValueError(f"{', '.join(odd[:3])}{f' and {len(odd) - 3} more' if len(odd) > 3 else ''}")
