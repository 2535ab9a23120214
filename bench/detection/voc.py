"""Read Pascal VOC's data sets (Everingham et al. 2010), an XML file for each image, by globox."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from globox import BoundingBox
from globox.errors import ParsingError

from backbones.errors import InputError
from bench.detection.conversion import as_coco, images_below, read_small, within
from bench.tasks.own_data import PARTS, find_part
from search.data.names import SUFFIXES

#: An image and its annotation file.
Pair = tuple[Path, Path]


def find_lists(folder: Path) -> dict[str, list[Pair]] | None:
    """Find the images of both parts with their annotation files; None if the folder has another layout.

    Raises:
        InputError: a listed image is missing.
    """
    sets, annotations = folder / "ImageSets" / "Main", folder / "Annotations"
    if sets.is_dir() and annotations.is_dir():
        files = {
            part: next((sets / f"{name}.txt" for name in names if (sets / f"{name}.txt").is_file()), None)
            for part, names in PARTS.items()
        }
        if any(file is None for file in files.values()):
            raise InputError(f"{sets}: expected train.txt and val.txt, the lists of each part's images")
        return {part: _listed(folder, file) for part, file in files.items() if file is not None}
    found = {}
    for part in PARTS:
        place = find_part(folder, part)
        if place is None or next(place.glob("*.xml"), None) is None:
            return None
        found[part] = [(image, image.with_suffix(".xml")) for image in images_below(place)]
    return found


def _listed(folder: Path, file: Path) -> list[Pair]:
    """List the images of an image set: a name on each line, followed by a number in VOC's lists of one class."""
    pairs = []
    for line in read_small(file).splitlines():
        if not line.strip():
            continue
        name = line.split()[0]
        stem = within(folder / "JPEGImages", name, str(file))
        images = [stem.with_name(stem.name + ending) for suffix in SUFFIXES for ending in (suffix, suffix.upper())]
        image = next((image for image in images if image.is_file()), None)
        if image is None:
            raise InputError(f"{stem}{{{','.join(SUFFIXES)}}}: no such image; {file} names it")
        pairs.append((image, within(folder / "Annotations", f"{name}.xml", str(file))))
    return pairs


def read(folder: Path, lists: Mapping[str, Sequence[Pair]]) -> dict[str, dict[str, Any]]:
    """Read both parts into COCO's format; categories are numbered from 1 in alphabetical order.

    Objects marked difficult count like others. Coordinates are not changed, although VOC counts pixels from 1.

    Raises:
        InputError: an annotation file is invalid, or an image cannot be read.
    """
    rows = {part: [(image, _boxes(file), str(file)) for image, file in pairs] for part, pairs in lists.items()}
    for part, images in rows.items():
        if not images:
            raise InputError(f"{folder}: has Pascal VOC annotations but no {part} images; expected one or more")
    names = sorted({box.label for images in rows.values() for _, boxes, _ in images for box in boxes})
    categories = {name: number for number, name in enumerate(names, start=1)}
    return {part: as_coco(folder, images, categories) for part, images in rows.items()}


def _boxes(file: Path) -> list[BoundingBox]:
    if not file.is_file():
        # An image without an annotation file has no objects.
        return []
    text = read_small(file)
    try:
        # Not by globox's reader of files: it needs the image size from the file, which may be wrong or missing.
        root = ElementTree.fromstring(text)
        boxes = [BoundingBox.from_xml(node) for node in root.iter("object")]
    except (ElementTree.ParseError, ParsingError, ValueError, AssertionError, OverflowError) as error:
        reason = str(error)[:200]
        raise InputError(f"{file}: cannot be read as a Pascal VOC annotation: {reason}") from error
    for box in boxes:
        if not box.label.strip():
            raise InputError(f"{file}: an object has no name; expected its category")
    return boxes
