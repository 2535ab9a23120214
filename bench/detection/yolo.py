"""Read YOLO's data sets by globox, as Ultralytics and Roboflow write them: `data.yaml`, `images/` and `labels/`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import yaml
from globox import BoundingBox
from globox.errors import ParsingError

from backbones.errors import InputError
from bench.detection.conversion import as_coco, images_below, read_small, within
from bench.tasks.own_data import PARTS
from search.data.names import is_image

#: Opening brackets in a description; names that are lists have one.
_BRACKETS = 500

_NAMES = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")

#: The largest number of categories, and of a key in `names`.
_MOST = 100_000


def find_description(folder: Path) -> Path | None:
    """Find the file that describes a YOLO data set: `data.yaml`, or the only YAML file."""
    for name in _NAMES:
        if (folder / name).is_file():
            return folder / name
    others = sorted((*folder.glob("*.yaml"), *folder.glob("*.yml")))
    return others[0] if len(others) == 1 else None


def read(folder: Path, description: Path) -> dict[str, dict[str, Any]]:
    """Read the training and validation part into COCO's format.

    Raises:
        InputError: the description or a label file is invalid, or a path leads out of the folder.
    """
    content = _content(description)
    names = _categories(content, description)
    labels = {str(number): name for number, name in names.items()}
    # Ids count from 0 like YOLO's classes; COCO's format allows any.
    categories = {name: number for number, name in names.items()}
    parts = {}
    for part in PARTS:
        key = next((key for key in PARTS[part] if content.get(key)), None)
        if key is None:
            raise InputError(f"{description}: key {part!r} is missing; expected the path of the {part} images")
        images = _images(folder, content, content[key], f"{description}: {key}")
        if not images:
            raise InputError(f"{description}: {key}: no image in {str(content[key])[:200]!r}; expected one or more")
        rows = ((image, *_boxes(image, labels)) for image in images)
        parts[part] = as_coco(folder, rows, categories)
    return parts


def _content(file: Path) -> Mapping[str, Any]:
    text = read_small(file)
    # PyYAML's time grows with the square of the depth.
    if text.count("[") + text.count("{") > _BRACKETS:
        raise InputError(f"{file}: has more than {_BRACKETS} opening brackets; expected the keys names, train and val")
    try:
        # With aliases a few lines can expand to gigabytes.
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
            raise InputError(f"{file}: has YAML aliases; expected plain values")
        content = yaml.safe_load(text)
    except InputError:
        raise
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{file}: not a YAML file: {' '.join(str(error).split())[:200]}") from error
    if not isinstance(content, Mapping):
        raise InputError(f"{file}: expected YAML with the keys names, train and val")
    return content


def _categories(content: Mapping[str, Any], file: Path) -> dict[int, str]:
    names = content.get("names")
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, Mapping) or not names or len(names) > _MOST:
        raise InputError(f"{file}: key 'names': expected the categories' names, as a list or by their numbers")
    if any(type(number) is not int or not 0 <= number < _MOST for number in names):
        raise InputError(f"{file}: key 'names': expected whole numbers from 0 to {_MOST - 1} as keys")
    found = {number: str(name) for number, name in sorted(names.items())}
    if len(set(found.values())) < len(found):
        raise InputError(f"{file}: key 'names': two categories have the same name; expected unique names")
    return found


def _images(folder: Path, content: Mapping[str, Any], given: Any, where: str) -> list[Path]:
    """List the images of a part, given by a path, a list of paths or a text file with paths."""
    paths = given if isinstance(given, list) else [given]
    if not all(isinstance(path, str) and path for path in paths):
        raise InputError(f"{where}: expected a path, or a list of paths")
    found: list[Path] = []
    for path in paths:
        given_path = _resolve(folder, content.get("path"), path, where)
        if given_path.is_dir():
            found += images_below(given_path)
        elif given_path.is_file() and given_path.suffix == ".txt":
            lines = [line.strip() for line in read_small(given_path).splitlines()]
            found += (_resolve(folder, content.get("path"), line, str(given_path)) for line in lines if is_image(line))
        else:
            raise InputError(f"{where}: {path[:200]!r}: no such folder or list of images in {folder}")
    return found


def _resolve(folder: Path, base: Any, path: str, where: str) -> Path:
    """Resolve a path of the description below the folder.

    It is relative to the key `path`, which is often another machine's, or to the folder. Roboflow's paths begin with
    one `../` too many.
    """
    plain = PureWindowsPath(path).as_posix() if "\\" in path else path
    inside = PurePosixPath(plain)
    bases = [""]
    if isinstance(base, str) and base:
        bases.insert(0, base)
    for start in bases:
        here = Path(start) / plain
        tried = here if here.is_absolute() else folder / here
        resolved = tried.resolve()
        if resolved.exists() and resolved.is_relative_to(folder.resolve()):
            return folder / resolved.relative_to(folder.resolve())
    while inside.parts[:1] in (("..",), (".",)):
        inside = PurePosixPath(*inside.parts[1:])
    return within(folder, str(inside), where)


def _boxes(image: Path, labels: Mapping[str, str]) -> tuple[list[BoundingBox], str]:
    """Read an image's boxes, and return them with their label file; an image without one has no objects."""
    from search.data.reader import picture_size

    file = _label_file(image)
    if not file.is_file():
        return [], str(file)
    boxes = []
    size = picture_size(image)
    for number, line in enumerate(read_small(file).splitlines(), start=1):
        values = line.split()
        if not values:
            continue
        where = f"{file}:{number}"
        # Exporters may write the class as 0.0.
        label = values[0].removesuffix(".0")
        if label not in labels:
            raise InputError(f"{where}: class {values[0][:40]!r} is not in data.yaml's names, 0 to {len(labels) - 1}")
        read_line = BoundingBox.from_yolo_seg if len(values) > 6 else BoundingBox.from_yolo_v5
        try:
            box = read_line(" ".join([label, *values[1:]]), image_size=size)
        except (ParsingError, ValueError, AssertionError, OverflowError) as error:
            raise InputError(
                f"{where}: {line[:60]!r}: expected 'class x y width height' as shares of the image, or a polygon: "
                f"{error}"
            ) from error
        box.label = labels[label]
        boxes.append(box)
    return boxes, str(file)


def _label_file(image: Path) -> Path:
    """Find an image's label file: `labels/` replaces the last `images/`, else beside the image (Ultralytics' rule)."""
    parts = list(image.parts)
    for index in range(len(parts) - 2, -1, -1):
        if parts[index] == "images":
            parts[index] = "labels"
            break
    return Path(*parts).with_suffix(".txt")
