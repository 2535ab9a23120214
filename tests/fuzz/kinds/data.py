"""Data sets: COCO's annotations, submissions for its server, images, names of re-identification."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable, Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from tests.fuzz.kinds.changes import Change, at
from tests.fuzz.kinds.texts import NO_FILE, NO_JSON
from tests.fuzz.outcome import Row, command, refused

Make = Callable[[Path], Callable[[], Any]]


@cache
def picture(form: str = "PNG", size: tuple[int, int] = (40, 40)) -> bytes:
    stream = BytesIO()
    Image.new("RGB", size, (90, 20, 200)).save(stream, form)
    return stream.getvalue()


def _coco() -> dict[str, Any]:
    box = {"bbox": [4, 4, 20, 20], "area": 400, "iscrowd": 0}
    return {
        "images": [{"id": number, "file_name": f"{number}.png", "width": 40, "height": 40} for number in (1, 2)],
        "annotations": [{"id": number, "image_id": number, "category_id": 1, **box} for number in (1, 2)],
        "categories": [{"id": 1, "name": "cat"}],
    }


#: What no exporter means. What exporters do write is in the tests of detection.
COCO: dict[str, Change] = {
    "images of None": at("images", value=None),
    "images empty": at("images", value=[]),
    "images of numbers": at("images", value=[1, 2]),
    "categories of an object": at("categories", value={}),
    "annotations of a text": at("annotations", value="many"),
    "image id of a list": at("images", 0, "id", value=[1]),
    "image id of an object": at("images", 0, "id", value={}),
    "image id of None": at("images", 0, "id", value=None),
    "image id twice": at("images", 0, "id", value=2),
    "image_id of a list": at("annotations", 0, "image_id", value=[1]),
    "image_id of an object": at("annotations", 0, "image_id", value={"a": 1}),
    "image_id of none": at("annotations", 0, "image_id", value=99),
    "category_id of a list": at("annotations", 0, "category_id", value=[1]),
    "category_id of 400 digits": at("annotations", 0, "category_id", value=10**400),
    "category id of a list": at("categories", 0, "id", value=[1]),
    "annotation id of a list": at("annotations", 0, "id", value=[1]),
    "annotation id twice": at("annotations", 0, "id", value=2),
    "box of 400 digits": at("annotations", 0, "bbox", value=[10**400, 0, 1, 1]),
    "box of 1e308": at("annotations", 0, "bbox", value=[1e308, 1e308, 1e308, 1e308]),
    "box of NaN": at("annotations", 0, "bbox", value=[float("nan"), 0, 1, 1]),
    "box of three": at("annotations", 0, "bbox", value=[1, 2, 3]),
    "box of words": at("annotations", 0, "bbox", value=["a", "b", "c", "d"]),
    "box of an object": at("annotations", 0, "bbox", value={}),
    "area of 400 digits": at("annotations", 0, "area", value=10**400),
    "area of a list": at("annotations", 0, "area", value=[1]),
    "iscrowd of a list": at("annotations", 0, "iscrowd", value=[]),
    "width of 400 digits": at("images", 0, "width", value=10**400),
    "width of 41": at("images", 0, "width", value=41),
    "width of 0": at("images", 0, "width", value=0),
    "a name above": at("images", 0, "file_name", value="../../etc/passwd"),
    "a name from the root": at("images", 0, "file_name", value="/etc/passwd"),
    "a name of a list": at("images", 0, "file_name", value=[]),
    "a name of nothing": at("images", 0, "file_name", value=""),
    "a name of 5,000 letters": at("images", 0, "file_name", value="a" * 5000),
    "a name with NUL": at("images", 0, "file_name", value="a\x00.png"),
    "a name with half a pair": at("images", 0, "file_name", value="\ud800.png"),
    "a category of no name": at("categories", 0, "name", value=""),
    "a category of a number": at("categories", 0, "name", value=[5]),
    "no categories": lambda content: content.pop("categories"),
}


@cache
def _detection() -> dict[str, Any]:
    from search.configs import load_config

    return {**load_config("detection/digits_ssd").values, "embedded": None}


def _coco_folder(folder: Path, content: bytes | Callable[[Path], None]) -> Callable[[], Any]:
    for part in ("train2017", "val2017"):
        (folder / part).mkdir(parents=True)
        for number in (1, 2):
            (folder / part / f"{number}.png").write_bytes(picture())
    (folder / "annotations").mkdir()
    good = json.dumps(_coco()).encode()
    for part in ("train2017", "val2017"):
        file = folder / "annotations" / f"instances_{part}.json"
        if part == "train2017":
            file.write_bytes(good)
        elif isinstance(content, bytes):
            file.write_bytes(content)
        else:
            content(file)

    def read() -> Any:
        from bench.detection.coco_data import find

        values = copy.deepcopy(_detection())
        for part in ("train", "val"):
            values[f"{part}_dataloader"]["dataset"]["data_root"] = str(folder)
        return find(values)

    return read


def _coco_row(content: bytes | Callable[[Path], None]) -> Make:
    return lambda folder: _coco_folder(folder, content)


# Submissions


def _submission(entries: Any) -> Make:
    def make(folder: Path) -> Callable[[], Any]:
        from bench.detection.test_dev import check_submission

        info = {"images": [{"id": 1, "file_name": "1.jpg"}], "categories": [{"id": 1, "name": "cat"}]}
        (folder / "info.json").write_text(json.dumps(info), encoding="utf-8")
        file = folder / "detections_test-dev2017_x_results.json"
        file.write_bytes(entries if isinstance(entries, bytes) else json.dumps(entries).encode())
        return lambda: check_submission(file, folder / "info.json")

    return make


def _entry(**changes: Any) -> list[dict[str, Any]]:
    return [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5, **changes}]


SUBMISSIONS: dict[str, Any] = {
    **{name: content for name, content in NO_JSON.items() if name != "list"},
    "an image of a list": _entry(image_id=[1]),
    "an image of 1.0": _entry(image_id=1.0),
    "a category of an object": _entry(category_id={}),
    "a box of 400 digits": _entry(bbox=[10**400, 1, 1, 1]),
    "a box of None": _entry(bbox=None),
    "a score of 400 digits": _entry(score=10**400),
    "a score of NaN": _entry(score=float("nan")),
    "a score of a text": _entry(score="high"),
    "101 of one image": _entry() * 101,
    "entries of lists": [[]],
}

# Images

_WHOLE = picture()

IMAGES: dict[str, bytes] = {
    "empty": b"",
    "a text": b"no image",
    "HTML": NO_JSON["HTML"],
    "Git LFS pointer": NO_JSON["Git LFS pointer"],
    "cut in half": _WHOLE[: len(_WHOLE) // 2],
    "a header alone": _WHOLE[:33],
    "NUL": b"\x00" * 4096,
    "a JPEG that is cut": picture("JPEG")[:300],
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 40\n%%EndComments\nshowpage\n",
}


def _image(place: Callable[[Path], None]) -> Make:
    """An image that `wildnas detect` is given, which looks at it before anything else."""

    def make(folder: Path) -> Callable[[], Any]:
        place(folder / "odd.png")

        def read() -> Any:
            said = command("detect", folder / "nowhere.pth", folder / "odd.png", "--out", folder / "out")()
            # It goes on to the checkpoint, which is not there, where it takes the image for a good one.
            return said if "odd.png" in said else None

        return read

    return make


def _write(content: bytes) -> Callable[[Path], None]:
    return lambda file: file.write_bytes(content) and None


# Names of re-identification

NAMES: dict[str, str | bytes] = {
    "a 200-digit identity": "9" * 200 + "_c1s1_000001_00.png",
    "a 200-digit camera": "0001_c" + "9" * 200 + "s1_000001_00.png",
    "no camera": "0001.png",
    "no identity": "_c1s1.png",
    "an identity of letters": "abc_c1s1_000001_00.png",
    "an identity of superscripts": "²_c1s1_000001_00.png",
    "no UTF-8": b"0001_\xff\xfe.png",
    "control characters": "\x1b[2J.png",
}


def _named(name: str | bytes) -> Make:
    def make(folder: Path) -> Callable[[], Any]:
        for part in ("bounding_box_train", "query", "bounding_box_test"):
            (folder / part).mkdir()
            for identity in (1, 2):
                for camera in (1, 2):
                    (folder / part / f"{identity:04d}_c{camera}s1_000001_00.png").write_bytes(picture())
        odd = os.path.join(os.fsencode(folder), b"bounding_box_train", os.fsencode(name))
        with open(odd, "wb") as stream:
            stream.write(picture())

        def read() -> Any:
            from bench.reid.data_sets import read_layout

            found = read_layout("market_folder", folder)
            # Passed over is said by `data check`, or the name is none that could be meant.
            return refused("passed over") if len(found.train) == 4 else found

        return read

    return make


def rows() -> Iterator[Row]:
    for name, change in COCO.items():

        def changed(folder: Path, change: Change = change) -> Callable[[], Any]:
            content = copy.deepcopy(_coco())
            change(content)
            return _coco_folder(folder, json.dumps(content).encode())

        yield Row("COCO", name, changed)
    for name, content in NO_JSON.items():
        yield Row("COCO", name, _coco_row(content))
    for name, place in NO_FILE.items():
        yield Row("COCO", name, _coco_row(place))
    for name, entries in SUBMISSIONS.items():
        yield Row("submission", name, _submission(entries))
    for name, content in IMAGES.items():
        yield Row("image", name, _image(_write(content)))
    for name, place in NO_FILE.items():
        yield Row("image", name, _image(place))
    for name, given in NAMES.items():
        yield Row("name", name, _named(given), refused=False)
