"""An annotation file of COCO's format and the images it names, looked at before anything trains on them.

Boxes that are no objects to learn are no mistake, since COCO has a few itself: crowd boxes, boxes without area or
thinner than a pixel, and boxes wholly outside their image are left out of training by MMDetection, and counted here. A
box that crosses its image's border is cut at it. Evaluation is COCO's own and takes every box that is no crowd. But
where more than a quarter of the boxes is without area or crosses the border, the file counts as one of another format.
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
from search.data.checking import check_images
from search.data.reader import LARGEST_PIXELS

#: More boxes than this share without area or across the border: the numbers mean something else.
_STRANGE_SHARE = 0.25

#: COCO's boxes cross the border by the rounding of their numbers, not by pixels.
_BORDER = 1.0


@dataclass(frozen=True)
class ImageEntry:
    """An image of an annotation file.

    Attributes:
        id, file, width, height: as annotated, in pixels.
        boxes: how many annotations it has, of any kind.
        crowds: how many of them mark a crowd.
        left_out: how many others cannot be trained on.
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
    """What one annotation file holds.

    Attributes:
        file: the annotation file.
        images: in the file's order.
        categories: ids by name in the file's order, which is the order of MMDetection's labels.
        folder: of the images.
        repairs: how many of each kind of `bench.detection.repairs` the file needs.
        unused_roots: names of categories that stand above others, and that no annotation has.
    """

    file: Path
    images: tuple[ImageEntry, ...]
    categories: Mapping[str, int]
    folder: Path
    repairs: Mapping[str, int] = field(default_factory=dict)
    unused_roots: frozenset[str] = frozenset()

    @property
    def files(self) -> list[Path]:
        return [image.file for image in self.images]

    def counts(self, part: str) -> dict[str, int]:
        """How many of what, such as `{"train images": 7}`; what COCO rarely has, only where there is any."""
        counts = {"images": len(self.images), "annotations": sum(image.boxes for image in self.images)}
        rare = {
            "images without boxes": sum(image.boxes == 0 for image in self.images),
            "crowd boxes": sum(image.crowds for image in self.images),
            "boxes without area": sum(image.left_out for image in self.images),
        }
        counts |= {name: count for name, count in rare.items() if count}
        return {f"{part} {name}": count for name, count in counts.items()}

    def trainable(self, filter_cfg: Mapping[str, Any] | None) -> Annotations:
        """The images that MMDetection's `CocoDataset` trains on with this `filter_cfg`."""
        rules = filter_cfg or {}
        kept = (
            image
            for image in self.images
            if (image.boxes or not rules.get("filter_empty_gt", False))
            and min(image.width, image.height) >= rules.get("min_size", 0)
        )
        return replace(self, images=tuple(kept))

    def without(self, names: frozenset[str]) -> Annotations:
        """The annotations without categories that they do not need, which is a repair, too."""
        if not names:
            return self
        left = {name: number for name, number in self.categories.items() if name not in names}
        return replace(self, categories=left, repairs={**self.repairs, repairs.ROOT: len(names)})

    def first(self, limit: int) -> Annotations:
        """The first images in the file's order, which in COCO's files follows neither id nor subject."""
        return replace(self, images=self.images[:limit])


def read(file: Path, image_folder: Path, annotated: bool = True) -> Annotations:
    """Read and check an annotation file; the images are not opened.

    Args:
        annotated: whether there must be annotations; COCO's server keeps those of test-dev.

    Raises:
        InputError: the file or an image is missing, a key is missing, an entry cannot be used, or an image's name leads
            out of the image folder.
    """
    content, repaired = load(file, image_folder, annotated)
    images = _by_id(file, "images", content["images"])
    categories = _by_id(file, "categories", content["categories"])
    if not images or not categories:
        raise InputError(f"{file}: holds no {'images' if categories else 'categories'}")
    entries = {number: _image(file, image, image_folder) for number, image in images.items()}
    boxes: dict[int, list[Mapping[str, Any]]] = {}
    for annotation in _by_id(file, "annotations", content["annotations"]).values() if annotated else ():
        problem = _problem(annotation, entries, categories)
        if problem is not None:
            raise InputError(f"{file}: annotation {annotation['id']}: {problem}")
        boxes.setdefault(annotation["image_id"], []).append(annotation)
    _refuse_strange(file, entries, boxes)
    counted = tuple(_counted(entry, boxes.get(number, [])) for number, entry in entries.items())
    names = _names(file, categories)
    return Annotations(file, counted, names, image_folder, repaired, repairs.unused_roots(content))


def load(file: Path, image_folder: Path, annotated: bool = True) -> tuple[dict[str, Any], Mapping[str, int]]:
    """The content of an annotation file, repaired, and how many repairs of each kind there were.

    Raises:
        InputError: the file or a key is missing.
    """
    keys = ("images", "annotations", "categories") if annotated else ("images", "categories")
    return repairs.repair(_content(file, keys), image_folder)


def write_repaired(annotations: Annotations, file: Path) -> Path:
    """Write an annotation file as it was understood, for programs that read it themselves; never the user's own."""
    content, _ = load(annotations.file, annotations.folder)
    content["categories"] = [entry for entry in content["categories"] if entry["name"] in annotations.categories]
    write_text(file, json.dumps(content))
    return file


def read_ids(file: Path) -> tuple[frozenset[int], frozenset[int]]:
    """The ids of a file's images and of its categories, whether it has annotations or not.

    Raises:
        InputError: the file or a key is missing, or an entry has no id.
    """
    content = _content(file, ("images", "categories"))
    images, categories = (_by_id(file, key, content[key]) for key in ("images", "categories"))
    return frozenset(images), frozenset(categories)


def look_into(annotations: Annotations) -> None:
    """Open the images.

    Raises:
        InputError: one cannot be read, is cut off, or is not of the size that the file says.
    """
    check_images([(image.file, (image.width, image.height)) for image in annotations.images])


def _content(file: Path, keys: Sequence[str]) -> Mapping[str, Any]:
    """The content of a file of COCO's format, in which these keys hold lists."""
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
    for place, entry in enumerate(entries):
        number = entry.get("id") if isinstance(entry, Mapping) else None
        if type(number) is not int or not repairs.is_number(number):
            raise InputError(f"{file}: {key}[{place}]: expected an object with a whole number as 'id'")
        if number in found:
            raise InputError(f"{file}: {key}[{place}]: id {number} stands twice")
        found[number] = entry
    return found


def _names(file: Path, categories: Mapping[int, Mapping[str, Any]]) -> dict[str, int]:
    names: dict[str, int] = {}
    for number, category in categories.items():
        name = category.get("name")
        if not isinstance(name, str) or not name or not _is_text(name):
            raise InputError(f"{file}: category {number}: name {_shown(name)}: expected a text")
        if name in names:
            raise InputError(f"{file}: two categories have one name, {name[:40]!r}")
        names[name] = number
    return names


def _problem(annotation: Mapping[str, Any], images: Mapping[int, Any], categories: Mapping[int, Any]) -> str | None:
    for key, known in (("image_id", images), ("category_id", categories)):
        number = annotation.get(key)
        # By type, since what is no number may not even be looked up.
        if type(number) is not int or number not in known:
            return f"{key} {_shown(number)} is none of the file's {'images' if known is images else 'categories'}"
    box, area, crowd = annotation.get("bbox"), annotation.get("area"), annotation.get("iscrowd", 0)
    if not (isinstance(box, list) and len(box) == 4 and all(map(repairs.is_number, box))):
        return f"bbox {_shown(box)}: expected [x, y, width, height]"
    if not repairs.is_number(area):
        return f"area {_shown(area)}: expected a number of square pixels"
    if type(crowd) is not int or crowd not in (0, 1):
        return f"iscrowd {_shown(crowd)}: expected 0 or 1"
    return None


def _shown(value: Any) -> str:
    """A value as a message shows it: what is wrong may be thousands of digits long."""
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:60]}…"


def _is_text(value: str) -> bool:
    """Whether a text can be written down: JSON may escape half of a character."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _image(file: Path, image: Mapping[str, Any], folder: Path) -> ImageEntry:
    where = f"{file}: image {image['id']}"
    name = image.get("file_name")
    if not isinstance(name, str) or not name or not _is_text(name):
        raise InputError(f"{where}: file_name {_shown(name)}: expected a file's name")
    # Both readings, so that a file made to harm one system is refused on every system.
    for path in (PurePosixPath(name), PureWindowsPath(name)):
        if path.is_absolute() or path.drive or ".." in path.parts:
            raise InputError(f"{where}: file_name {_shown(name)} leads out of {folder}")
    for side in ("width", "height"):
        if type(image.get(side)) is not int or not 1 <= image[side] <= LARGEST_PIXELS:
            raise InputError(f"{where}: {side} {_shown(image.get(side))}: expected a whole number of pixels")
    # os.path: it says no to a name that no file system can hold.
    if not os.path.isfile(folder / name):
        raise InputError(f"{folder / name[:200]}: no such image; {file} names it")
    return ImageEntry(image["id"], folder / name, image["width"], image["height"])


def _counted(image: ImageEntry, annotations: list[Mapping[str, Any]]) -> ImageEntry:
    crowds = sum(bool(annotation.get("iscrowd")) for annotation in annotations)
    left_out = sum(not annotation.get("iscrowd") and not _has_area(annotation, image) for annotation in annotations)
    return replace(image, boxes=len(annotations), crowds=crowds, left_out=left_out)


def _has_area(annotation: Mapping[str, Any], image: ImageEntry) -> bool:
    """Whether MMDetection's `CocoDataset` takes the box: a pixel wide and high, some of it in the image."""
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
