"""Annotation files that are of another format are refused; odd boxes are counted as MMDetection treats them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine.registry import DATASETS, init_default_scope

from backbones.errors import InputError
from bench.detection import repairs
from bench.detection.annotations import Annotations, read, read_ids, write_repaired
from bench.detection.coco_data import find
from bench.detection.task import DetectionTask
from bench.detection.training import resolve as resolve_config
from bench.tasks.architectures import resolve
from bench.tasks.contract import Job, Protocol
from search.data.reader import LARGEST_PIXELS

Make = Callable[..., Protocol]
Change = Callable[[dict[str, Any]], None]

TRAIN, VAL = "annotations/instances_train2017.json", "annotations/instances_val2017.json"


def change(root: Path, name: str, how: Change) -> Path:
    file = root / name
    content = json.loads(file.read_text(encoding="utf-8"))
    how(content)
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


@pytest.fixture
def coco(made_coco: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(made_coco, tmp_path / "coco"))


@pytest.mark.parametrize("key", ["images", "annotations", "categories"])
def test_the_missing_key_is_named(coco: Path, key: str) -> None:
    file = change(coco, TRAIN, lambda content: content.pop(key))
    with pytest.raises(InputError, match=rf"train2017\.json: key '{key}' is missing .*its keys: '"):
        read(file, coco / "train2017")


def test_a_list_of_detections_is_no_annotation_file(coco: Path) -> None:
    (coco / TRAIN).write_text('[{"image_id": 1, "category_id": 7, "bbox": [0, 0, 1, 1], "score": 1}]', encoding="utf-8")
    with pytest.raises(InputError, match="holds a list; expected COCO's object of images, annotations, categories"):
        read(coco / TRAIN, coco / "train2017")


def test_a_category_with_another_id_is_named(make_protocol: Make, coco: Path) -> None:
    def renumber(content: dict[str, Any]) -> None:
        content["categories"][1]["id"] = 8
        for annotation in content["annotations"]:
            annotation["category_id"] = min(annotation["category_id"], 8)

    change(coco, VAL, renumber)
    with pytest.raises(InputError, match=r"val2017\.json: category 'right' has the id 8, but 9 in .*train2017\.json"):
        find(make_protocol(coco).config)


@pytest.mark.parametrize(
    ("how", "hint"),
    [
        # Corners of objects in the lower right.
        (lambda x, y, w, h: [x + 25, y + 15, x + 25 + w, y + 15 + h], r"cross the border .*\[x1, y1, x2, y2\]"),
        (lambda x, y, w, h: [x / 120, y / 80, w / 120, h / 80], "have no area.*relative to the image's size"),
    ],
)
def test_boxes_of_another_format_are_refused(coco: Path, how: Callable[..., list[float]], hint: str) -> None:
    def rewrite(content: dict[str, Any]) -> None:
        for annotation in content["annotations"]:
            annotation["bbox"] = how(*annotation["bbox"])

    file = change(coco, TRAIN, rewrite)
    with pytest.raises(InputError, match=hint):
        read(file, coco / "train2017")


def odd_boxes(content: dict[str, Any]) -> None:
    """Beside the six usable boxes of images 4 to 6: none in image 3, and a crowd, thin, outside and across ones."""
    content["annotations"] = [entry for entry in content["annotations"] if entry["image_id"] >= 4]
    for place, (image, box, crowd) in enumerate(
        [
            (1, [0, 0, 20, 20], 1),
            (3, [10, 10, 0.0, 20], 0),
            (4, [500, 10, 20, 20], 0),
            (5, [-12, 10, 30, 30], 0),
            (6, [10, 10, 20, 20], 0),
        ]
    ):
        entry = {"id": 900 + place, "image_id": image, "category_id": 7, "bbox": box, "iscrowd": crowd}
        content["annotations"].append({**entry, "area": box[2] * box[3]})
    # COCO's own have it, other people's often not.
    del content["annotations"][-1]["iscrowd"]


def test_odd_boxes_are_counted_as_mmdetection_treats_them(make_protocol: Make, coco: Path, tmp_path: Path) -> None:
    change(coco, TRAIN, odd_boxes)
    protocol = make_protocol(coco)
    data = find(protocol.config)
    counts = data.report().counts
    assert {key: count for key, count in counts.items() if key.startswith("train")} == {
        "train images": 7,
        "train annotations": 13,
        "train images without boxes": 1,
        "train crowd boxes": 1,
        "train boxes without area": 2,
    }
    trainable = data.train.trainable({"filter_empty_gt": True, "min_size": 32})
    assert len(trainable.images) == 6
    config = resolve_config(Job(protocol, resolve("PDARTS"), 0, tmp_path / "job"), data)
    init_default_scope("mmdet")
    dataset = DATASETS.build(config.train_dataloader.dataset).dataset
    dataset.full_init()
    infos = [dataset.get_data_info(place) for place in range(len(dataset))]
    assert [info["img_id"] for info in infos] == [image.id for image in trainable.images]
    for info, image in zip(infos, trainable.images, strict=True):
        ignored = [instance["ignore_flag"] for instance in info["instances"]]
        assert (len(ignored), sum(ignored)) == (image.boxes - image.left_out, image.crowds)
    # An image with nothing but a crowd or a thin box has nothing to learn, and is no obstacle either.
    samples = [dataset[place]["data_samples"] for place in range(len(dataset))]
    assert [len(sample.gt_instances) for sample in samples[:2]] == [0, 0]
    assert len(samples[0].ignored_instances) == 1
    # What crosses the border is cut at it, on the left or, where the image was mirrored, on the right.
    (fifth,) = [sample.gt_instances.bboxes.tensor for sample in samples if sample.img_id == 5]
    assert (float(fifth.min()), float(fifth.max())) in [(0, fifth.max()), (fifth.min(), 64)]
    assert 0 <= fifth.min() < fifth.max() <= 64


def test_odd_boxes_are_trained_over(make_protocol: Make, coco: Path, tmp_path: Path) -> None:
    change(coco, TRAIN, odd_boxes)
    protocol = make_protocol(coco, "train_cfg.max_epochs=1")
    outcome = DetectionTask().run(Job(protocol, resolve("PDARTS"), 0, tmp_path / "job"))
    assert "ap" in outcome.metrics


def test_nothing_to_train_on_is_said(make_protocol: Make, coco: Path) -> None:
    change(coco, TRAIN, lambda content: content["annotations"].clear())
    with pytest.raises(InputError, match="no image to train on: none has a box"):
        find(make_protocol(coco).config)


def test_a_limit_takes_the_first_images(make_protocol: Make, coco: Path, tmp_path: Path) -> None:
    protocol = make_protocol(coco, "limit=3")
    data = find(protocol.config)
    # The second training image has no box and would not be trained on.
    assert [image.id for image in data.train.images] == [1, 3, 4]
    assert [image.id for image in data.val.images] == [8, 9, 10]
    assert data.report().counts["train images"] == data.report().counts["val images"] == 3
    assert data.report().fingerprint != find(make_protocol(coco).config).report().fingerprint
    config = resolve_config(Job(protocol, resolve("PDARTS"), 0, tmp_path / "job"), data)
    init_default_scope("mmdet")
    for part, ids in (("train", [1, 3, 4]), ("val", [8, 9, 10])):
        dataset = DATASETS.build(config[f"{part}_dataloader"].dataset)
        dataset = getattr(dataset, "dataset", dataset)
        dataset.full_init()
        assert [dataset.get_data_info(place)["img_id"] for place in range(len(dataset))] == ids
    assert config.val_evaluator.limit == 3
    outcome = DetectionTask().run(Job(make_protocol(coco, "limit=1", "train_cfg.max_epochs=1"), *job(tmp_path)))
    assert outcome.counts == {"val images": 1, "val annotations": 2}


def job(folder: Path) -> tuple[Any, int, Path]:
    return resolve("PDARTS"), 0, folder / "limited"


def test_a_larger_limit_takes_all(make_protocol: Make, coco: Path) -> None:
    counts = find(make_protocol(coco, "limit=100").config).report().counts
    assert (counts["train images"], counts["val images"]) == (6, 4)


@pytest.mark.parametrize(
    ("box", "taken"),
    [
        ([10, 10, 1, 1], True),
        ([10, 10, 1, 20], True),
        ([10, 10, 20, 1], True),
        ([10, 10, 0.99, 20], False),
        ([10, 10, 20, 0.99], False),
        # Image 4 is 90 wide and 80 high: a pixel of the box in it, and none.
        ([89, 79, 20, 20], True),
        ([90, 10, 20, 20], False),
        ([10, 80, 20, 20], False),
        ([-19, -19, 20, 20], True),
        ([-20, 10, 20, 20], False),
        ([10, -20, 20, 20], False),
    ],
)
def test_the_least_box_that_is_taken_is_mmdetection_s(
    box: list[float], taken: bool, make_protocol: Make, coco: Path, tmp_path: Path
) -> None:
    def add(content: dict[str, Any]) -> None:
        entry = {"id": 900, "image_id": 4, "category_id": 7, "iscrowd": 0, "bbox": box}
        content["annotations"].append({**entry, "area": box[2] * box[3]})

    change(coco, TRAIN, add)
    protocol = make_protocol(coco)
    data = find(protocol.config)
    assert data.report().counts.get("train boxes without area", 0) == int(not taken)
    (image,) = (image for image in data.train.images if image.id == 4)
    assert (image.boxes, image.left_out) == (3, int(not taken))
    config = resolve_config(Job(protocol, resolve("PDARTS"), 0, tmp_path / "job"), data)
    init_default_scope("mmdet")
    dataset = DATASETS.build(config.train_dataloader.dataset).dataset
    dataset.full_init()
    infos = [dataset.get_data_info(place) for place in range(len(dataset))]
    (instances,) = (info["instances"] for info in infos if info["img_id"] == 4)
    assert len(instances) == image.boxes - image.left_out


def entries(count: int, **changes: Any) -> dict[str, Any]:
    """The content of a file of one image of 100 x 80 pixels with as many boxes, some of them changed."""
    box = {"image_id": 1, "category_id": 7, "bbox": [10, 10, 20, 20], "area": 400, "iscrowd": 0}
    odd = changes.pop("odd", 0)
    boxes = [{"id": number, **box, **(changes if number <= odd else {})} for number in range(1, count + 1)]
    categories = [{"id": 7, "name": "left"}, {"id": 9, "name": "right"}]
    return {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 80}],
        "annotations": boxes,
        "categories": categories,
    }


@pytest.fixture
def written(tmp_path: Path) -> Callable[[Any], Path]:
    (tmp_path / "a.jpg").touch()

    def write(content: Any) -> Path:
        file = tmp_path / "a.json"
        file.write_text(json.dumps(content), encoding="utf-8")
        return file

    return write


@pytest.mark.parametrize(
    ("box", "crosses"),
    [
        ([-1, 10, 20, 20], False),
        ([-1.01, 10, 20, 20], True),
        ([10, -1, 20, 20], False),
        ([10, -1.01, 20, 20], True),
        ([81, 10, 20, 20], False),
        ([81.01, 10, 20, 20], True),
        ([10, 61, 20, 20], False),
        ([10, 61.01, 20, 20], True),
    ],
)
def test_a_box_may_cross_the_border_by_a_pixel(
    box: list[float], crosses: bool, written: Callable[[Any], Path], tmp_path: Path
) -> None:
    file = written(entries(1, odd=1, bbox=box))
    if crosses:
        with pytest.raises(
            InputError, match=r"1 of 1 boxes cross the border of their image, such as annotation 1 with"
        ):
            read(file, tmp_path)
    else:
        assert read(file, tmp_path).images[0].boxes == 1


@pytest.mark.parametrize("changes", [{"bbox": [-5, 10, 20, 20]}, {"area": 0}, {"bbox": [10, 10, 0.5, 20]}])
def test_a_quarter_of_the_boxes_may_be_strange(
    changes: dict[str, Any], written: Callable[[Any], Path], tmp_path: Path
) -> None:
    assert read(written(entries(8, odd=2, **changes)), tmp_path).images[0].boxes == 8
    with pytest.raises(InputError, match=r"3 of 8 boxes (cross|have no area)"):
        read(written(entries(8, odd=3, **changes)), tmp_path)


def test_crowds_are_neither_trained_on_nor_left_out(written: Callable[[Any], Path], tmp_path: Path) -> None:
    (image,) = read(written(entries(8, odd=2, iscrowd=1, area=0)), tmp_path).images
    assert (image.boxes, image.crowds, image.left_out) == (8, 2, 0)
    (image,) = read(written(entries(8, odd=2, area=0)), tmp_path).images
    assert (image.boxes, image.crowds, image.left_out) == (8, 0, 2)


@pytest.mark.parametrize("side", ["width", "height"])
def test_a_side_has_a_pixel_at_least_and_a_bound(side: str, written: Callable[[Any], Path], tmp_path: Path) -> None:
    for value in (1, LARGEST_PIXELS):
        content = entries(0)
        content["images"][0][side] = value
        assert getattr(read(written(content), tmp_path).images[0], side) == value
    for value in (0, LARGEST_PIXELS + 1, 2.5):
        content = entries(0)
        content["images"][0][side] = value
        with pytest.raises(InputError, match=f"image 1: {side} {value}: expected a whole number of pixels"):
            read(written(content), tmp_path)


@pytest.mark.parametrize(("key", "said"), [("images", "holds no images"), ("categories", "holds no categories")])
def test_a_file_of_nothing_is_refused(key: str, said: str, written: Callable[[Any], Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        read(written({**entries(0), key: []}), tmp_path)


def test_iscrowd_is_0_or_1(written: Callable[[Any], Path], tmp_path: Path) -> None:
    for crowd in (0, 1):
        read(written(entries(1, odd=1, iscrowd=crowd)), tmp_path)
    for crowd in (2, -1, 0.5):
        with pytest.raises(InputError, match=f"annotation 1: iscrowd {crowd}: expected 0 or 1"):
            read(written(entries(1, odd=1, iscrowd=crowd)), tmp_path)


@pytest.mark.parametrize(("length", "shown"), [(78, 80), (79, 61)])
def test_a_long_value_is_shortened(length: int, shown: int, written: Callable[[Any], Path], tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read(written(entries(1, odd=1, bbox="x" * length)), tmp_path)
    said = str(caught.value).partition("bbox ")[2].partition(": expected")[0]
    assert len(said) == shown
    assert said.endswith("…") == (length == 79)


def test_test_dev_has_no_annotations(written: Callable[[Any], Path], tmp_path: Path) -> None:
    content = entries(3)
    del content["annotations"]
    file = written(content)
    assert read(file, tmp_path, annotated=False).images[0].boxes == 0
    assert read_ids(file) == ({1}, {7, 9})
    with pytest.raises(InputError, match="key 'annotations' is missing"):
        read(file, tmp_path)
    # Those that are there are not looked at.
    assert read(written({**content, "annotations": [3]}), tmp_path, annotated=False).images[0].boxes == 0


def test_some_images_and_categories_are_kept(written: Callable[[Any], Path], tmp_path: Path) -> None:
    content = entries(2)
    for number, (width, height) in enumerate(((32, 32), (31, 64), (64, 31)), start=2):
        (tmp_path / f"{number}.jpg").touch()
        content["images"].append({"id": number, "file_name": f"{number}.jpg", "width": width, "height": height})
    every = read(written(content), tmp_path)

    def ids(annotations: Annotations) -> list[int]:
        return [image.id for image in annotations.images]

    assert ids(every.trainable(None)) == ids(every.trainable({})) == [1, 2, 3, 4]
    assert ids(every.trainable({"min_size": 32})) == [1, 2]
    assert ids(every.trainable({"filter_empty_gt": True})) == [1]
    assert ids(every.first(2)) == [1, 2]
    assert every.files == [image.file for image in every.images]
    assert not every.chosen
    assert every.without(frozenset()) is every
    less = every.without(frozenset({"right"}))
    assert (dict(less.categories), less.repairs[repairs.ROOT]) == ({"left": 7}, 1)
    chosen = read(written(content), tmp_path, classes=["right"])
    assert (chosen.chosen, dict(chosen.categories), chosen.images[0].boxes) == (True, {"right": 9}, 0)
    file = write_repaired(less, tmp_path / "less.json")
    left = json.loads(file.read_text(encoding="utf-8"))
    assert [entry["name"] for entry in left["categories"]] == ["left"]
    assert len(left["annotations"]) == 2
    file = write_repaired(chosen, tmp_path / "less.json")
    assert json.loads(file.read_text(encoding="utf-8"))["annotations"] == []
