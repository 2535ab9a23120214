"""Repair annotation files of exporters in memory where the meaning is beyond doubt.

Roboflow, CVAT, labelme and Label Studio leave `area` or `iscrowd` out, count ids from 0, write numbers as texts or
with a decimal point, give images texts for ids, or have Windows' `\\` in paths. Every kind of repair is counted.
Ambiguous entries are not changed; `bench.detection.annotations` refuses them.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from typing import Any

#: Prefix of the counts of repairs in a data report and in a record.
REPAIRED = "repaired: "

FROM_ZERO = "annotation ids from 0, counted from 1"
NO_AREA = "annotations without an area, taken as width x height (small, medium and large then mean the box)"
NO_CROWD = "annotations without iscrowd, taken as 0"
AS_TEXT = "numbers written as texts or with a decimal point, taken as what they say"
TEXT_IDS = "images with a text for an id, numbered in the file's order"
BACKSLASH = "file names with \\, taken as /"
ROOT = "categories that no annotation has and that are only others' supercategory, left out"

#: Whole and decimal numbers in a text, up to a length that no number of an annotation exceeds.
_WHOLE, _DECIMAL = (
    re.compile(r"[+-]?\d{1,18}", re.ASCII),
    re.compile(r"[+-]?(\d{1,18}\.?\d{0,18}|\.\d{1,18})", re.ASCII),
)

#: The largest number up to which floating point holds every whole number.
_EXACT = 2**53


def repair(content: Mapping[str, Any], folder: Path) -> tuple[dict[str, Any], Counter[str]]:
    """Return a repaired copy of an annotation file's content, and the number of repairs of each kind.

    Entries that are not objects stay, for the check to refuse.

    Args:
        folder: the image folder.
    """
    repairs: Counter[str] = Counter()
    numbers = _numbers_of_texts(content["images"], repairs)
    images = [_image(entry, folder, numbers, repairs) for entry in content["images"]]
    repaired = {**content, "images": images}
    if isinstance(content.get("categories"), list):
        repaired["categories"] = [_category(entry, repairs) for entry in content["categories"]]
    if isinstance(content.get("annotations"), list):
        annotations = [_annotation(entry, numbers, repairs) for entry in content["annotations"]]
        ids = [entry.get("id") for entry in annotations if isinstance(entry, dict)]
        if 0 in (number for number in ids if type(number) is int) and all(type(number) is int for number in ids):
            # COCO's evaluation uses the id 0 for no match.
            for entry in annotations:
                if isinstance(entry, dict):
                    entry["id"] += 1
            repairs[FROM_ZERO] = len(ids)
        repaired["annotations"] = annotations
    return repaired, repairs


def unused_roots(content: Mapping[str, Any]) -> frozenset[str]:
    """Find names of supercategories that no annotation has; Roboflow adds one above all classes of a data set."""
    used = {annotation["category_id"] for annotation in content.get("annotations") or ()}
    categories = content["categories"]
    above = {
        category["supercategory"]
        for category in categories
        if isinstance(category.get("supercategory"), str) and category["supercategory"] != category.get("name")
    }
    return frozenset(
        category["name"] for category in categories if category["id"] not in used and category.get("name") in above
    )


def as_counts(repairs: Mapping[str, int]) -> dict[str, int]:
    """Name the counts for a data report and a record; empty where nothing was repaired."""
    return {f"{REPAIRED}{kind}": count for kind, count in sorted(repairs.items()) if count}


def _image(entry: Any, folder: Path, numbers: Mapping[str, int], repairs: Counter[str]) -> Any:
    entry, changed = _with_numbers(_numbered(entry, "id", numbers), ("id", "width", "height"), ())
    repairs[AS_TEXT] += changed
    name = entry.get("file_name") if isinstance(entry, dict) else None
    if isinstance(name, str) and "\\" in name and "\0" not in name:
        slashed = PureWindowsPath(name).as_posix()
        # Outside Windows a file name may contain a backslash.
        if not _exists(folder / name) and _exists(folder / slashed):
            entry["file_name"] = slashed
            repairs[BACKSLASH] += 1
    return entry


def _exists(file: Path) -> bool:
    try:
        return file.exists()
    except (OSError, ValueError):
        # A name that no file system can hold.
        return False


def _annotation(entry: Any, numbers: Mapping[str, int], repairs: Counter[str]) -> Any:
    entry, changed = _with_numbers(
        _numbered(entry, "image_id", numbers), ("id", "image_id", "category_id"), ("area", "iscrowd")
    )
    if not isinstance(entry, dict):
        return entry
    box = entry.get("bbox")
    if isinstance(box, list) and len(box) == 4 and any(isinstance(side, str) for side in box):
        entry["bbox"] = box = [_number(side) for side in box]
        changed = True
    if isinstance(entry.get("iscrowd"), (bool, float)) and entry["iscrowd"] in (0, 1):
        changed = changed or isinstance(entry["iscrowd"], float)
        entry["iscrowd"] = int(entry["iscrowd"])
    repairs[AS_TEXT] += changed
    if entry.get("iscrowd") is None:
        entry["iscrowd"] = 0
        repairs[NO_CROWD] += 1
    if entry.get("area") is None and isinstance(box, list) and len(box) == 4 and all(map(is_number, box)):
        entry["area"] = box[2] * box[3]
        repairs[NO_AREA] += 1
    return entry


def _category(entry: Any, repairs: Counter[str]) -> Any:
    entry, changed = _with_numbers(entry, ("id",), ())
    repairs[AS_TEXT] += changed
    return entry


def _with_numbers(entry: Any, whole: tuple[str, ...], others: tuple[str, ...]) -> tuple[Any, bool]:
    """Copy an entry with numbers for texts and decimals under these keys; return whether any was changed."""
    if not isinstance(entry, Mapping):
        return entry, False
    entry = dict(entry)
    changed = False
    for key in (*whole, *others):
        value = entry.get(key)
        number = _whole(value) if key in whole else _number(value)
        if number is not value:
            entry[key] = number
            changed = True
    return entry, changed


def _whole(value: Any) -> Any:
    """Convert a text or a float to the whole number that it is; return any other value unchanged."""
    number = _number(value)
    if type(number) is float and number.is_integer() and abs(number) <= _EXACT:
        return int(number)
    return number if type(number) is int else value


def _number(value: Any) -> Any:
    """Convert a text to the number that it is; return any other value unchanged."""
    if isinstance(value, str) and _DECIMAL.fullmatch(value.strip()):
        return int(value) if _WHOLE.fullmatch(value.strip()) else float(value)
    return value


def is_number(value: Any) -> bool:
    """Return whether a value is a finite number that a box can have, and not a truth value."""
    return (type(value) is int and abs(value) <= _EXACT) or (
        type(value) is float and math.isfinite(value) and abs(value) <= _EXACT
    )


def _numbers_of_texts(images: list[Any], repairs: Counter[str]) -> dict[str, int]:
    """Number all images if their ids are texts: by the number in each text, else in the file's order."""
    ids = [image.get("id") if isinstance(image, Mapping) else None for image in images]
    names = [name for name in ids if isinstance(name, str)]
    if not names or len(names) < len(ids) or len(set(names)) < len(names):
        return {}
    numbers = [_whole(name) for name in names]
    if all(type(number) is int for number in numbers) and len(set(numbers)) == len(numbers):
        repairs[AS_TEXT] += len(names)
        return dict(zip(names, numbers, strict=True))
    repairs[TEXT_IDS] += len(names)
    return {name: number for number, name in enumerate(names, start=1)}


def _numbered(entry: Any, key: str, numbers: Mapping[str, int]) -> Any:
    """Replace an entry's image id by the image's number, where ids are texts."""
    if not isinstance(entry, Mapping) or not numbers:
        return entry
    name = entry.get(key)
    if isinstance(name, str) and name in numbers:
        return {**entry, key: numbers[name]}
    # A number that is not an image's own id may be another image's new one: such an entry belongs to no image.
    return entry if type(name) is int and name in numbers.values() and str(name) in numbers else {**entry, key: None}
