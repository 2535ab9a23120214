"""COCO's metrics as a metric of MMDetection, computed by `coco_evaluation`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from mmengine.logging import MMLogger

from backbones.errors import InputError
from bench.detection import coco_evaluation
from bench.detection.mmcv_ext import provide_mmcv_ext

provide_mmcv_ext()

from mmdet.evaluation.metrics import CocoMetric  # noqa: E402 - needs the stand-in for mmcv's compiled module
from mmdet.registry import METRICS  # noqa: E402

#: The metric's name in configs.
COCO_METRIC = "WildnasCocoMetric"


@METRICS.register_module()
class WildnasCocoMetric(CocoMetric):
    """MMDetection's `CocoMetric` for boxes: faster, not rounded, and with 100 detections for all six metrics.

    Args:
        ann_file: the annotation file.
        limit: evaluate only this many images, the file's first; None evaluates all.
        evaluator: `faster-coco-eval` or `pycocotools`; None takes the first that is installed.
        collect_dir: a folder that all processes share, in which the first process collects their detections.
        settings: arguments of `CocoMetric`: `format_only`, `outfile_prefix`, `backend_args`, `collect_device`,
            `prefix`, and `metric`, which must be `bbox`.

    Raises:
        InputError: an unknown setting, or an evaluator that is not installed.
    """

    #: The allowed `settings`.
    SETTINGS = ("metric", "format_only", "outfile_prefix", "backend_args", "collect_device", "prefix")

    def __init__(
        self,
        ann_file: str,
        limit: int | None = None,
        evaluator: str | None = None,
        collect_dir: str | None = None,
        **settings: Any,
    ) -> None:
        for key in settings:
            if key not in self.SETTINGS:
                raise InputError(f"{COCO_METRIC}: unknown key {key!r}; known: {', '.join(self.SETTINGS)}")
        super().__init__(ann_file=ann_file, **settings)
        if self.metrics != ["bbox"]:
            raise InputError(f"{COCO_METRIC}: metric={settings['metric']!r}: expected 'bbox'")
        self.limit = limit
        self.evaluator = coco_evaluation.choose(evaluator)
        self.collect_dir = collect_dir

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        """Compute `bbox_mAP`, `bbox_mAP_50`, … from 0 to 1; an undefined metric is left out."""
        if self.format_only:
            return super().compute_metrics(results)
        self.cat_ids = self._coco_api.get_cat_ids(cat_names=self.dataset_meta["classes"])
        self.img_ids = self._coco_api.get_img_ids()[: self.limit]
        detections = _detections([found for _, found in results], self.cat_ids)
        values = coco_evaluation.evaluate(
            self._coco_api.dataset, detections, self.img_ids, self.cat_ids, self.evaluator
        )
        # `aps` is MMDetection's `mAP_s`, `ap50` its `mAP_50`.
        named = {f"bbox_mAP{f'_{key[2:]}' if key != 'ap' else ''}": value for key, value in values.items()}
        log = ", ".join(f"{key} {100 * value:.2f}" for key, value in values.items()) or "nothing to find"
        MMLogger.get_current_instance().info(
            f"{log} (%) on {len(self.img_ids)} images, by {coco_evaluation.describe(self.evaluator)}"
        )
        return named


def _detections(results: Sequence[dict[str, Any]], category_ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Yield an entry for every box, with x, y, width and height for corners and category ids for labels."""
    for result in results:
        boxes = np.array(result["bboxes"], dtype=np.float64)
        boxes[:, 2:] -= boxes[:, :2]
        for box, score, label in zip(boxes.tolist(), result["scores"].tolist(), result["labels"].tolist(), strict=True):
            yield {"image_id": result["img_id"], "category_id": category_ids[label], "bbox": box, "score": score}
