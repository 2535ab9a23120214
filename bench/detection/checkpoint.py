"""The checkpoint that a detection run leaves, from which the detector is built again without any other file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from torch import nn

from backbones import weights
from backbones.errors import InputError
from bench.detection.coco_data import Data
from bench.detection.components import build_detector
from bench.detection.protocol import innermost
from bench.tasks.contract import Job, given
from search.configs import plain

from mmdet import registry  # isort: skip - behind the components, which see to mmcv's compiled module

#: The file's name in a job's folder.
CHECKPOINT = "checkpoint.pth"

#: What a checkpoint says of itself, beside the weights.
_ABOUT: dict[str, type] = {"categories": dict, "model": dict, "pipeline": list, "protocol": str, "architecture": str}

#: Types that MMDetection evaluates as Python instead of looking them up.
_BUILT_IN = ("nms", "soft_nms")

_NAME = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Trained:
    """A detector as a run left it.

    Attributes:
        detector: on the CPU, in evaluation mode.
        categories: ids by name, in the order of the labels.
        pipeline: what turns a file into the detector's input, transforms of MMDetection.
        protocol, architecture: by name, what it was trained under and what its backbone is.
        genotype_digest: of its backbone's design.
    """

    detector: nn.Module
    categories: Mapping[str, int]
    pipeline: list[dict[str, Any]]
    protocol: str
    architecture: str
    genotype_digest: str | None


def save(detector: nn.Module, job: Job, config: Config, data: Data) -> Path:
    """Write a trained detector into its job's folder, with all that it takes to build it again: plain values only."""
    model = plain(config.model)
    # Where its backbone started is on this machine, and of no more use.
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
        InputError: no such file, not a checkpoint that a detection run left, or one that asks for anything but
            MMDetection's and this project's components.
    """
    state, about = weights.read(file)
    if about.get("task") != "detection":
        raise InputError(
            f"{file}: holds {about.get('task') or 'no'} weights of a run; expected the checkpoint.pth that "
            "wildnas evaluate … --on detection/… leaves below work/"
        )
    for key, kind in _ABOUT.items():
        if not isinstance(about.get(key), kind):
            raise InputError(f"{file}: says nothing of its {key}; expected a checkpoint of this version of wildnas")
    model, pipeline = _checked(about["model"], str(file)), _checked(about["pipeline"], str(file))
    try:
        detector = build_detector(model)
        detector.load_state_dict(state)
    except (TypeError, KeyError, ValueError, AssertionError, RuntimeError) as error:
        problem = " ".join(str(error).split())[:300]
        raise InputError(f"{file}: its weights do not fit the detector that it says it is: {problem}") from error
    digest = about.get(weights.DIGEST_KEY)
    return Trained(detector.eval(), about["categories"], pipeline, about["protocol"], about["architecture"], digest)


def _checked(value: Any, where: str) -> Any:
    """A part of a config from a file of unknown origin, with registered components only.

    mmengine imports whatever a `type` names that is not registered and calls it, and MMDetection evaluates some as
    Python; `init_cfg` would fetch files.
    """
    if isinstance(value, list):
        return [_checked(item, where) for item in value]
    if not isinstance(value, dict):
        return value
    if "type" in value:
        name = value["type"]
        if not isinstance(name, str) or not (_NAME.fullmatch(name) and (name in _BUILT_IN or _is_registered(name))):
            raise InputError(f"{where}: asks for {str(name)[:60]!r}, which is no component of MMDetection or wildnas")
    return {key: _checked(item, where) for key, item in value.items() if key not in ("init_cfg", "_scope_")}


def _is_registered(name: str) -> bool:
    parts = [part for part in vars(registry).values() if isinstance(part, registry.Registry)]
    everywhere = [*parts, *(part.parent for part in parts if part.parent is not None)]
    return any(name in part.module_dict for part in everywhere)
