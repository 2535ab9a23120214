"""COCO's six box metrics, computed by faster-coco-eval if it is installed, else by pycocotools.

Both give the same numbers (`tests/bench/detection/test_coco_evaluation.py`); faster-coco-eval matches and accumulates
in C++. A run's log names the evaluator.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from typing import Any

from backbones.errors import InputError

#: The evaluators' packages, preferred first, with the modules that they are imported as.
EVALUATORS = {"faster-coco-eval": "faster_coco_eval", "pycocotools": "pycocotools"}

#: Names of the first six values of the evaluators' `stats`.
METRICS = ("ap", "ap50", "ap75", "aps", "apm", "apl")


def choose(evaluator: str | None = None) -> str:
    """Choose the evaluator: the given one, or the first of `EVALUATORS` that is installed.

    Raises:
        InputError: the given name is unknown, or no evaluator is installed.
    """
    names = list(EVALUATORS) if evaluator is None else [evaluator]
    for name in names:
        if name not in EVALUATORS:
            raise InputError(f"evaluator={name!r}: expected one of {', '.join(EVALUATORS)}")
        if importlib.util.find_spec(EVALUATORS[name]) is not None:
            return name
    raise InputError(f"COCO's metrics need {' or '.join(names)}: pip install {names[0]}")


def describe(evaluator: str) -> str:
    """Name the evaluator with its version, such as `pycocotools 2.0.11`."""
    return f"{evaluator} {metadata.version(evaluator)}"


def evaluate(
    dataset: Mapping[str, Any],
    detections: Iterable[Mapping[str, Any]],
    image_ids: Sequence[int],
    category_ids: Sequence[int],
    evaluator: str | None = None,
) -> dict[str, float]:
    """Compute COCO's metrics of detections as the evaluation server does, with IoU 0.5 to 0.95 and 100 detections.

    At most 100 detections of a category in an image count, for all six metrics; MMDetection's `CocoMetric` counts up to
    1,000 for all metrics but the first. Crowd boxes need not be found, and detections inside them are not errors. All
    other annotations count as objects, also those without area, as in COCO's own evaluation.

    Args:
        dataset: the content of an annotation file; a missing `iscrowd` is 0.
        detections: each with `image_id`, `category_id`, `bbox` (x, y, width, height in pixels) and `score`.
        image_ids, category_ids: the images and categories to evaluate.
        evaluator: one of `EVALUATORS`; None takes the first that is installed.

    Returns:
        A value from 0 to 1 by each name of `METRICS`; a metric without any object of its size is left out.
    """
    index, evaluation = _classes(choose(evaluator))
    truth = [{"iscrowd": 0, **entry} for entry in dataset["annotations"]]
    found = [
        {"id": number, "iscrowd": 0, "area": entry["bbox"][2] * entry["bbox"][3], **entry}
        for number, entry in enumerate(detections, start=1)
    ]
    # pycocotools prints as it goes.
    with contextlib.redirect_stdout(io.StringIO()):
        run = evaluation(_indexed(index, dataset, truth), _indexed(index, dataset, found), "bbox")
        run.params.imgIds, run.params.catIds = list(image_ids), list(category_ids)
        run.evaluate()
        run.accumulate()
        run.summarize()
    # The evaluators give -1 for undefined.
    return {name: float(value) for name, value in zip(METRICS, run.stats, strict=False) if value >= 0}


def _classes(evaluator: str) -> tuple[Any, Any]:
    """Import an evaluator's classes for the index of annotations and for the evaluation."""
    if evaluator == "faster-coco-eval":
        from faster_coco_eval import COCO, COCOeval_faster

        return COCO, COCOeval_faster
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    return COCO, COCOeval


def _indexed(index: Any, dataset: Mapping[str, Any], annotations: list[dict[str, Any]]) -> Any:
    """Index annotations, or detections in the form of annotations.

    `loadRes` is not used: it fails where nothing was detected, and makes a mask for every detection.
    """
    api = index()
    api.dataset = {"images": dataset["images"], "categories": dataset["categories"], "annotations": annotations}
    api.createIndex()
    return api
