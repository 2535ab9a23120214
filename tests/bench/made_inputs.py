"""Small data sets in the layouts that people have, made within milliseconds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

#: Width and height of a picture with one light box on it, and that box.
SIZE, BOX = (96, 64), (24, 26, 32, 21)


def picture(file: Path, size: tuple[int, int] = SIZE, value: int = 200, **settings: Any) -> Path:
    pixels = np.full((size[1], size[0], 3), 20, np.uint8)
    x, y, width, height = BOX
    pixels[y : y + height, x : x + width] = value
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file, **settings)
    return file


def image_folder(root: Path, count: int = 4) -> Path:
    """`cat/` and `dog/`, eight by eight, light and dark."""
    for name, value in (("cat", 40), ("dog", 220)):
        for number in range(count):
            picture(root / name / f"{number}.png", (32, 32), value)
    return root


def classification(root: Path) -> Path:
    for part in ("train", "val"):
        image_folder(root / part)
    return root


def market(root: Path, name: Callable[[int, int, int], str] = lambda i, c, n: f"{i:04d}_c{c}s1_{n:06d}_00.jpg") -> Path:
    """Two training identities, one query identity; two cameras, two shots each."""
    for folder, identities in (("bounding_box_train", (1, 2)), ("query", (3,)), ("bounding_box_test", (3,))):
        for identity in identities:
            for camera in (1, 2):
                for shot in range(2):
                    number = shot + 10 * (folder == "query")
                    picture(root / folder / name(identity, camera, number), (32, 64), 60 * identity)
    return root


Change = Callable[[dict[str, Any]], None]

#: Where a part's images and annotation file are: folder of the images, annotation file.
COCO_2017 = ("{part}2017", "annotations/instances_{part}2017.json")


def coco(
    root: Path,
    change: Change = lambda content: None,
    layout: tuple[str, str] = COCO_2017,
    names: Mapping[str, str] = {"train": "train", "val": "val"},
    count: int = 4,
) -> Path:
    """Both parts of a COCO data set of one category, each changed; `names` are what the parts are called."""
    for part in names.values():
        images, boxes = [], []
        for number in range(1, count + 1):
            file = f"{part}{number:03d}.jpg"
            picture(root / layout[0].format(part=part) / file)
            images.append({"id": number, "file_name": file, "width": SIZE[0], "height": SIZE[1]})
            box = {"bbox": list(BOX), "area": BOX[2] * BOX[3], "iscrowd": 0}
            boxes.append({"id": number, "image_id": number, "category_id": 1, **box})
        content = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "box"}]}
        change(content)
        file = root / layout[1].format(part=part)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content), encoding="utf-8")
    return root


def each(key: str, **values: Any) -> Change:
    """Set keys of every entry; a function is called with the entry's present value, `...` takes the key away."""

    def change(content: dict[str, Any]) -> None:
        for entry in content[key]:
            for name, value in values.items():
                if value is ...:
                    entry.pop(name)
                else:
                    entry[name] = value(entry.get(name)) if callable(value) else value

    return change


def all_of(*changes: Change) -> Change:
    def change(content: dict[str, Any]) -> None:
        for one in changes:
            one(content)

    return change


def minus_one(value: int) -> int:
    return value - 1


FROM_ZERO = all_of(
    each("images", id=minus_one),
    each("annotations", id=minus_one, image_id=minus_one, category_id=minus_one),
    each("categories", id=minus_one),
)


def add_root(content: dict[str, Any]) -> None:
    """Roboflow's category above all others, which has the id 0."""
    content["categories"].insert(0, {"id": 0, "name": "things", "supercategory": "none"})
    content["categories"][1]["supercategory"] = "things"


def yolo(root: Path) -> Path:
    """Ultralytics' layout: `images/<part>`, `labels/<part>`, `data.yaml`."""
    x, y, width, height = BOX
    row = [0, (x + width / 2) / SIZE[0], (y + height / 2) / SIZE[1], width / SIZE[0], height / SIZE[1]]
    for part in ("train", "val"):
        for number in range(4):
            picture(root / "images" / part / f"{number}.jpg")
            labels = root / "labels" / part / f"{number}.txt"
            labels.parent.mkdir(parents=True, exist_ok=True)
            labels.write_text(" ".join(map(str, row)) + "\n", encoding="utf-8")
    text = "path: .\ntrain: images/train\nval: images/val\nnames:\n  0: box\n"
    (root / "data.yaml").write_text(text, encoding="utf-8")
    return root


def voc(root: Path) -> Path:
    """Pascal VOC's layout, the second image without an object."""
    x, y, width, height = BOX
    (root / "Annotations").mkdir(parents=True)
    (root / "ImageSets" / "Main").mkdir(parents=True)
    for part in ("train", "val"):
        for number in range(4):
            picture(root / "JPEGImages" / f"{part}{number}.jpg")
            corners = f"<xmin>{x}</xmin><ymin>{y}</ymin><xmax>{x + width}</xmax><ymax>{y + height}</ymax>"
            one = f"<object><name>box</name><difficult>0</difficult><bndbox>{corners}</bndbox></object>"
            text = f"<annotation><filename>x.jpg</filename>{one if number != 1 else ''}</annotation>"
            (root / "Annotations" / f"{part}{number}.xml").write_text(text, encoding="utf-8")
        names = "".join(f"{part}{number}\n" for number in range(4))
        (root / "ImageSets" / "Main" / f"{part}.txt").write_text(names, encoding="utf-8")
    return root
