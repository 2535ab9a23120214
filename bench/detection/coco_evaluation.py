"""COCO's six box metrics, by faster-coco-eval where it is installed and by pycocotools where it is not.

Both give the same numbers (`tests/bench/detection/test_coco_evaluation.py`); faster-coco-eval matches and accumulates
in C++. Which of the two it was stands in a run's log.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from typing import Any

from backbones.errors import InputError

#: The evaluators by the names of their packages, preferred first, each with the module that it is imported as.
EVALUATORS = {"faster-coco-eval": "faster_coco_eval", "pycocotools": "pycocotools"}

#: Our names of the first of the evaluators' `stats`.
METRICS = ("ap", "ap50", "ap75", "aps", "apm", "apl")


def choose(evaluator: str | None = None) -> str:
    """The evaluator to use: the one that is asked for, or the first of `EVALUATORS` that is installed.

    Raises:
        InputError: the one that is asked for is none of them, or none is installed.
    """
    names = list(EVALUATORS) if evaluator is None else [evaluator]
    for name in names:
        if name not in EVALUATORS:
            raise InputError(f"evaluator={name!r}: expected one of {', '.join(EVALUATORS)}")
        if importlib.util.find_spec(EVALUATORS[name]) is not None:
            return name
    raise InputError(f"COCO's metrics need {' or '.join(names)}: pip install {names[0]}")


def describe(evaluator: str) -> str:
    """The evaluator with its version, such as `pycocotools 2.0.11`."""
    return f"{evaluator} {metadata.version(evaluator)}"


def evaluate(
    dataset: Mapping[str, Any],
    detections: Iterable[Mapping[str, Any]],
    image_ids: Sequence[int],
    category_ids: Sequence[int],
    evaluator: str | None = None,
) -> dict[str, float]:
    """COCO's metrics of detections: what the evaluation server computes, IoU 0.5 to 0.95 and 100 detections.

    At most 100 detections of a category in an image count, for all six metrics; MMDetection's `CocoMetric` lets up to
    1,000 count for all but the first. Crowd boxes are no objects to find, and what lies in them is no mistake. Every
    other annotation is one to find, as in COCO's own evaluation also one without area.

    Args:
        dataset: the content of an annotation file; a missing `iscrowd` is 0.
        detections: each with `image_id`, `category_id`, `bbox` (x, y, width, height in pixels) and `score`.
        image_ids, category_ids: what is evaluated.
        evaluator: one of `EVALUATORS`; None takes the first that is installed.

    Returns:
        A value from 0 to 1 by each name of `METRICS`. One that is undefined, since there is no object of its size to
        find, is left out.
    """
    index, evaluation = _classes(choose(evaluator))
    truth = [{"iscrowd": 0, **entry} for entry in dataset["annotations"]]
    found = [
        {"id": place, "iscrowd": 0, "area": entry["bbox"][2] * entry["bbox"][3], **entry}
        for place, entry in enumerate(detections, start=1)
    ]
    # pycocotools prints as it goes.
    with contextlib.redirect_stdout(io.StringIO()):
        run = evaluation(_indexed(index, dataset, truth), _indexed(index, dataset, found), "bbox")
        run.params.imgIds, run.params.catIds = list(image_ids), list(category_ids)
        run.evaluate()
        run.accumulate()
        run.summarize()
    # -1 is the evaluators' word for undefined.
    return {name: float(value) for name, value in zip(METRICS, run.stats, strict=False) if value >= 0}


def _classes(evaluator: str) -> tuple[Any, Any]:
    """The classes of an evaluator that index annotations and that evaluate detections."""
    if evaluator == "faster-coco-eval":
        from faster_coco_eval import COCO, COCOeval_faster

        return COCO, COCOeval_faster
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    return COCO, COCOeval


def _indexed(index: Any, dataset: Mapping[str, Any], annotations: list[dict[str, Any]]) -> Any:
    """The annotations of a data set, or the detections as if they were some, as the evaluators want them.

    Not by `loadRes`, which fails where nothing was detected and gives every detection a mask that no one looks at.
    """
    api = index()
    api.dataset = {"images": dataset["images"], "categories": dataset["categories"], "annotations": annotations}
    api.createIndex()
    return api
