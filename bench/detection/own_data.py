"""Use a folder with COCO, YOLO or Pascal VOC annotations instead of a detection protocol's data."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any

from backbones.errors import InputError
from backbones.files import read_json, write_text
from bench.tasks.own_data import PARTS, OwnData, as_options, require

#: Paths at which exporters put a part's annotation file; `{}` is the part's name.
_FILES = (
    "annotations/instances_{}2017.json",
    "annotations/instances_{}.json",
    "annotations/{}.json",
    "{}/_annotations.coco.json",
    "{}/annotations/instances_default.json",
    "{}/annotations.json",
    "{}/result.json",
    "{}.json",
)

#: Folders that may hold the images of such a file.
_FOLDERS = ("{}2017", "{}", "{}/images", "images/{}", "images", "")

EXPECTED = (
    "expected COCO (train/_annotations.coco.json and valid/_annotations.coco.json beside the images, or "
    "annotations/instances_train2017.json and instances_val2017.json with train2017/ and val2017/), YOLO (data.yaml "
    "with images/ and labels/) or Pascal VOC (JPEGImages/, Annotations/ and ImageSets/Main/train.txt and val.txt, or "
    "train/ and valid/ with a .xml beside each image)"
)


@dataclass(frozen=True)
class Part:
    """One part of a data set: its annotation file in COCO's format, and the image folder below the data root."""

    file: Path
    prefix: str


def own_data(config: Mapping[str, Any], folder: Path, work: Path) -> OwnData:
    """Find a folder's annotations, and the options that make a detection protocol read them.

    YOLO and Pascal VOC are written as COCO into `work`; nothing is written into the folder.

    Raises:
        InputError: the folder holds none of the three formats, or its files are invalid.
    """
    require(folder)
    kind, parts = _find(folder, work)
    values: dict[str, Any] = {"data_root": str(folder)} if "data_root" in config else {}
    for part, where in parts.items():
        key = f"{part}_dataloader.dataset"
        dataset = config[f"{part}_dataloader"]["dataset"]
        while isinstance(dataset.get("dataset"), Mapping):
            key, dataset = f"{key}.dataset", dataset["dataset"]
        file = where.file.relative_to(folder) if where.file.is_relative_to(folder) else where.file.resolve()
        values |= {f"{key}.data_root": str(folder), f"{key}.ann_file": str(file)}
        values[f"{key}.data_prefix.img"] = f"{where.prefix}/" if where.prefix else ""
    values["val_evaluator.ann_file"] = str(parts["val"].file)
    files = ", ".join(f"{part} {where.file}" for part, where in parts.items())
    return OwnData(f"{folder}: {kind}: {files}", as_options(values, config))


def _find(folder: Path, work: Path) -> tuple[str, dict[str, Part]]:
    from bench.detection import voc, yolo

    coco = {part: _coco_part(folder, part) for part in PARTS}
    found = {part: where for part, where in coco.items() if where is not None}
    if len(found) == len(PARTS):
        return "COCO annotations", found
    description = yolo.find_description(folder)
    if description is not None:
        return f"YOLO labels ({description.name})", _written(folder, work, yolo.read(folder, description))
    lists = voc.find_lists(folder)
    if lists is not None:
        return "Pascal VOC annotations", _written(folder, work, voc.read(folder, lists))
    there = "".join(f" a {part} part in COCO's format ({where.file}) but no other;" for part, where in found.items())
    raise InputError(f"data {folder}: holds{there or ' no annotations of a known format;'} {EXPECTED}")


def _coco_part(folder: Path, part: str) -> Part | None:
    for name in PARTS[part]:
        for written in (name, name.capitalize()):
            for pattern in _FILES:
                file = folder / pattern.format(written)
                if file.is_file():
                    return Part(file, _image_folder(folder, file, written))
    return None


def _image_folder(folder: Path, file: Path, part: str) -> str:
    """Find the folder, relative to the data root, that holds an annotation file's images."""
    beside = file.parent.relative_to(folder).as_posix()
    candidates = [pattern.format(part) for pattern in _FOLDERS] + ["" if beside == "." else beside]
    for name in _first_names(read_json(file)):
        for candidate in candidates:
            if (folder / candidate / name).is_file():
                return candidate
    # The check of the data then reports the missing image.
    return next((candidate for candidate in candidates if (folder / candidate).is_dir()), "")


def _first_names(content: Any) -> Iterator[str]:
    """Yield the first images' names, with `/`, without those that lead out of a folder."""
    images = content.get("images") if isinstance(content, Mapping) else None
    for image in images[:3] if isinstance(images, list) else ():
        name = image.get("file_name") if isinstance(image, Mapping) else None
        if isinstance(name, str) and len(name) < 250 and "\0" not in name and name.isprintable():
            path = PureWindowsPath(name)
            if not path.anchor and ".." not in path.parts:
                yield path.as_posix()


def _written(folder: Path, work: Path, contents: Mapping[str, Mapping[str, Any]]) -> dict[str, Part]:
    """Write the parts in COCO's format below the work folder; the same folder always gives the same paths."""
    digest = hashlib.sha256(str(folder.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:8]
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", folder.resolve().name) or "data"
    home = work / "data" / f"{name}-{digest}"
    parts = {}
    for part, content in contents.items():
        file = home / f"instances_{part}.json"
        write_text(file, json.dumps(content, allow_nan=False))
        parts[part] = Part(file, "")
    return parts
