"""The digits as a COCO data set: `train2017/`, `val2017/` and `annotations/instances_{train,val}2017.json`.

T.-Y. Lin et al., Microsoft COCO: Common Objects in Context, 2014. Beside COCO's own keys an annotation has `source`,
the digit's index in `sklearn.datasets.load_digits`. It has no `segmentation`, so its `area` is that of the box.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bench.digits.canvas import CANVAS_SIZE, Canvas, draw_canvas
from bench.digits.source import Digits, DigitsSplit

TRAIN_CANVASES = 300
VAL_CANVASES = 80

#: Largest number of digits on a canvas.
MAX_DIGITS = 5

#: One canvas in this many holds no digit; about one COCO image in a hundred has no annotation.
EMPTY_EVERY = 75

CATEGORY_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

_INFO = {
    "description": "Handwritten digits on canvases, in COCO's format",
    "url": "https://archive.ics.uci.edu/dataset/80",
    "version": "1.0",
    "year": 1998,
    "contributor": "E. Alpaydin, C. Kaynak",
    "date_created": "1998/07/01",
}
_LICENSES = [{"id": 1, "name": "CC BY 4.0", "url": "https://creativecommons.org/licenses/by/4.0/"}]


def write_coco(
    folder: Path, split: DigitsSplit, seed: int, train_canvases: int = TRAIN_CANVASES, val_canvases: int = VAL_CANVASES
) -> dict[str, int]:
    """Write canvases with the split's train and val digits.

    Returns:
        The numbers of train and val images and annotations.
    """
    rng = np.random.default_rng([seed, 1])
    train = _draw_part(split.train, train_canvases, rng)
    val = _draw_part(split.val, val_canvases, rng)
    # Ids continue from train to val, since COCO's ids are unique over both.
    train_boxes = _write_part(folder, "train2017", train, first_image=1, first_annotation=1)
    val_boxes = _write_part(folder, "val2017", val, first_image=1 + len(train), first_annotation=1 + train_boxes)
    return {
        "train images": len(train),
        "train annotations": train_boxes,
        "val images": len(val),
        "val annotations": val_boxes,
    }


def _draw_part(digits: Digits, canvases: int, rng: np.random.Generator) -> list[Canvas]:
    drawn = []
    for number in range(canvases):
        empty = number % EMPTY_EVERY == EMPTY_EVERY // 2
        drawn.append(draw_canvas(digits, 0 if empty else int(rng.integers(1, MAX_DIGITS + 1)), rng))
    return drawn


def _write_part(folder: Path, name: str, canvases: list[Canvas], first_image: int, first_annotation: int) -> int:
    """Write one part's images and its annotation file; return its number of annotations."""
    (folder / name).mkdir(parents=True)
    (folder / "annotations").mkdir(exist_ok=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_id, canvas in enumerate(canvases, start=first_image):
        file_name = f"{image_id:012d}.jpg"
        # Quality 95 without chroma subsampling keeps the ink inside its box.
        Image.fromarray(canvas.pixels).save(folder / name / file_name, quality=95, subsampling=0)
        images.append(
            {"id": image_id, "license": 1, "file_name": file_name, "width": CANVAS_SIZE, "height": CANVAS_SIZE}
        )
        for instance in canvas.instances:
            annotations.append(
                {
                    "id": first_annotation + len(annotations),
                    "image_id": image_id,
                    "category_id": instance.label + 1,
                    "bbox": list(instance.box),
                    "area": instance.box[2] * instance.box[3],
                    "iscrowd": 0,
                    "source": instance.source,
                }
            )
    content = {
        "info": _INFO,
        "licenses": _LICENSES,
        "images": images,
        "annotations": annotations,
        "categories": [
            {"id": label + 1, "name": word, "supercategory": "digit"} for label, word in enumerate(CATEGORY_NAMES)
        ],
    }
    (folder / "annotations" / f"instances_{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return len(annotations)
