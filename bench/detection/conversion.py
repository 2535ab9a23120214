"""Functions that the readers of YOLO and Pascal VOC share to convert data sets into COCO's format."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from globox import BoundingBox

from backbones.errors import InputError
from backbones.files import read_text
from bench.detection.repairs import is_number
from search.data.names import is_hidden, is_image, sift
from search.data.reader import picture_size

#: The largest annotation file of one image, in bytes; usually it has a few kilobytes.
LARGEST_ANNOTATION = 1 << 24


def images_below(folder: Path) -> list[Path]:
    """List all images in a folder and its subfolders, sorted."""
    found: list[Path] = []
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        found += (Path(here) / name for name in sift(filter(is_image, files), Counter()))
    return sorted(found)


def read_small(file: Path) -> str:
    """Read the text of an annotation file; raises as `backbones.files.read_text`."""
    return read_text(file, LARGEST_ANNOTATION, "utf-8-sig")


def within(folder: Path, name: str, where: str) -> Path:
    """Join a folder and a name.

    Raises:
        InputError: the path leads out of the folder.
    """
    path = Path(os.path.normpath(folder / name))
    if "\0" in name or not path.is_relative_to(os.path.normpath(folder)):
        raise InputError(f"{where}: {name[:200]!r} leads out of {folder}")
    return path


def as_coco(
    root: Path, images: Iterable[tuple[Path, Sequence[BoundingBox], str]], categories: Mapping[str, int]
) -> dict[str, Any]:
    """Build the content of a COCO annotation file.

    Args:
        images: for each image its file, its boxes and their source for messages.
        categories: ids by name.

    Raises:
        InputError: an image cannot be read, or a number of a box is not finite.
    """
    entries: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, (file, boxes, where) in enumerate(images, start=1):
        width, height = picture_size(file)
        entries.append({"id": number, "file_name": file.relative_to(root).as_posix(), "width": width, "height": height})
        for box in boxes:
            sides = [round(float(side), 3) for side in (box.xmin, box.ymin, box.width, box.height)]
            if not all(map(is_number, sides)):
                raise InputError(f"{where}: a box of {box.label[:40]!r} is not finite; expected four finite numbers")
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": categories[box.label],
                    "bbox": sides,
                    "area": sides[2] * sides[3],
                    "iscrowd": 0,
                }
            )
    listed = [{"id": number, "name": name} for name, number in categories.items()]
    return {"images": entries, "annotations": annotations, "categories": listed}
