"""A made COCO set with what real ones have (a crowd box, images without boxes, a greyscale one) and a tiny protocol."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from bench.detection.task import DetectionTask
from bench.tasks.architectures import resolve
from bench.tasks.contract import Job, Protocol
from search.configs import config_root, load_config

CATEGORIES = ("left", "right")

CONFIG = """
_base_ = "{base}"
data_root = "{root}"
input_size = 64
model = dict(input_size=input_size, extra_channels=(8,), backbone=dict(channels=4, layers=3))
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="Resize", scale=(input_size, input_size), keep_ratio=False),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackDetInputs"),
]
test_pipeline = _base_.test_pipeline
test_pipeline[1].update(scale=(input_size, input_size))
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    dataset=dict(times=1, dataset=dict(data_root=data_root, pipeline=train_pipeline)),
)
val_dataloader = dict(batch_size=4, num_workers=0, dataset=dict(data_root=data_root, pipeline=test_pipeline))
train_cfg = dict(max_epochs=2)
optim_wrapper = dict(optimizer=dict(lr=0.05))
auto_scale_lr = dict(enable=False)
param_scheduler = [dict(type="CosineAnnealingLR", T_max=4, by_epoch=False)]
"""


def write_made_coco(root: Path) -> Path:
    """Seven train and four val images; the first of each part has a crowd box, the second none, the third is grey."""
    draw = np.random.default_rng(0)
    number = 0
    for part, images in (("train2017", 7), ("val2017", 4)):
        (root / part).mkdir(parents=True)
        (root / "annotations").mkdir(exist_ok=True)
        entries: list[dict[str, Any]] = []
        boxes: list[dict[str, Any]] = []
        for place in range(images):
            number += 1
            height, width = 80, 60 + 10 * place
            pixels = draw.integers(0, 60, (height, width, 3), dtype=np.uint8)
            entries.append({"id": number, "file_name": f"{number:012d}.jpg", "height": height, "width": width})
            for category, x in ((7, 4), (9, 30)) if place != 1 else ():
                pixels[20:50, x : x + 24] = 255 if category == 7 else 150
                box = {"bbox": [x, 20, 24, 30], "area": 720, "category_id": category, "iscrowd": 0}
                boxes.append({"id": 100 + 10 * number + category, "image_id": number, **box})
            if place == 0:
                boxes[-1]["iscrowd"] = 1
            image = Image.fromarray(pixels)
            (image.convert("L") if place == 2 else image).save(root / part / entries[-1]["file_name"])
        categories = [{"id": number, "name": name} for number, name in zip((7, 9), CATEGORIES, strict=True)]
        content = {"images": entries, "annotations": boxes, "categories": categories}
        (root / "annotations" / f"instances_{part}.json").write_text(json.dumps(content), encoding="utf-8")
    return root


@pytest.fixture(scope="session")
def made_coco(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_made_coco(tmp_path_factory.mktemp("coco"))


def tiny_protocol(folder: Path, root: Path, *options: str) -> Protocol:
    """The tiny protocol, validated, from a config that is written into a folder."""
    file = folder / "tiny.py"
    base = config_root() / "detection" / "_base_" / "coco_ssd.py"
    file.write_text(CONFIG.format(base=base, root=root), encoding="utf-8")
    config = load_config(str(file), options)
    values = DetectionTask().validate(config.values, config.name)
    return Protocol(config.protocol("detection"), config.path, values, config.options)


@pytest.fixture
def make_protocol(tmp_path: Path) -> Callable[..., Protocol]:
    """A function from a data root and options to the tiny protocol, validated."""

    def make(root: Path, *options: str) -> Protocol:
        return tiny_protocol(tmp_path, root, *options)

    return make


@pytest.fixture(scope="session")
def tiny_checkpoint(made_coco: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run of the tiny protocol leaves, with the weights that it begins with: it detects, only nothing right."""
    from bench.detection import checkpoint
    from bench.detection.coco_data import find
    from bench.detection.components import build_detector
    from bench.detection.training import resolve as resolve_config

    folder = tmp_path_factory.mktemp("run")
    protocol = tiny_protocol(folder, made_coco)
    job, data = Job(protocol, resolve("PDARTS"), 0, folder), find(protocol.config)
    config = resolve_config(job, data)
    torch.manual_seed(0)
    detector = build_detector(config.model)
    detector.init_weights()
    return checkpoint.save(detector, job, config, data)
