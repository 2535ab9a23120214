import json
import shutil
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from backbones.errors import InputError
from bench.detection.annotations import read
from bench.detection.coco_data import find
from bench.detection.task import DetectionTask
from bench.tasks.contract import Protocol

Make = Callable[..., Protocol]


def test_the_report_counts(make_protocol: Make, made_coco: Path) -> None:
    report = DetectionTask().check(make_protocol(made_coco))
    assert report.counts == {
        "train images": 7,
        "train annotations": 12,
        "train images without boxes": 1,
        "train crowd boxes": 1,
        "val images": 4,
        "val annotations": 6,
        "val images without boxes": 1,
        "val crowd boxes": 1,
        "categories": 2,
    }


def test_the_fingerprint_follows_the_data_not_the_place(make_protocol: Make, made_coco: Path, tmp_path: Path) -> None:
    task = DetectionTask()
    copy = tmp_path / "copy"
    shutil.copytree(made_coco, copy)
    before = task.check(make_protocol(made_coco)).fingerprint
    assert task.check(make_protocol(copy)).fingerprint == before
    file = copy / "annotations" / "instances_val2017.json"
    file.write_text(file.read_text(encoding="utf-8").replace("720", "721"), encoding="utf-8")
    assert task.check(make_protocol(copy)).fingerprint != before


def test_a_missing_data_folder_is_named(make_protocol: Make, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"{tmp_path}/nowhere: no such data folder .*WILDNAS_DATA"):
        DetectionTask().check(make_protocol(tmp_path / "nowhere"))


def test_a_missing_image_is_named(make_protocol: Make, made_coco: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(made_coco, copy)
    (copy / "val2017" / "000000000009.jpg").unlink()
    with pytest.raises(InputError, match=r"val2017/000000000009\.jpg: no such image"):
        DetectionTask().check(make_protocol(copy))


def test_categories_must_agree(make_protocol: Make, made_coco: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(made_coco, copy)
    file = copy / "annotations" / "instances_val2017.json"
    file.write_text(file.read_text(encoding="utf-8").replace("left", "top"), encoding="utf-8")
    with pytest.raises(InputError, match="categories differ"):
        DetectionTask().check(make_protocol(copy))


def change(content: dict[str, Any], part: str, key: str, value: Any) -> None:
    content[part][0][key] = value


@pytest.mark.parametrize(
    ("part", "key", "value", "message"),
    [
        ("images", "file_name", "../../secret.jpg", "leads out of"),
        ("images", "file_name", "/etc/passwd", "leads out of"),
        ("images", "file_name", "..\\secret.jpg", "leads out of"),
        ("images", "file_name", "C:\\secret.jpg", "leads out of"),
        ("images", "file_name", 7, "expected a file name"),
        ("images", "width", 0, "width 0"),
        ("images", "id", 2, "duplicate id 2"),
        ("images", "id", "one", "whole number as 'id'"),
        ("annotations", "image_id", 99, "image_id 99"),
        ("annotations", "category_id", 1, "category_id 1"),
        ("annotations", "bbox", [0, 0, 1], "bbox"),
        ("annotations", "bbox", [0, 0, float("nan"), 1], "bbox"),
        ("annotations", "area", [1], "area"),
        ("annotations", "area", 10**400, "area 1000"),
        ("annotations", "image_id", [1], "image_id"),
        ("annotations", "category_id", {"a": 1}, "category_id"),
        ("annotations", "bbox", [0, 0, 10**400, 1], "bbox"),
        ("annotations", "iscrowd", [], "iscrowd"),
        ("images", "id", [1], "whole number as 'id'"),
        ("images", "id", 10**400, "whole number as 'id'"),
        ("images", "width", 10**400, "width 1000"),
        ("images", "file_name", "\ud800.jpg", "expected a file name"),
        ("categories", "name", "\ud800", "expected a non-empty text"),
        ("categories", "name", "right", "duplicate name 'right'"),
    ],
)
def test_an_unusable_entry_is_named(
    made_coco: Path, tmp_path: Path, part: str, key: str, value: Any, message: str
) -> None:
    content = json.loads((made_coco / "annotations" / "instances_train2017.json").read_text(encoding="utf-8"))
    change(content, part, key, value)
    file = tmp_path / "broken.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read(file, made_coco / "train2017")


@pytest.mark.parametrize("content", ["[]", "{}", '{"images": [], "annotations": []}', "{", '{"images": 1}'])
def test_a_file_of_another_format(tmp_path: Path, content: str) -> None:
    file = tmp_path / "other.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"other\.json"):
        read(file, tmp_path)


def test_some_categories_may_be_chosen(made_coco: Path, make_protocol: Callable[..., Protocol]) -> None:
    """As in coco_person_ssd192: boxes of the others are left out, and images without any left are not trained on."""
    whole = find(make_protocol(made_coco).config)
    names = [
        f"{part}_dataloader.dataset.{inner}metainfo.classes=['right']"
        for part, inner in (("train", "dataset."), ("val", ""))
    ]
    chosen = find(make_protocol(made_coco, *names).config)
    assert dict(chosen.train.categories) == dict(chosen.val.categories) == {"right": 9}
    assert (
        sum(image.boxes for image in chosen.train.images) * 2 == sum(image.boxes for image in whole.train.images) == 12
    )
    report = chosen.report()
    assert report.counts["categories"] == 1
    assert report.counts["val annotations"] == 3
    # The same files, and other data.
    assert report.fingerprint != whole.report().fingerprint
    config: dict[str, Any] = deepcopy(dict(make_protocol(made_coco, *names).config))
    chosen.fill_in(config, made_coco)
    assert config["model"]["bbox_head"]["num_classes"] == 1
    assert config["val_dataloader"]["dataset"]["metainfo"] == {"classes": ["right"]}


def test_names_of_another_data_set_choose_nothing(made_coco: Path, make_protocol: Callable[..., Protocol]) -> None:
    def named(*classes: str) -> list[str]:
        parts = (("train", "dataset."), ("val", ""))
        return [f"{part}_dataloader.dataset.{inner}metainfo.classes={list(classes)!r}" for part, inner in parts]

    whole = find(make_protocol(made_coco).config).report()
    for classes in (("cat", "dog"), ("right", "left")):
        assert find(make_protocol(made_coco, *named(*classes)).config).report() == whole
    with pytest.raises(InputError, match=r"has no category 'lift' \(metainfo\.classes\); did you mean 'left'\?"):
        find(make_protocol(made_coco, *named("lift", "right")).config)
