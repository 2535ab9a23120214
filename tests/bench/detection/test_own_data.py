"""`--data FOLDER` for detection: COCO exports, YOLO and Pascal VOC train SSD for a step."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bench.commands.cli import main
from bench.detection.own_data import own_data
from search.configs import load_config
from tests.bench.made_inputs import (
    BOX,
    FROM_ZERO,
    SIZE,
    add_root,
    all_of,
    coco,
    each,
    picture,
    voc,
    yolo,
)

CONFIG = """
_base_ = "detection/digits_ssd"
input_size = 64
model = dict(input_size=input_size, extra_channels=(8,), backbone=dict(channels=4, layers=3))
train_pipeline = _base_.train_pipeline
train_pipeline[2].update(scale=(input_size, input_size))
test_pipeline = _base_.test_pipeline
test_pipeline[1].update(scale=(input_size, input_size))
train_dataloader = dict(batch_size=4, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(batch_size=4, dataset=dict(pipeline=test_pipeline))
train_cfg = dict(max_epochs=1)
"""

ROBOFLOW = ("{part}", "{part}/_annotations.coco.json"), {"train": "train", "val": "valid"}

#: The shapes of five exports that are public, all with ids from 0; Roboflow's has a category above all others.
EXPORTS: dict[str, Callable[[Path], Path]] = {
    "Roboflow": lambda root: coco(
        root,
        all_of(
            FROM_ZERO,
            each("categories", id=lambda n: n + 1),
            each("annotations", category_id=lambda n: n + 1),
            add_root,
        ),
        *ROBOFLOW,
    ),
    "Roboflow without areas": lambda root: coco(
        root, all_of(FROM_ZERO, each("annotations", area=..., iscrowd=...)), *ROBOFLOW
    ),
    "CVAT": lambda root: coco(
        root,
        all_of(FROM_ZERO, each("annotations", iscrowd=float)),
        ("images/{part}", "annotations/instances_{part}.json"),
        {"train": "Train", "val": "Validation"},
    ),
    "labelme": lambda root: coco(
        root,
        all_of(
            FROM_ZERO, each("images", file_name=lambda n: f"JPEGImages\\{n}"), each("categories", supercategory=None)
        ),
        ("{part}/JPEGImages", "{part}/annotations.json"),
    ),
    "Label Studio": lambda root: coco(
        root,
        all_of(
            FROM_ZERO,
            each("images", id=lambda n: f"img{n}"),
            each("annotations", image_id=lambda n: f"img{n}", id=str, bbox=lambda b: list(map(str, b))),
        ),
        ("{part}/images", "{part}/result.json"),
    ),
    "YOLO": yolo,
    "Pascal VOC": voc,
}


@pytest.mark.parametrize("export", EXPORTS)
def test_an_export_trains_ssd_for_a_step(
    export: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    # A config anywhere, whose base is a protocol by its name.
    (tmp_path / "tiny.py").write_text(CONFIG, encoding="utf-8")
    root = EXPORTS[export](tmp_path / "mine")
    before = {file: file.read_bytes() for file in root.rglob("*") if file.is_file()}
    code = main(["evaluate", "PDARTS", "--on", "tiny.py", "--data", "mine", "--results", "out", "--work-dir", "wk"])
    err = capsys.readouterr().err
    assert code == 0, err
    kind = {"YOLO": "YOLO labels (data.yaml)", "Pascal VOC": "Pascal VOC annotations"}.get(export, "COCO annotations")
    assert f"wildnas: mine: {kind}" in err
    (file,) = Path("out/records").rglob("seed0.json")
    record = json.loads(file.read_text(encoding="utf-8"))
    assert record["data"]["counts"]["train images"] == 4
    # The number of classes is the data's.
    assert record["data"]["counts"]["categories"] == 1
    repaired = [name for name in record["data"]["counts"] if name.startswith("repaired: ")]
    assert bool(repaired) == (export not in ("YOLO", "Pascal VOC"))
    assert "ap" in record["metrics"]
    assert {file: file.read_bytes() for file in root.rglob("*") if file.is_file()} == before


def converted(root: Path, work: Path) -> dict[str, Any]:
    config = load_config("detection/digits_ssd").values
    found = own_data(config, root, work)
    files = [
        Path(value_of(option)) for option in found.options if "train_dataloader" in option and "ann_file" in option
    ]
    return json.loads(files[0].read_text(encoding="utf-8"))


def value_of(option: str) -> str:
    return option.partition("=")[2].strip("'")


@pytest.mark.parametrize("make", [yolo, voc])
def test_boxes_of_other_formats_are_those_that_were_meant(make: Callable[[Path], Path], tmp_path: Path) -> None:
    content = converted(make(tmp_path / "mine"), tmp_path / "work")
    assert [(image["width"], image["height"]) for image in content["images"]] == [SIZE] * 4
    for annotation in content["annotations"]:
        assert annotation["bbox"] == pytest.approx(BOX, abs=0.01)
    assert [category["name"] for category in content["categories"]] == ["box"]


def test_yolo_s_shares_are_of_the_picture_as_it_is_seen(tmp_path: Path) -> None:
    root = yolo(tmp_path / "mine")
    tags = Image.Exif()
    tags[0x0112] = 6
    picture(root / "images" / "train" / "0.jpg", exif=tags)
    (root / "labels" / "train" / "0.txt").write_text("0 0.5 0.25 0.5 0.5\n", encoding="utf-8")
    content = converted(root, tmp_path / "work")
    assert (content["images"][0]["width"], content["images"][0]["height"]) == (64, 96)
    assert content["annotations"][0]["bbox"] == [16, 0, 32, 48]


def test_a_polygon_is_its_box_and_an_image_without_labels_has_none(tmp_path: Path) -> None:
    root = yolo(tmp_path / "mine")
    (root / "labels" / "train" / "0.txt").write_text("0 0.25 0.25 0.75 0.25 0.75 0.5 0.25 0.5\n", encoding="utf-8")
    (root / "labels" / "train" / "1.txt").unlink()
    content = converted(root, tmp_path / "work")
    assert content["annotations"][0]["bbox"] == [24, 16, 48, 16]
    assert {annotation["image_id"] for annotation in content["annotations"]} == {1, 3, 4}


@pytest.mark.parametrize(
    "text",
    [
        # Roboflow's paths, which count from a folder that is not there.
        "train: ../train/images\nval: ../valid/images\nnames: ['box']\nnc: 1\n",
        "path: /home/somebody/datasets/mine\ntrain: train/images\nval: valid/images\nnames: {0: box}\n",
        "path: ../mine\ntrain: [train/images]\nval: valid/images\nnames: [box]\n",
    ],
)
def test_paths_of_a_data_yaml(text: str, tmp_path: Path) -> None:
    root = yolo(tmp_path / "mine")
    for old, new in (("train", "train"), ("val", "valid")):
        (root / new).mkdir()
        for kind in ("images", "labels"):
            (root / kind / old).rename(root / new / kind)
    (root / "data.yaml").write_text(text, encoding="utf-8")
    assert len(converted(root, tmp_path / "work")["annotations"]) == 4


def test_a_root_category_that_is_used_in_one_part_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bench.detection.coco_data import find
    from bench.tasks.registry import load_protocol

    monkeypatch.chdir(tmp_path)
    root = coco(tmp_path / "mine", add_root)
    file = root / "annotations" / "instances_train2017.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["annotations"][0]["category_id"] = 0
    file.write_text(json.dumps(content), encoding="utf-8")
    config = load_config("detection/digits_ssd").values
    _, protocol = load_protocol("detection/digits_ssd", own_data(config, root, tmp_path).options)
    assert list(find(protocol.config).train.categories) == ["things", "box"]


def test_the_pixels_that_mmdetection_s_own_tools_read_are_ours() -> None:
    """By `custom_imports` alone, with the configs as they are."""
    from mmdet.registry import TRANSFORMS

    import bench.detection.components  # noqa: F401
    from bench.detection.reading import LoadPicture

    assert TRANSFORMS.get("LoadImageFromFile") is LoadPicture
    config = load_config("detection/coco_ssd320").values
    assert config["train_pipeline"][0]["type"] == "LoadImageFromFile"
    assert config["custom_imports"]["imports"] == ["bench.detection.components"]
