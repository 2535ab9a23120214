"""Read and check an annotation file in COCO's format and the images it names, before anything trains on them.

MMDetection trains without crowd boxes, boxes without area or thinner than a pixel, and boxes wholly outside their
image. COCO has a few of these, so they are counted and not refused. A box that crosses its image's border is cut at it.
Evaluation is COCO's own and takes every box that is not a crowd. A file in which more than a quarter of the boxes has
no area or crosses the border is refused: it is in another format.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from backbones.errors import InputError
from backbones.files import read_json, write_text
from bench.detection import repairs
from search.configs import nearest
from search.data.checking import check_images
from search.data.reader import LARGEST_PIXELS

#: The largest share of boxes that may have no area or cross the border.
_STRANGE_SHARE = 0.25

#: Pixels by which a box may cross the border, since COCO rounds its numbers.
_BORDER = 1.0


@dataclass(frozen=True)
class ImageEntry:
    """An image of an annotation file.

    Attributes:
        id, file, width, height: as annotated, in pixels.
        boxes: number of annotations of any kind.
        crowds: number of crowd annotations.
        left_out: number of other annotations that cannot be trained on.
    """

    id: int
    file: Path
    width: int
    height: int
    boxes: int = 0
    crowds: int = 0
    left_out: int = 0


@dataclass(frozen=True)
class Annotations:
    """The content of one annotation file.

    Attributes:
        file: the annotation file.
        images: in the file's order.
        categories: ids by name in the file's order, which is the order of MMDetection's labels.
        folder: the image folder.
        repairs: number of repairs of each kind (`bench.detection.repairs`).
        unused_roots: names of supercategories that no annotation has.
        chosen: whether `categories` are only some of the file's, and boxes of the others are left out.
    """

    file: Path
    images: tuple[ImageEntry, ...]
    categories: Mapping[str, int]
    folder: Path
    repairs: Mapping[str, int] = field(default_factory=dict)
    unused_roots: frozenset[str] = frozenset()
    chosen: bool = False

    @property
    def files(self) -> list[Path]:
        return [image.file for image in self.images]

    def counts(self, part: str) -> dict[str, int]:
        """Count images and annotations, such as `{"train images": 7}`; rare kinds only where there are any."""
        counts = {"images": len(self.images), "annotations": sum(image.boxes for image in self.images)}
        rare = {
            "images without boxes": sum(image.boxes == 0 for image in self.images),
            "crowd boxes": sum(image.crowds for image in self.images),
            "boxes without area": sum(image.left_out for image in self.images),
        }
        counts |= {name: count for name, count in rare.items() if count}
        return {f"{part} {name}": count for name, count in counts.items()}

    def trainable(self, filter_cfg: Mapping[str, Any] | None) -> Annotations:
        """Keep the images that MMDetection's `CocoDataset` trains on with this `filter_cfg`."""
        rules = filter_cfg or {}
        kept = (
            image
            for image in self.images
            if (image.boxes or not rules.get("filter_empty_gt", False))
            and min(image.width, image.height) >= rules.get("min_size", 0)
        )
        return replace(self, images=tuple(kept))

    def without(self, names: frozenset[str]) -> Annotations:
        """Remove categories that no annotation has, and count them as repairs."""
        if not names:
            return self
        left = {name: number for name, number in self.categories.items() if name not in names}
        return replace(self, categories=left, repairs={**self.repairs, repairs.ROOT: len(names)})

    def first(self, limit: int) -> Annotations:
        """Keep the first images in the file's order, which in COCO's files follows neither id nor subject."""
        return replace(self, images=self.images[:limit])


def read(file: Path, image_folder: Path, annotated: bool = True, classes: Sequence[str] = ()) -> Annotations:
    """Read and check an annotation file; the images are not opened.

    Args:
        annotated: whether annotations are required; those of test-dev are not public.
        classes: names of the categories that count (`metainfo.classes`); boxes of others are left out. All count if
            none is named, or if the file has none of them.

    Raises:
        InputError: the file, a key or an image is missing, an entry is invalid, or an image's name leads out of the
            image folder.
    """
    content, repaired = load(file, image_folder, annotated)
    images = _by_id(file, "images", content["images"])
    categories = _by_id(file, "categories", content["categories"])
    if not images or not categories:
        raise InputError(f"{file}: holds no {'images' if categories else 'categories'}")
    entries = {number: _image(file, image, image_folder) for number, image in images.items()}
    every = _names(file, categories)
    names = _chosen(every, classes, file)
    counting = set(names.values())
    boxes: dict[int, list[Mapping[str, Any]]] = {}
    for annotation in _by_id(file, "annotations", content["annotations"]).values() if annotated else ():
        problem = _problem(annotation, entries, categories)
        if problem is not None:
            raise InputError(f"{file}: annotation {annotation['id']}: {problem}")
        if annotation["category_id"] in counting:
            boxes.setdefault(annotation["image_id"], []).append(annotation)
    _refuse_strange(file, entries, boxes)
    counted = tuple(_counted(entry, boxes.get(number, [])) for number, entry in entries.items())
    # Annotations that are not needed have not been checked.
    unused = repairs.unused_roots(content) if annotated else frozenset()
    return Annotations(file, counted, names, image_folder, repaired, unused, len(names) < len(every))


def _chosen(names: dict[str, int], classes: Sequence[str], file: Path) -> dict[str, int]:
    """The categories that count, in the file's order: all, unless some of them are named.

    Names of which the file has none are those of another data set, such as a protocol's with a user's own data.

    Raises:
        InputError: the file has some of the names, and lacks another.
    """
    found = {name: number for name, number in names.items() if name in classes}
    for name in classes if found else ():
        if name not in names:
            raise InputError(f"{file}: has no category {name[:60]!r} (metainfo.classes); {nearest(name, list(names))}")
    return found or names


def load(file: Path, image_folder: Path, annotated: bool = True) -> tuple[dict[str, Any], Mapping[str, int]]:
    """Load and repair an annotation file; return its content and the number of repairs of each kind.

    Raises:
        InputError: the file or a key is missing.
    """
    keys = ("images", "annotations", "categories") if annotated else ("images", "categories")
    return repairs.repair(_content(file, keys), image_folder)


def write_repaired(annotations: Annotations, file: Path) -> Path:
    """Write the repaired annotations to another file, for programs that read the annotations themselves."""
    content, _ = load(annotations.file, annotations.folder)
    content["categories"] = [entry for entry in content["categories"] if entry["name"] in annotations.categories]
    kept = {entry["id"] for entry in content["categories"]}
    content["annotations"] = [entry for entry in content["annotations"] if entry["category_id"] in kept]
    write_text(file, json.dumps(content))
    return file


def read_ids(file: Path) -> tuple[frozenset[int], frozenset[int]]:
    """Read the ids of a file's images and categories; annotations are not required.

    Raises:
        InputError: the file or a key is missing, or an entry has no id.
    """
    content = _content(file, ("images", "categories"))
    images, categories = (_by_id(file, key, content[key]) for key in ("images", "categories"))
    return frozenset(images), frozenset(categories)


def look_into(annotations: Annotations) -> None:
    """Open every image.

    Raises:
        InputError: an image cannot be read, is cut off, or has another size than annotated.
    """
    check_images([(image.file, (image.width, image.height)) for image in annotations.images])


def _content(file: Path, keys: Sequence[str]) -> Mapping[str, Any]:
    """Read a file in COCO's format and check that these keys hold lists."""
    if not file.is_file():
        raise InputError(
            f"{file}: no such annotation file; expected COCO's layout (annotations/, train2017/, val2017/)"
        )
    content = read_json(file)
    if not isinstance(content, Mapping):
        raise InputError(f"{file}: holds a {type(content).__name__}; expected COCO's object of {', '.join(keys)}")
    for key in keys:
        if not isinstance(content.get(key), list):
            held = ", ".join(repr(str(name)[:30]) for name in list(content)[:8]) or "none"
            raise InputError(f"{file}: key {key!r} is missing or not a list; expected COCO's format; its keys: {held}")
    return content


def _by_id(file: Path, key: str, entries: list[Any]) -> dict[int, Mapping[str, Any]]:
    found: dict[int, Mapping[str, Any]] = {}
    for index, entry in enumerate(entries):
        number = entry.get("id") if isinstance(entry, Mapping) else None
        if type(number) is not int or not repairs.is_number(number):
            raise InputError(f"{file}: {key}[{index}]: expected an object with a whole number as 'id'")
        if number in found:
            raise InputError(f"{file}: {key}[{index}]: duplicate id {number}; expected a unique id")
        found[number] = entry
    return found


def _names(file: Path, categories: Mapping[int, Mapping[str, Any]]) -> dict[str, int]:
    names: dict[str, int] = {}
    for number, category in categories.items():
        name = category.get("name")
        if not isinstance(name, str) or not name or not _is_text(name):
            raise InputError(f"{file}: category {number}: name {_shown(name)}: expected a non-empty text")
        if name in names:
            raise InputError(f"{file}: category {number}: duplicate name {name[:40]!r}; expected unique names")
        names[name] = number
    return names


def _problem(annotation: Mapping[str, Any], images: Mapping[int, Any], categories: Mapping[int, Any]) -> str | None:
    for key, known in (("image_id", images), ("category_id", categories)):
        number = annotation.get(key)
        # The type comes first: a list or an object cannot be looked up.
        if type(number) is not int or number not in known:
            return f"{key} {_shown(number)} is not among the file's {'images' if known is images else 'categories'}"
    box, area, crowd = annotation.get("bbox"), annotation.get("area"), annotation.get("iscrowd", 0)
    if not (isinstance(box, list) and len(box) == 4 and all(map(repairs.is_number, box))):
        return f"bbox {_shown(box)}: expected [x, y, width, height]"
    if not repairs.is_number(area):
        return f"area {_shown(area)}: expected a number of square pixels"
    if type(crowd) is not int or crowd not in (0, 1):
        return f"iscrowd {_shown(crowd)}: expected 0 or 1"
    return None


def _shown(value: Any) -> str:
    """Shorten a value for a message: a wrong one may be thousands of digits long."""
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:60]}…"


def _is_text(value: str) -> bool:
    """Return whether a text can be encoded: JSON may escape half of a surrogate pair."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _image(file: Path, image: Mapping[str, Any], folder: Path) -> ImageEntry:
    where = f"{file}: image {image['id']}"
    name = image.get("file_name")
    if not isinstance(name, str) or not name or not _is_text(name):
        raise InputError(f"{where}: file_name {_shown(name)}: expected a file name")
    # Both kinds of path, so that a file made to harm one system is refused on every system.
    for path in (PurePosixPath(name), PureWindowsPath(name)):
        if path.is_absolute() or path.drive or ".." in path.parts:
            raise InputError(f"{where}: file_name {_shown(name)} leads out of {folder}")
    for side in ("width", "height"):
        if type(image.get(side)) is not int or not 1 <= image[side] <= LARGEST_PIXELS:
            raise InputError(f"{where}: {side} {_shown(image.get(side))}: expected a whole number of pixels")
    # os.path.isfile returns False for a name that no file system can hold, where Path.is_file may raise.
    if not os.path.isfile(folder / name):
        raise InputError(f"{folder / name[:200]}: no such image; {file} names it")
    return ImageEntry(image["id"], folder / name, image["width"], image["height"])


def _counted(image: ImageEntry, annotations: list[Mapping[str, Any]]) -> ImageEntry:
    crowds = sum(bool(annotation.get("iscrowd")) for annotation in annotations)
    left_out = sum(not annotation.get("iscrowd") and not _has_area(annotation, image) for annotation in annotations)
    return replace(image, boxes=len(annotations), crowds=crowds, left_out=left_out)


def _has_area(annotation: Mapping[str, Any], image: ImageEntry) -> bool:
    """Return whether MMDetection's `CocoDataset` keeps the box: a pixel wide and high, partly in the image."""
    x, y, width, height = annotation["bbox"]
    inside = min(x + width, image.width) > max(x, 0) and min(y + height, image.height) > max(y, 0)
    return bool(inside and width >= 1 and height >= 1 and annotation["area"] > 0)


def _crosses_border(annotation: Mapping[str, Any], image: ImageEntry) -> bool:
    x, y, width, height = annotation["bbox"]
    return bool(max(-x, -y, x + width - image.width, y + height - image.height) > _BORDER)


def _refuse_strange(file: Path, images: Mapping[int, ImageEntry], boxes: Mapping[int, list[Mapping[str, Any]]]) -> None:
    pairs = [(annotation, images[number]) for number, here in boxes.items() for annotation in here]
    thin = [annotation for annotation, image in pairs if not _has_area(annotation, image)]
    across = [annotation for annotation, image in pairs if _crosses_border(annotation, image)]
    for strange, problem, hint in (
        (across, "cross the border of their image", "are they [x1, y1, x2, y2]?"),
        (thin, "have no area", "are they relative to the image's size?"),
    ):
        if len(strange) > _STRANGE_SHARE * len(pairs):
            first = strange[0]
            raise InputError(
                f"{file}: {len(strange)} of {len(pairs)} boxes {problem}, such as annotation {first['id']} with bbox "
                f"{first['bbox']}; expected [x, y, width, height] in pixels; {hint}"
            )
