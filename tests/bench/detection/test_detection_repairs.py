"""What exporters write otherwise than COCO: what is repaired, what is left for the check, and how it is counted."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bench.detection import repairs
from bench.detection.repairs import AS_TEXT, BACKSLASH, FROM_ZERO, NO_AREA, NO_CROWD, TEXT_IDS, repair


def repaired(folder: Path, **content: Any) -> tuple[dict[str, Any], dict[str, int]]:
    """The repaired content and the repairs that were made."""
    found, counts = repair({"images": [], **content}, folder)
    return found, {kind: count for kind, count in counts.items() if count}


def annotation(**changes: Any) -> dict[str, Any]:
    entry = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0}
    return {key: value for key, value in {**entry, **changes}.items() if value is not ...}


@pytest.mark.parametrize(
    ("given", "expected", "kinds"),
    [
        ({}, {}, {}),
        ({"area": ...}, {"area": 12}, {NO_AREA: 1}),
        ({"area": None}, {"area": 12}, {NO_AREA: 1}),
        ({"area": 0}, {"area": 0}, {}),
        ({"area": ..., "bbox": [1, 2, 3]}, {"area": ..., "bbox": [1, 2, 3]}, {}),
        ({"area": ..., "bbox": [1, 2, 3, "x"]}, {"area": ..., "bbox": [1, 2, 3, "x"]}, {AS_TEXT: 1}),
        ({"area": ..., "bbox": [1, 2, "3", "4.5"]}, {"area": 13.5, "bbox": [1, 2, 3, 4.5]}, {AS_TEXT: 1, NO_AREA: 1}),
        ({"iscrowd": ...}, {"iscrowd": 0}, {NO_CROWD: 1}),
        ({"iscrowd": None}, {"iscrowd": 0}, {NO_CROWD: 1}),
        ({"iscrowd": True}, {"iscrowd": 1}, {}),
        ({"iscrowd": False}, {"iscrowd": 0}, {}),
        ({"iscrowd": 1.0}, {"iscrowd": 1}, {AS_TEXT: 1}),
        ({"iscrowd": 0.0}, {"iscrowd": 0}, {AS_TEXT: 1}),
        ({"iscrowd": 0.5}, {"iscrowd": 0.5}, {}),
        ({"iscrowd": 2}, {"iscrowd": 2}, {}),
        ({"iscrowd": "1"}, {"iscrowd": 1}, {AS_TEXT: 1}),
        (
            {"category_id": "7", "image_id": "8", "area": "12"},
            {"category_id": 7, "image_id": 8, "area": 12},
            {AS_TEXT: 1},
        ),
        ({"category_id": 7.0}, {"category_id": 7}, {AS_TEXT: 1}),
        ({"category_id": 7.5}, {"category_id": 7.5}, {}),
        ({"category_id": "7.0"}, {"category_id": 7}, {AS_TEXT: 1}),
        ({"category_id": "7.5"}, {"category_id": "7.5"}, {}),
        ({"category_id": True}, {"category_id": True}, {}),
        ({"area": " 12.5 "}, {"area": 12.5}, {AS_TEXT: 1}),
        ({"area": "-3"}, {"area": -3}, {AS_TEXT: 1}),
        ({"area": "12e3"}, {"area": "12e3"}, {}),
        ({"area": "٣"}, {"area": "٣"}, {}),
        ({"area": "1" * 37}, {"area": "1" * 37}, {}),
        ({"area": "1" * 19}, {"area": float("1" * 19)}, {AS_TEXT: 1}),
        ({"area": "1" * 18}, {"area": int("1" * 18)}, {AS_TEXT: 1}),
    ],
)
def test_an_annotation_is_repaired_where_its_meaning_is_beyond_doubt(
    given: dict[str, Any], expected: dict[str, Any], kinds: dict[str, int], tmp_path: Path
) -> None:
    before = annotation(**given)
    kept = dict(before)
    found, counts = repaired(tmp_path, annotations=[before])
    (entry,) = found["annotations"]
    assert entry == annotation(**expected)
    assert [type(entry[key]) for key in entry] == [type(annotation(**expected)[key]) for key in entry]
    assert counts == kinds
    # What was read stays as it was.
    assert before == kept


def test_numbers_of_annotations_count_from_one(tmp_path: Path) -> None:
    def ids(*given: Any) -> tuple[list[Any], dict[str, int]]:
        found, counts = repaired(tmp_path, annotations=[annotation(id=each) for each in given])
        return [entry["id"] for entry in found["annotations"]], counts

    assert ids(0, 1, 5) == ([1, 2, 6], {FROM_ZERO: 3})
    assert ids(1, 2) == ([1, 2], {})
    assert ids("0", 1) == ([1, 2], {FROM_ZERO: 2, AS_TEXT: 1})
    # One is no number: the check refuses the file.
    assert ids(0, None) == ([0, None], {})
    found, counts = repaired(tmp_path, annotations=[annotation(id=0), "no entry"])
    assert [entry if isinstance(entry, str) else entry["id"] for entry in found["annotations"]] == [1, "no entry"]
    assert counts == {FROM_ZERO: 1}


@pytest.mark.parametrize(
    ("names", "numbers", "kinds"),
    [
        ([1, 2], [1, 2], {}),
        (["a", "b"], [1, 2], {TEXT_IDS: 2}),
        (["7", "3.0"], [7, 3], {AS_TEXT: 2}),
        # Two texts for one number, and a number among texts.
        (["7", "7.0"], [1, 2], {TEXT_IDS: 2}),
        (["7", "7"], [7, 7], {AS_TEXT: 2}),
        (["7", 8], [7, 8], {AS_TEXT: 1}),
        (["a", "a"], ["a", "a"], {}),
        (["a", 1], ["a", 1], {}),
        ([1.0, 2.5], [1, 2.5], {AS_TEXT: 1}),
    ],
)
def test_images_are_numbered_by_their_texts_or_in_order(
    names: list[Any], numbers: list[Any], kinds: dict[str, int], tmp_path: Path
) -> None:
    found, counts = repaired(tmp_path, images=[{"id": name} for name in names])
    assert [image["id"] for image in found["images"]] == numbers
    assert counts == kinds


def test_annotations_follow_the_numbers_of_their_images(tmp_path: Path) -> None:
    images = [{"id": "b"}, {"id": "a"}]
    found, counts = repaired(
        tmp_path, images=images, annotations=[annotation(image_id=name) for name in ("a", "b", "c", 1)]
    )
    # A number that is no image's own text belongs to no image.
    assert [entry["image_id"] for entry in found["annotations"]] == [2, 1, None, None]
    assert counts == {TEXT_IDS: 2}
    images = [{"id": "7"}, {"id": "3"}]
    found, _ = repaired(tmp_path, images=images, annotations=[annotation(image_id=name) for name in ("7", 3, 9)])
    assert [entry["image_id"] for entry in found["annotations"]] == [7, 3, None]


def test_a_backslash_is_windows_own_only_where_there_is_such_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for name in ("a/b.jpg", "c\\d.jpg", "e.jpg"):
        (tmp_path / name).touch()
    names = ["a\\b.jpg", "c\\d.jpg", "x\\y.jpg", "a\\b.jpg\0", "e.jpg", "z" * 5000 + "\\a"]
    found, counts = repaired(tmp_path, images=[{"id": number, "file_name": name} for number, name in enumerate(names)])
    assert [image["file_name"] for image in found["images"]] == ["a/b.jpg", *names[1:]]
    assert counts == {BACKSLASH: 1}


def test_numbers_of_images_and_categories_are_read(tmp_path: Path) -> None:
    found, counts = repaired(
        tmp_path,
        images=[{"id": 1, "width": "64", "height": 48.0}, "no entry"],
        categories=[{"id": "3", "name": "a"}, {"id": 4.0, "name": "7"}, 5],
    )
    assert found["images"] == [{"id": 1, "width": 64, "height": 48}, "no entry"]
    assert found["categories"] == [{"id": 3, "name": "a"}, {"id": 4, "name": "7"}, 5]
    assert counts == {AS_TEXT: 3}
    found, _ = repair({"images": [], "categories": 3, "annotations": None, "info": 1}, tmp_path)
    assert found == {"images": [], "categories": 3, "annotations": None, "info": 1}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2**53, True),
        (2**53 + 1, False),
        (-(2**53), True),
        (-(2**53) - 1, False),
        (float(2**53), True),
        (2.0**53 + 2, False),
        (1.5, True),
        (float("nan"), False),
        (float("inf"), False),
        (True, False),
        ("1", False),
        (None, False),
    ],
)
def test_a_box_has_finite_numbers(value: Any, expected: bool) -> None:
    assert repairs.is_number(value) is expected
    assert type(repairs._whole(float(2**53))) is int
    assert type(repairs._whole(2.0**53 + 2)) is float


def test_a_category_above_all_others_is_found() -> None:
    categories = [
        {"id": 0, "name": "things", "supercategory": "none"},
        {"id": 1, "name": "cup", "supercategory": "things"},
        {"id": 2, "name": "own", "supercategory": "own"},
        {"id": 3, "name": "odd", "supercategory": 7},
    ]
    assert repairs.unused_roots({"categories": categories, "annotations": [{"category_id": 1}]}) == {"things"}
    assert repairs.unused_roots({"categories": categories}) == {"things"}
    assert repairs.unused_roots({"categories": categories, "annotations": [{"category_id": 0}]}) == set()


def test_repairs_are_counted_by_kind() -> None:
    counted = repairs.as_counts(Counter({NO_CROWD: 2, AS_TEXT: 0, NO_AREA: 1}))
    assert list(counted.items()) == [(f"repaired: {NO_AREA}", 1), (f"repaired: {NO_CROWD}", 2)]
