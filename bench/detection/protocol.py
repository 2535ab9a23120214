"""Check a detection config, and find its data."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args

from backbones.errors import InputError
from search.configs import Embedded, nearest, plain

#: This project's top-level keys with their defaults; all other keys are mmengine's and MMDetection's.
#: `architecture`: the only ARCH of a protocol with its own backbone. `expected`: the whole data set's counts, with the
#: names of a data report. `limit`: the number of images used of each part, None for all. `precision`: that of training,
#: `fp32` or `bf16` (autocast). `execution.trackers`: experiment trackers, such as `wandb` (`search.training.trackers`).
OWN_KEYS: dict[str, Any] = {
    "task": "detection",
    "reduced": [],
    "embedded": None,
    "pretrained": False,
    "architecture": None,
    "expected": {},
    "limit": None,
    "precision": "fp32",
    "execution": {"trackers": []},
}

#: Variables that MMDetection's configs use further down, and keys that its tools read.
CONVENTIONAL_KEYS = (
    "backend_args",
    "classes",
    "compile",
    "cudnn_benchmark",
    "custom_imports",
    "data_root",
    "dataset_type",
    "image_size",
    "img_scales",
    "input_size",
    "test_pipeline",
    "tta_model",
    "tta_pipeline",
    "train_pipeline",
    "vis_backends",
)

BACKBONE, DETECTOR = "WildnasCellBackbone", "WildnasSSD"


@dataclass(frozen=True)
class DataPart:
    """Paths of the training or the validation part of a data set.

    Attributes:
        key: the key in the config, such as `train_dataloader.dataset`.
        root: the data root.
        annotation_file: the COCO file.
        images: the image folder.
    """

    key: str
    root: Path
    annotation_file: Path
    images: Path


def known_top_keys() -> list[str]:
    """List the keys that are allowed at the top level of a detection config."""
    from mmengine.runner import Runner

    runner = [name for name in inspect.signature(Runner.__init__).parameters if name not in ("self", "cfg")]
    return sorted({*OWN_KEYS, *CONVENTIONAL_KEYS, *runner})


def innermost(dataset: Mapping[str, Any]) -> Any:
    """Return the data set inside wrappers such as `RepeatDataset`."""
    while isinstance(dataset.get("dataset"), Mapping):
        dataset = dataset["dataset"]
    return dataset


def data_part(config: Mapping[str, Any], part: str) -> DataPart:
    """Find a part (`train`, `val` or `test`) of the data; paths are joined as in MMDetection."""
    dataset = innermost(config[f"{part}_dataloader"]["dataset"])
    root = Path(dataset.get("data_root") or "")
    prefix = (dataset.get("data_prefix") or {}).get("img", "")
    return DataPart(f"{part}_dataloader.dataset", root, root / dataset["ann_file"], root / prefix)


def input_shape(config: Mapping[str, Any]) -> tuple[int, int]:
    """Return the height and width of resized validation images; those that keep their ratio may be smaller.

    Raises:
        InputError: the pipeline has no `Resize` with one scale.
    """
    dataset = innermost(config["val_dataloader"]["dataset"])
    for step in dataset.get("pipeline") or []:
        scale = step.get("scale") if step.get("type") == "Resize" else None
        if type(scale) is int:
            return scale, scale
        if isinstance(scale, (list, tuple)) and len(scale) == 2 and all(type(side) is int for side in scale):
            width, height = scale
            return height, width
    raise InputError("val_dataloader.dataset.pipeline: expected a Resize with scale=(width, height)")


def validate(config: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the config with this project's keys filled in.

    Raises:
        InputError: a key is unknown or missing, or has an invalid value.
    """
    values: dict[str, Any] = {**plain(OWN_KEYS), **plain(config)}
    known = known_top_keys()
    for key in values:
        if key not in known:
            raise InputError(f"{where}: unknown key {key!r}; {nearest(key, known)}")
    if values["task"] != "detection":
        raise InputError(f"{where}: task={values['task']!r}: expected 'detection'")
    if not isinstance(values["reduced"], list) or any(not isinstance(why, str) for why in values["reduced"]):
        raise InputError(
            f"{where}: reduced={values['reduced']!r}: expected a list of texts, each a reason why a run is reduced"
        )
    if not isinstance(values["pretrained"], bool):
        raise InputError(f"{where}: pretrained={values['pretrained']!r}: expected True or False")
    if values["embedded"] not in (None, *get_args(Embedded)):
        raise InputError(
            f"{where}: embedded={values['embedded']!r}: expected None, {' or '.join(map(repr, get_args(Embedded)))}"
        )
    _check_own(values, where)
    for key in ("model", "train_dataloader", "val_dataloader", "val_evaluator", "optim_wrapper", "train_cfg"):
        if not isinstance(values.get(key), Mapping):
            raise InputError(f"{where}: key {key!r} is missing or not a dict")
    _check_loop(values["train_cfg"], where)
    _check_model(values, where)
    _check_data(values, where)
    _check_nested(values, where)
    return values


def _check_loop(loop: Mapping[str, Any], where: str) -> None:
    if loop.get("type", "EpochBasedTrainLoop") != "EpochBasedTrainLoop" or not loop.get("by_epoch", True):
        raise InputError(f"{where}: train_cfg: expected epochs (type='EpochBasedTrainLoop'), which can be resumed")
    epochs = loop.get("max_epochs")
    if type(epochs) is not int or epochs < 1:
        raise InputError(f"{where}: train_cfg.max_epochs={epochs!r}: expected a whole number of 1 or more")


def _check_own(values: Mapping[str, Any], where: str) -> None:
    only, expected, limit = values["architecture"], values["expected"], values["limit"]
    if only is not None and not (isinstance(only, str) and only.startswith("timm:")):
        raise InputError(f"{where}: architecture={only!r}: expected None or the only ARCH, such as 'timm:vgg16'")
    if not isinstance(expected, Mapping) or any(type(count) is not int or count < 0 for count in expected.values()):
        raise InputError(f"{where}: expected={expected!r}: expected counts by name, such as {{'val images': 5000}}")
    if limit is not None and (type(limit) is not int or limit < 1):
        raise InputError(f"{where}: limit={limit!r}: expected None or a whole number of images, 1 or more")
    execution = values["execution"]
    if not isinstance(execution, Mapping) or set(execution) != {"trackers"} or not _are_texts(execution["trackers"]):
        raise InputError(f"{where}: execution={execution!r}: expected trackers=[names], such as ['wandb']")
    if values["precision"] not in ("fp32", "bf16"):
        raise InputError(f"{where}: precision={values['precision']!r}: expected 'fp32' or 'bf16'")


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _check_model(values: Mapping[str, Any], where: str) -> None:
    model = values["model"]
    for part in ("backbone", "neck", "bbox_head") if model.get("type") == DETECTOR else ("backbone",):
        if not isinstance(model.get(part), Mapping):
            raise InputError(f"{where}: key 'model.{part}' is missing or not a dict")
    if (model.get("bbox_head") or {}).get("type") == "SSDHead":
        raise InputError(f"{where}: model.bbox_head.type='SSDHead': expected 'WildnasSSDHead', which can be trained")
    kind = model["backbone"].get("type")
    if values["architecture"] is None and kind != BACKBONE:
        raise InputError(
            f"{where}: model.backbone.type={kind!r}: expected {BACKBONE!r}, which takes a genotype; "
            "a protocol for one backbone only needs architecture='timm:…'"
        )
    if values["architecture"] is not None and kind == BACKBONE:
        raise InputError(
            f"{where}: architecture={values['architecture']!r}: expected None: {BACKBONE} takes any genotype"
        )


def _stated_size(model: Mapping[str, Any]) -> tuple[str, int] | None:
    """Find the key with the input size of a model for square images (`WildnasSSD` or SSD's anchors), and the size."""
    generator = (model.get("bbox_head") or {}).get("anchor_generator")
    places = {"model": model, "model.bbox_head.anchor_generator": generator if isinstance(generator, Mapping) else {}}
    for key, place in places.items():
        if type(place.get("input_size")) is int:
            return key, place["input_size"]
    return None


def _check_data(values: Mapping[str, Any], where: str) -> None:
    stated = _stated_size(values["model"])
    for part in ("train", "val"):
        if not isinstance(values[f"{part}_dataloader"].get("dataset"), Mapping):
            raise InputError(f"{where}: key '{part}_dataloader.dataset' is missing or not a dict")
        dataset = innermost(values[f"{part}_dataloader"]["dataset"])
        key = f"{part}_dataloader.dataset"
        if dataset.get("type") != "CocoDataset" or not isinstance(dataset.get("ann_file"), str):
            raise InputError(f"{where}: {key}: expected a CocoDataset with an ann_file")
        steps = dataset.get("pipeline") or []
        if not isinstance(steps, list) or not all(isinstance(step, Mapping) for step in steps):
            raise InputError(f"{where}: {key}.pipeline: expected a list of transforms, dict(type=…)")
        for step in steps:
            scale = step.get("scale")
            if stated and step.get("type") == "Resize" and scale not in (stated[1], [stated[1]] * 2):
                raise InputError(
                    f"{where}: {key}.pipeline resizes to {scale}, but {stated[0]}.input_size is {stated[1]}"
                )
        _check_shorthand(
            values, f"{part}_pipeline" if part == "train" else "test_pipeline", dataset, "pipeline", key, where
        )
        _check_shorthand(values, "data_root", dataset, "data_root", key, where)
    if stated:
        _check_shorthand(values, "input_size", {"input_size": stated[1]}, "input_size", stated[0], where)
    try:
        input_shape(values)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _check_shorthand(
    values: Mapping[str, Any], shorthand: str, place: Mapping[str, Any], key: str, name: str, where: str
) -> None:
    """Refuse a changed shorthand such as `data_root`: mmengine copies it on reading, so the change has no effect."""
    if shorthand in values and _unscoped(values[shorthand]) != _unscoped(place.get(key)):
        raise InputError(
            f"{where}: {shorthand} differs from {name}.{key}; {shorthand} is read with the file only: set {name}.{key}"
        )


def _unscoped(value: Any) -> Any:
    """Copy a value without the `_scope_` that mmengine adds to parts from `mmdet::`."""
    if isinstance(value, Mapping):
        return {key: _unscoped(item) for key, item in value.items() if key != "_scope_"}
    return [_unscoped(item) for item in value] if isinstance(value, list) else value


def _check_nested(values: Mapping[str, Any], where: str) -> None:
    from mmengine.utils import import_modules_from_strings

    # First, since it provides mmcv's compiled module, which MMDetection's import needs.
    import bench.detection.components  # noqa: F401
    from bench.detection.keys import check_keys, check_loader_keys

    try:
        import_modules_from_strings(**(values.get("custom_imports") or {"imports": None}))
    except (TypeError, ImportError) as error:
        raise InputError(f"{where}: custom_imports: {error}") from error
    for part in ("train", "val", "test"):
        check_loader_keys(values.get(f"{part}_dataloader") or {}, f"{where}: {part}_dataloader")
    for key, value in values.items():
        if key != "model":
            check_keys(value, f"{where}: {key}")
    check_keys(values["model"], f"{where}: model")
    try:
        _confirm_builds(json.dumps(values["model"]))
    except InputError as error:
        raise InputError(f"{where}: model: {error}") from None
    except (TypeError, KeyError, ValueError, AssertionError) as error:
        raise InputError(f"{where}: model: {error}") from error


@cache
def _confirm_builds(model: str) -> None:
    """Build the detector that a config's `model` describes, as JSON; one that has been built is not built again."""
    import torch

    from bench.detection.components import build_detector

    with torch.device("meta"):
        build_detector(json.loads(model))
