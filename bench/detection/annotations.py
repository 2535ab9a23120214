"""An annotation file of COCO's format and the images it names, looked at before anything trains on them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from backbones.errors import InputError
from backbones.files import read_json

#: COCO's bounds between small, medium and large objects, in square pixels (pycocotools' `areaRng`).
AREA_BOUNDS = {"aps": (0, 32**2), "apm": (32**2, 96**2), "apl": (96**2, 1e10)}


@dataclass(frozen=True)
class Annotations:
    """What one annotation file holds.

    Attributes:
        file: the annotation file.
        images: the image files.
        boxes: how many annotations.
        categories: names in the file's order, which is the order of MMDetection's labels.
        sizes: which of COCO's area metrics have an object to find.
    """

    file: Path
    images: tuple[Path, ...]
    boxes: int
    categories: tuple[str, ...]
    sizes: frozenset[str]


def read(file: Path, image_folder: Path) -> Annotations:
    """Read and check an annotation file.

    Raises:
        InputError: the file or an image is missing, a key is missing, an entry cannot be used, or an image's name leads
            out of the image folder.
    """
    if not file.is_file():
        raise InputError(
            f"{file}: no such annotation file; expected COCO's layout (annotations/, train2017/, val2017/)"
        )
    content = read_json(file)
    for key in ("images", "annotations", "categories"):
        if not isinstance(content, Mapping) or not isinstance(content.get(key), list):
            raise InputError(f"{file}: key {key!r} is missing or not a list; expected COCO's format")
    images = _by_id(file, "images", content["images"])
    categories = _by_id(file, "categories", content["categories"])
    if not images or not categories:
        raise InputError(f"{file}: holds no {'images' if categories else 'categories'}")
    names = tuple(str(category.get("name")) for category in categories.values())
    if len(set(names)) != len(names):
        raise InputError(f"{file}: two categories have one name; the names are {', '.join(names)[:200]}")
    annotations = _by_id(file, "annotations", content["annotations"])
    for annotation in annotations.values():
        _check_annotation(file, annotation, images, categories)
    return Annotations(
        file=file,
        images=tuple(_image_file(file, image, image_folder) for image in images.values()),
        boxes=len(annotations),
        categories=names,
        sizes=_sizes(annotations.values()),
    )


def _by_id(file: Path, key: str, entries: list[Any]) -> dict[int, Mapping[str, Any]]:
    found: dict[int, Mapping[str, Any]] = {}
    for place, entry in enumerate(entries):
        number = entry.get("id") if isinstance(entry, Mapping) else None
        if type(number) is not int:
            raise InputError(f"{file}: {key}[{place}]: expected an object with a whole number as 'id'")
        if number in found:
            raise InputError(f"{file}: {key}[{place}]: id {number} stands twice")
        found[number] = entry
    return found


def _check_annotation(
    file: Path, annotation: Mapping[str, Any], images: Mapping[int, Any], categories: Mapping[int, Any]
) -> None:
    where = f"{file}: annotation {annotation['id']}"
    if annotation.get("image_id") not in images:
        raise InputError(f"{where}: image_id {annotation.get('image_id')!r} is none of the file's images")
    if annotation.get("category_id") not in categories:
        raise InputError(f"{where}: category_id {annotation.get('category_id')!r} is none of the file's categories")
    box, area = annotation.get("bbox"), annotation.get("area")
    if not (isinstance(box, list) and len(box) == 4 and all(_is_finite(side) for side in box)):
        raise InputError(f"{where}: bbox {box!r}: expected [x, y, width, height]")
    if not _is_finite(area):
        raise InputError(f"{where}: area {area!r}: expected a number of square pixels")


def _is_finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _image_file(file: Path, image: Mapping[str, Any], folder: Path) -> Path:
    where = f"{file}: image {image['id']}"
    name = image.get("file_name")
    if not isinstance(name, str) or not name:
        raise InputError(f"{where}: file_name {name!r}: expected a file's name")
    # Both readings, so that a file made to harm one system is refused on every system.
    for path in (PurePosixPath(name), PureWindowsPath(name)):
        if path.is_absolute() or path.drive or ".." in path.parts:
            raise InputError(f"{where}: file_name {name!r} leads out of {folder}")
    for side in ("width", "height"):
        if type(image.get(side)) is not int or image[side] < 1:
            raise InputError(f"{where}: {side} {image.get(side)!r}: expected a whole number of pixels")
    if not (folder / name).is_file():
        raise InputError(f"{folder / name}: no such image; {file} names it")
    return folder / name


def _sizes(annotations: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    areas = [entry["area"] for entry in annotations if not entry.get("iscrowd") and not entry.get("ignore")]
    return frozenset(key for key, (low, high) in AREA_BOUNDS.items() if any(low <= area <= high for area in areas))
