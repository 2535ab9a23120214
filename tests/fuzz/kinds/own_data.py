"""One's own detection data: annotation files of Pascal VOC and YOLO."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.fuzz.kinds.data import picture
from tests.fuzz.outcome import Row

Make = Callable[[Path], Callable[[], Any]]

_VOC = (
    "<annotation><object><name>cat</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>20</xmax><ymax>20</ymax></bndbox>"
    "</object></annotation>"
)
_ENTITIES = "".join(f'<!ENTITY {chr(98 + place)} "{f"&{chr(97 + place)};" * 10}">' for place in range(10))

VOC: dict[str, str] = {
    "entities of entities": f'<!DOCTYPE l [<!ENTITY a "lol">{_ENTITIES}]><annotation>&k;</annotation>',
    "a file by an entity": '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + _VOC.replace("cat", "&e;"),
    "100,000 levels": "<a>" * 100_000,
    "no box": "<annotation><object><name>cat</name></object></annotation>",
    "no name": _VOC.replace("<name>cat</name>", ""),
    "an empty name": _VOC.replace("cat", ""),
    "a word in a box": _VOC.replace(">20<", ">x<"),
    "an empty number in a box": _VOC.replace(">20<", "><"),
    "a box of 400 digits": _VOC.replace(">20<", f">{'9' * 400}<"),
    "a box of NaN": _VOC.replace(">20<", ">nan<"),
    "a box of 1e308": _VOC.replace(">20<", ">1e308<"),
    "a box that is turned": _VOC.replace(">20<", ">0<"),
    "empty": "",
    "a page": "<html>",
    "NUL": "\0",
    "cut in half": _VOC[: len(_VOC) // 2],
}

YOLO_LABELS: dict[str, str] = {
    "a class of 400 digits": "9" * 400 + " 0.5 0.5 0.2 0.2",
    "a class that is not there": "5 0.5 0.5 0.2 0.2",
    "a class of -1": "-1 0.5 0.5 0.2 0.2",
    "a class of a word": "cat 0.5 0.5 0.2 0.2",
    "three numbers": "0 0.5 0.5",
    "a box of words": "0 a b c d",
    "a box of NaN": "0 nan 0.5 0.2 0.2",
    "a box of 1e308": "0 1e308 0.5 0.2 0.2",
    "a box of 400 digits": "0 " + "9" * 400 + " 0.5 0.2 0.2",
    "NUL": "\0",
    "a page": "<html></html>",
}

YOLO: dict[str, str] = {
    "an object that is run": "names: !!python/object/apply:os.system ['touch harm']",
    "aliases of aliases": "a: &a [x, x]\nb: &b [*a, *a]\nnames: *b\ntrain: train/images\nval: valid/images",
    "deep": "names: " + "[" * 5000,
    "no names": "train: train/images\nval: valid/images",
    "names of a number": "names: 5\ntrain: train/images\nval: valid/images",
    "a name by a number of 400 digits": f"names: {{{'9' * 400}: cat}}\ntrain: train/images\nval: valid/images",
    "images above": "names: [cat]\ntrain: ../../../etc\nval: valid/images",
    "images of a number": "names: [cat]\ntrain: 5\nval: valid/images",
    "no YAML": "a: b: c: [",
    "a list": "- a",
    "NUL": "\0",
}


def _voc(text: str) -> Make:
    def make(folder: Path) -> Callable[[], Any]:
        for part in ("train", "valid"):
            (folder / part).mkdir()
            (folder / part / "a.png").write_bytes(picture())
            (folder / part / "a.xml").write_text(text if part == "train" else _VOC, encoding="utf-8")
        return lambda: _read_voc(folder)

    return make


def _yolo(description: str, labels: str = "0 0.5 0.5 0.2 0.2") -> Make:
    def make(folder: Path) -> Callable[[], Any]:
        for part in ("train", "valid"):
            for kind in ("images", "labels"):
                (folder / part / kind).mkdir(parents=True)
            (folder / part / "images" / "a.png").write_bytes(picture())
            (folder / part / "labels" / "a.txt").write_text(labels, encoding="utf-8")
        (folder / "data.yaml").write_text(description, encoding="utf-8")
        return lambda: _read_yolo(folder)

    return make


def _read_voc(folder: Path) -> Any:
    from bench.detection import voc

    lists = voc.find_lists(folder)
    assert lists is not None
    return voc.read(folder, lists)


def _read_yolo(folder: Path) -> Any:
    from bench.detection import yolo

    description = yolo.find_description(folder)
    assert description is not None
    return yolo.read(folder, description)


def rows() -> Iterator[Row]:
    for name, text in VOC.items():
        yield Row("Pascal VOC", name, _voc(text))
    for name, text in YOLO.items():
        yield Row("YOLO", name, _yolo(text))
    for name, text in YOLO_LABELS.items():
        yield Row("YOLO labels", name, _yolo("names: [cat]\ntrain: train/images\nval: valid/images", text))
