"""Both evaluators give the same numbers, and they are COCO's."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from backbones.errors import InputError
from bench.detection import coco_evaluation, evaluation_speed
from bench.detection.coco_evaluation import METRICS, choose, describe, evaluate
from bench.detection.coco_metric import WildnasCocoMetric, _detections
from bench.detection.evaluation_speed import made_predictions, measure_evaluation

#: Of `made_predictions(40, 7, 80, 100)`: coordinates of objects and detections, scores, categories of both.
MADE = [217048.94, 2772914.63, 669.58, 28272, 447375]


def ids(dataset: dict[str, Any]) -> tuple[list[int], list[int]]:
    return [image["id"] for image in dataset["images"]], [kind["id"] for kind in dataset["categories"]]


def pycocotools(dataset: dict[str, Any], found: list[dict[str, Any]], folder: Path) -> list[float]:
    """COCO's own way, from its own files: the first six of `stats`."""
    truth, results = folder / "truth.json", folder / "results.json"
    truth.write_text(json.dumps(dataset), encoding="utf-8")
    results.write_text(json.dumps(found), encoding="utf-8")
    index = COCO(str(truth))
    run = COCOeval(index, index.loadRes(str(results)), "bbox")
    run.evaluate()
    run.accumulate()
    run.summarize()
    return [float(value) for value in run.stats[:6]]


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("evaluator", ["faster-coco-eval", "pycocotools"])
def test_both_evaluators_give_coco_s_numbers(evaluator: str, seed: int, tmp_path: Path) -> None:
    """Boxes of all sizes around the objects, crowds, images without boxes, equal scores."""
    dataset, found = made_predictions(images=60, boxes=6, categories=5, detections=60, seed=seed)
    assert any(entry["iscrowd"] for entry in dataset["annotations"])
    assert len({entry["image_id"] for entry in dataset["annotations"]}) < 60
    scores = [entry["score"] for entry in found]
    assert len(set(scores)) < len(scores) / 10
    values = evaluate(dataset, found, *ids(dataset), evaluator)
    assert list(values) == list(METRICS)
    assert 0.05 < values["ap"] < values["ap50"] < 0.95
    assert list(values.values()) == pytest.approx(pycocotools(dataset, found, tmp_path), abs=1e-12)


@pytest.mark.parametrize("evaluator", ["faster-coco-eval", "pycocotools"])
def test_what_lies_in_a_crowd_is_no_mistake(evaluator: str) -> None:
    dataset = {
        "images": [{"id": 1, "height": 100, "width": 100}],
        "categories": [{"id": 3, "name": "sheep"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 3, "bbox": [0, 0, 20, 20], "area": 400},
            {"id": 2, "image_id": 1, "category_id": 3, "bbox": [40, 40, 60, 60], "area": 3600, "iscrowd": 1},
        ],
    }
    inside = [{"image_id": 1, "category_id": 3, "bbox": [50, 50, 10, 10], "score": 0.9}]
    hit = [{"image_id": 1, "category_id": 3, "bbox": [0, 0, 20, 20], "score": 0.8}]
    outside = [{"image_id": 1, "category_id": 3, "bbox": [25, 0, 10, 10], "score": 0.9}]
    # One object, small: there is no medium and no large one to find.
    assert evaluate(dataset, inside + hit, [1], [3], evaluator) == pytest.approx(
        {"ap": 1, "ap50": 1, "ap75": 1, "aps": 1}
    )
    # A miss that is surer than the hit: precision 1/2 at every recall.
    assert evaluate(dataset, outside + hit, [1], [3], evaluator)["ap"] == pytest.approx(0.5)
    assert evaluate(dataset, [], [1], [3], evaluator) == {"ap": 0, "ap50": 0, "ap75": 0, "aps": 0}


def test_only_the_images_asked_for_count() -> None:
    dataset, found = made_predictions(images=20, boxes=6, categories=3, detections=40)
    first = list(range(1, 11))
    part = {**dataset, "images": dataset["images"][:10]}
    part["annotations"] = [entry for entry in dataset["annotations"] if entry["image_id"] <= 10]
    shown = [entry for entry in found if entry["image_id"] <= 10]
    assert evaluate(dataset, found, first, ids(dataset)[1]) == evaluate(part, shown, *ids(part))
    assert evaluate(dataset, found, first, ids(dataset)[1]) != evaluate(dataset, found, *ids(dataset))


def test_the_evaluator_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose() == "faster-coco-eval"
    assert choose("pycocotools") == "pycocotools"
    with pytest.raises(InputError, match="evaluator='coco': expected one of faster-coco-eval, pycocotools"):
        choose("coco")
    assert re.fullmatch(r"pycocotools 2\.\d.*", describe("pycocotools"))
    monkeypatch.setitem(coco_evaluation.EVALUATORS, "faster-coco-eval", "no_such_module")
    assert choose() == "pycocotools"
    with pytest.raises(InputError, match="pip install faster-coco-eval"):
        choose("faster-coco-eval")


def test_both_are_timed_on_the_same_predictions() -> None:
    speed = measure_evaluation(images=12, detections=30)
    assert (speed.images, speed.detections) == (12, 360)
    fast, slow = speed.seconds.values()
    assert speed.ratio == pytest.approx(fast / slow)
    assert np.isfinite(speed.ratio)
    assert "12 images with 360 detections: faster-coco-eval " in str(speed)


@pytest.mark.parametrize(("limit", "ap"), [(1, 1.0), (2, 0.5), (None, 1 / 3)])
def test_images_behind_the_limit_are_not_missed(limit: int | None, ap: float, tmp_path: Path) -> None:
    """One box an image, of the first image found: recall 1 of 1, of 2, of 3, at precision 1."""
    box = {"bbox": [10.0, 10.0, 40.0, 40.0], "area": 1600.0, "category_id": 3, "iscrowd": 0}
    dataset = {
        "images": [{"id": number, "file_name": f"{number}.jpg", "width": 64, "height": 64} for number in (1, 2, 3)],
        "annotations": [{"id": number, "image_id": number, **box} for number in (1, 2, 3)],
        "categories": [{"id": 3, "name": "thing"}],
    }
    file = tmp_path / "truth.json"
    file.write_text(json.dumps(dataset), encoding="utf-8")
    metric = WildnasCocoMetric(str(file), limit=limit)
    metric.dataset_meta = {"classes": ["thing"]}
    corners = np.array([[10.0, 10.0, 50.0, 50.0]])
    nothing = np.zeros((0, 4))
    found = [
        ({}, {"img_id": number, "bboxes": boxes, "scores": np.ones(len(boxes)), "labels": np.zeros(len(boxes), int)})
        for number, boxes in ((1, corners), (2, nothing), (3, nothing))
    ]
    values = metric.compute_metrics(found[:limit])
    # 101 points of recall: 0, 0.01, …, 1.
    assert values["bbox_mAP"] == pytest.approx(ap, abs=0.01)
    assert values["bbox_mAP_50"] == values["bbox_mAP"]


def test_made_predictions_are_what_they_were() -> None:
    """Sums over all draws, so that measured times stay comparable from version to version."""
    dataset, found = made_predictions(images=40, boxes=7, categories=80, detections=100)
    truth = dataset["annotations"]
    assert (len(truth), len(found), sum(entry["iscrowd"] for entry in truth)) == (307, 4000, 10)
    assert [category["id"] for category in dataset["categories"]] == list(range(3, 241, 3))
    assert dataset["images"][0] == {"id": 1, "height": 480, "width": 640}
    assert [entry["id"] for entry in truth] == list(range(1, 308))
    for entry in truth:
        x, y, width, height = entry["bbox"]
        assert min(x, y) >= 0
        assert (width >= 8, height >= 8, x + width <= 640.01, y + height <= 480.01) == (True,) * 4
        assert entry["area"] == width * height
    assert min(min(entry["bbox"][2:]) for entry in found) > 0
    sums = [sum(map(sum, zip(*(entry["bbox"] for entry in part), strict=True))) for part in (truth, found)]
    scores = sum(entry["score"] for entry in found)
    kinds = [sum(entry["category_id"] for entry in part) for part in (truth, found)]
    assert [*sums, scores, *kinds] == pytest.approx(MADE, rel=1e-6)


def test_the_speed_is_that_of_val2017_s_size() -> None:
    assert (evaluation_speed.IMAGES, evaluation_speed.BOXES) == (5_000, 7)
    assert (evaluation_speed.CATEGORIES, evaluation_speed.DETECTIONS) == (80, 100)
    alone = evaluation_speed.EvaluationSpeed(1234, 5678, {"a 1": 2.0}, {})
    assert alone.ratio is None
    assert str(alone) == "evaluation of 1,234 images with 5,678 detections: a 1 2.0 s"
    both = evaluation_speed.EvaluationSpeed(1, 2, {"a 1": 1.0, "b 2": 4.0}, {})
    assert both.ratio == 0.25
    assert str(both).endswith("a 1 1.0 s, b 2 4.0 s; 0.25 of pycocotools' time")


def test_evaluators_that_disagree_are_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    for other, agrees in (
        ({"ap": 0.5}, True),
        ({"ap": 0.5 + 9e-10}, True),
        ({"ap": 0.5 + 2e-9}, False),
        ({"ap50": 0.5}, False),
    ):
        results = iter([{"ap": 0.5}, other])
        monkeypatch.setattr(evaluation_speed, "evaluate", lambda *what, found=results: next(found))
        if agrees:
            assert measure_evaluation(images=2, detections=3).metrics == {"ap": 0.5}
        else:
            with pytest.raises(RuntimeError, match=r"faster-coco-eval .* and pycocotools .* disagree"):
                measure_evaluation(images=2, detections=3)
    monkeypatch.setattr(evaluation_speed, "evaluate", lambda *what: {"ap": 0.5})
    monkeypatch.setitem(evaluation_speed.EVALUATORS, "pycocotools", "no_such_module")
    assert len(measure_evaluation(images=2, detections=3).seconds) == 1


def test_the_metric_takes_few_settings(tmp_path: Path) -> None:
    file = tmp_path / "truth.json"
    file.write_text('{"images": [], "annotations": [], "categories": []}', encoding="utf-8")
    with pytest.raises(InputError, match="WildnasCocoMetric: unknown key 'iou_thrs'; known: metric, format_only"):
        WildnasCocoMetric(str(file), iou_thrs=[0.5])
    with pytest.raises(InputError, match=r"metric=\['bbox', 'segm'\]: expected 'bbox'"):
        WildnasCocoMetric(str(file), metric=["bbox", "segm"])
    metric = WildnasCocoMetric(str(file), metric="bbox", evaluator="pycocotools", collect_dir="x")
    assert (metric.evaluator, metric.limit, metric.collect_dir) == ("pycocotools", None, "x")


def test_corners_become_sides_and_labels_ids() -> None:
    result = {
        "img_id": 4,
        "bboxes": np.array([[1.0, 2.0, 11.0, 22.0], [0.0, 0.0, 3.0, 4.0]]),
        "scores": np.array([0.9, 0.5]),
        "labels": np.array([1, 0]),
    }
    assert list(_detections([result, result], [7, 9]))[:2] == [
        {"image_id": 4, "category_id": 9, "bbox": [1.0, 2.0, 10.0, 20.0], "score": 0.9},
        {"image_id": 4, "category_id": 7, "bbox": [0.0, 0.0, 3.0, 4.0], "score": 0.5},
    ]
