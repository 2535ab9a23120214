from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from bench.digits.canvas import MAX_COVER
from bench.digits.coco import write_coco
from bench.digits.source import load_split

PARTS = ("train2017", "val2017")


@pytest.fixture(scope="module")
def parts(digits_root: Path) -> dict[str, COCO]:
    with contextlib.redirect_stdout(io.StringIO()):
        return {part: COCO(str(digits_root / f"coco/annotations/instances_{part}.json")) for part in PARTS}


@pytest.fixture(params=PARTS)
def part(request: pytest.FixtureRequest) -> str:
    return request.param


def pixels(root: Path, part: str, image: dict) -> np.ndarray:
    """The brightest channel of an image, (H, W)."""
    return np.asarray(Image.open(root / "coco" / part / image["file_name"])).max(axis=2)


def test_counts_and_keys(parts: dict[str, COCO]):
    assert [len(parts[part].imgs) for part in PARTS] == [300, 80]
    for coco in parts.values():
        assert {"info", "licenses", "images", "annotations", "categories"} == set(coco.dataset)
        names = [coco.cats[k]["name"] for k in range(1, 11)]
        assert names == ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
        assert {annotation["category_id"] for annotation in coco.anns.values()} == set(range(1, 11))
        assert all(annotation["iscrowd"] == 0 for annotation in coco.anns.values())


def test_images_lie_where_the_file_says(digits_root: Path, parts: dict[str, COCO], part: str):
    listed = {image["file_name"] for image in parts[part].imgs.values()}
    assert listed == {path.name for path in (digits_root / "coco" / part).iterdir()}
    for image in parts[part].imgs.values():
        assert image["file_name"] == f"{image['id']:012d}.jpg"
        with Image.open(digits_root / "coco" / part / image["file_name"]) as opened:
            assert (opened.mode, opened.size) == ("RGB", (image["width"], image["height"]))


def test_ids_are_unique_over_both_parts(parts: dict[str, COCO]):
    train, val = (parts[part] for part in PARTS)
    assert not train.imgs.keys() & val.imgs.keys()
    assert not train.anns.keys() & val.anns.keys()
    for coco in (train, val):
        assert len(coco.anns) == len(coco.dataset["annotations"])


def test_an_image_has_up_to_five_digits_and_some_have_none(parts: dict[str, COCO], part: str):
    coco = parts[part]
    counts = [len(coco.getAnnIds(image)) for image in coco.imgs]
    assert min(counts) == 0
    assert max(counts) == 5
    assert counts.count(0) <= 0.02 * len(counts)


def test_boxes_lie_on_the_canvas_with_the_heights_asked_for(parts: dict[str, COCO], part: str):
    heights = []
    for annotation in parts[part].anns.values():
        x, y, width, height = annotation["bbox"]
        assert 0 <= x <= x + width <= 128
        assert 0 <= y <= y + height <= 128
        assert annotation["area"] == width * height
        heights.append(height)
    assert 18 <= min(heights) < 24
    assert 56 < max(heights) <= 68


def test_boxes_barely_overlap(parts: dict[str, COCO], part: str):
    coco = parts[part]
    for image in coco.imgs:
        boxes = np.array([a["bbox"] for a in coco.imgToAnns[image]])
        for i, a in enumerate(boxes):
            for b in boxes[:i]:
                sides = np.minimum(a[:2] + a[2:], b[:2] + b[2:]) - np.maximum(a[:2], b[:2])
                assert np.prod(sides.clip(0)) <= MAX_COVER * min(np.prod(a[2:]), np.prod(b[2:]))


def test_all_ink_lies_in_a_box(digits_root: Path, parts: dict[str, COCO], part: str):
    coco = parts[part]
    for image in coco.imgs.values():
        outside = pixels(digits_root, part, image).copy()
        for annotation in coco.imgToAnns[image["id"]]:
            x, y, width, height = annotation["bbox"]
            outside[y : y + height, x : x + width] = 0
        # The lightest background with a quarter of the lightest ink on it is 85 * 0.75 + 255 * 0.25 = 128, plus noise.
        assert outside.max() < 150


def test_a_box_ends_where_its_ink_ends(digits_root: Path, parts: dict[str, COCO], part: str):
    coco = parts[part]
    for image in coco.imgs.values():
        brightness = pixels(digits_root, part, image)
        for annotation in coco.imgToAnns[image["id"]]:
            x, y, width, height = annotation["bbox"]
            inside = brightness[y : y + height, x : x + width]
            paper = np.median(brightness)
            edges = (inside[0], inside[-1], inside[:, 0], inside[:, -1])
            assert inside.max() > paper + 90
            # On each of its four sides there is ink of a quarter of full opacity at least, less noise and JPEG.
            assert all(edge.max() > paper + 15 for edge in edges)


def test_train_and_val_digits_are_those_of_the_split(parts: dict[str, COCO]):
    split = load_split(0)
    for part, digits in zip(PARTS, (split.train, split.val), strict=True):
        labels = dict(zip(digits.sources.tolist(), digits.labels.tolist(), strict=True))
        for annotation in parts[part].anns.values():
            assert annotation["category_id"] == labels[annotation["source"]] + 1


def test_sizes_can_be_chosen(tmp_path: Path):
    counts = write_coco(tmp_path / "coco", load_split(0), seed=0, train_canvases=3, val_canvases=2)
    assert (counts["train images"], counts["val images"]) == (3, 2)
    written = json.loads((tmp_path / "coco/annotations/instances_val2017.json").read_text())
    assert len(written["annotations"]) == counts["val annotations"]
