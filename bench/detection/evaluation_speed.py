"""Time COCO's metrics with each evaluator on synthetic predictions of val2017's size."""

from __future__ import annotations

import importlib.util
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.detection.coco_evaluation import EVALUATORS, describe, evaluate

#: val2017: 5,000 images with 36,781 boxes of 80 categories; a detector may keep 100 detections in an image.
IMAGES, BOXES, CATEGORIES, DETECTIONS = 5_000, 7, 80, 100

#: Height and width of the synthetic images, COCO's most frequent size.
_SIZE = (480, 640)


@dataclass(frozen=True)
class EvaluationSpeed:
    """Seconds of evaluating the same predictions.

    Attributes:
        images, detections: how many were evaluated.
        seconds: by evaluator with its version; for the index, matching and accumulating, without reading a file.
        metrics: the metrics, the same for all evaluators.
    """

    images: int
    detections: int
    seconds: dict[str, float]
    metrics: dict[str, float]

    @property
    def ratio(self) -> float | None:
        """The first evaluator's share of pycocotools' time; None where only one is installed."""
        first, *others = self.seconds.values()
        return first / others[-1] if others else None

    def __str__(self) -> str:
        times = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in self.seconds.items())
        ratio = "" if self.ratio is None else f"; {self.ratio:.2f} of pycocotools' time"
        return f"evaluation of {self.images:,} images with {self.detections:,} detections: {times}{ratio}"


def measure_evaluation(images: int = IMAGES, detections: int = DETECTIONS) -> EvaluationSpeed:
    """Evaluate synthetic predictions once with every installed evaluator.

    Raises:
        RuntimeError: two evaluators disagree.
    """
    dataset, found = made_predictions(images, BOXES, CATEGORIES, detections)
    image_ids = [image["id"] for image in dataset["images"]]
    category_ids = [category["id"] for category in dataset["categories"]]
    seconds: dict[str, float] = {}
    results: list[dict[str, float]] = []
    for name, module in EVALUATORS.items():
        if importlib.util.find_spec(module) is None:
            continue
        start = time.perf_counter()
        results.append(evaluate(dataset, found, image_ids, category_ids, name))
        seconds[describe(name)] = time.perf_counter() - start
        # Rounding differs in the last bits, since one sums in C++ and the other in NumPy.
        if results[0].keys() != results[-1].keys() or any(
            abs(value - results[-1][key]) > 1e-9 for key, value in results[0].items()
        ):
            raise RuntimeError(f"{' and '.join(seconds)} disagree: {results[0]}, {results[-1]}")
    return EvaluationSpeed(images, len(found), seconds, results[0])


def made_predictions(
    images: int, boxes: int, categories: int, detections: int, seed: int = 0
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Draw the content of an annotation file, and predictions for it as a detector gives them.

    Images hold from 0 to twice `boxes` boxes of all sizes, one in 30 a crowd (COCO: one in 80). Some of an image's
    `detections` lie around its boxes, closer for a higher score, sometimes several on one box, and the rest anywhere.
    Scores have two decimals, so that many are equal.
    """
    draw = np.random.default_rng(seed)
    height, width = _SIZE
    # COCO's ids have gaps and begin at 1: the evaluators use 0 for no match.
    category_ids = np.arange(1, categories + 1) * 3
    annotations: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    for image_id in range(1, images + 1):
        here = int(draw.integers(0, 2 * boxes + 1))
        # Sides from 8 pixels to the image's, as many small as large ones.
        sides = np.exp(draw.uniform(np.log(8), np.log([width, height]), (here, 2)))
        corners = draw.uniform(0, 1, (here, 2)) * ([width, height] - sides)
        truth = np.hstack([corners, sides]).round(2)
        kinds = draw.choice(category_ids[: max(1, categories // 2)] if draw.random() < 0.5 else category_ids, here)
        for box, kind in zip(truth.tolist(), kinds.tolist(), strict=True):
            entry = {"id": len(annotations) + 1, "image_id": image_id, "category_id": kind, "bbox": box}
            annotations.append({**entry, "area": box[2] * box[3], "iscrowd": int(draw.random() < 1 / 30)})
        scores = draw.beta(0.6, 3, detections).round(2)
        for score in scores.tolist():
            if here and draw.random() < 0.2 + 0.8 * score:
                index = int(draw.integers(here))
                shift = draw.normal(0, 0.02 + 0.12 * (1 - score), 4) * np.tile(truth[index, 2:], 2)
                box = truth[index] + shift
                kind = int(kinds[index]) if draw.random() < 0.9 else int(draw.choice(category_ids))
            else:
                box = np.hstack([draw.uniform(0, 1, 2) * [width, height], np.exp(draw.uniform(2, 5.5, 2))])
                kind = int(draw.choice(category_ids))
            found.append({"image_id": image_id, "category_id": kind, "bbox": box.round(2).tolist(), "score": score})
    dataset = {
        "images": [{"id": number, "height": height, "width": width} for number in range(1, images + 1)],
        "categories": [{"id": int(number), "name": f"category {number}"} for number in category_ids],
        "annotations": annotations,
    }
    return dataset, found
