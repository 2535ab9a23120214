"""Inputs as people have them: a row for each case with what is made and what must come of it.

Every row is checked by `wildnas data check PROTOCOL --data FOLDER`: it ends with counts, which tell of what was
repaired or passed over, or with one line that names the file. The kinds are those of public bug reports.
"""

from __future__ import annotations

import os
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mmengine
import numpy as np
import pytest
from mmengine.registry import DefaultScope
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin
from torch import Tensor

from bench.commands.cli import main
from bench.detection import repairs
from tests.bench.made_inputs import (
    COCO_2017,
    FROM_ZERO,
    add_root,
    all_of,
    classification,
    coco,
    each,
    image_folder,
    market,
    picture,
    voc,
    yolo,
)

PROTOCOLS = {
    "classification": ("classification/digits", "batch_size=4"),
    "search": ("search/digits_pc_darts", "batch_size=2"),
    "reid": ("reid/digits_p3", "batch_size=4"),
    "detection": ("detection/digits_ssd",),
}

Make = Callable[[Path], Any]


def put(make: Make, *changes: Make) -> Make:
    def made(root: Path) -> None:
        make(root)
        for change in changes:
            change(root)

    return made


def write(name: str, content: bytes = b"x") -> Make:
    def change(root: Path) -> None:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)

    return change


def draw(name: str, **settings: Any) -> Make:
    return lambda root: picture(root / name, (32, 32), **settings)


def zipped(make: Make) -> Make:
    """The parts of a data set as zip files in the place of folders."""

    def made(root: Path) -> None:
        make(root)
        for part in ("train", "val"):
            shutil.make_archive(str(root / part), "zip", root / part)
            shutil.rmtree(root / part)

    return made


def with_member(name: str, content: bytes = b"x") -> Make:
    def change(root: Path) -> None:
        with zipfile.ZipFile(root / "train.zip", "a") as archive:
            archive.writestr(name, content)

    return change


def long_text(root: Path) -> Path:
    """A PNG with a text chunk that unpacks to 80 MB."""
    text = PngImagePlugin.PngInfo()
    text.add_text("note", "a" * 80_000_000, zip=True)
    return picture(root, (32, 32), pnginfo=text)


def renamed(old: str, new: bytes) -> Make:
    return lambda root: os.rename(os.fsencode(root / old), os.path.join(os.fsencode((root / old).parent), new))


def jpeg(root: Path, exif: int, **settings: Any) -> None:
    tags = Image.Exif()
    tags[0x0112] = exif
    for part in ("train", "val"):
        for file in (root / f"{part}2017").iterdir():
            image = Image.open(file)
            image.load()
            image.save(file, exif=tags, **settings)


MPO: dict[str, Any] = {"format": "MPO", "save_all": True, "append_images": [Image.new("RGB", (96, 64))]}
UPRIGHT = each("images", width=64, height=96)

POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 6 4\nshowpage\n"

#: What is said where there is nothing to say.
HIDDEN = "nothing passed over"

#: Kind of input, task, what is made, and what must be said: `counts` in the report, or `error: ` and the one line.
ROWS: list[tuple[str, str, Make, str]] = [
    ("image folders", "classification", classification, "8  train images"),
    ("zip files", "classification", zipped(classification), "8  train images"),
    ("a search's folder", "search", classification, "8  images"),
    (
        "sixteen-bit grey",
        "classification",
        put(classification, lambda r: Image.fromarray(np.zeros((32, 32), np.uint16)).save(r / "train/cat/0.png")),
        "8  train images",
    ),
    ("hidden file", "classification", put(classification, write("train/cat/._0.png")), HIDDEN),
    (
        "hidden folder",
        "classification",
        put(classification, write("train/.ipynb_checkpoints/0.png")),
        HIDDEN,
    ),
    (
        "hidden file, search",
        "search",
        put(classification, write("train/cat/.DS_Store")),
        HIDDEN,
    ),
    (
        "hidden file, zip",
        "classification",
        put(zipped(classification), with_member("cat/._0.png")),
        HIDDEN,
    ),
    (
        "macOS' zip",
        "classification",
        put(zipped(classification), with_member("__MACOSX/cat/._0.png")),
        HIDDEN,
    ),
    (
        "Windows' thumbnails",
        "classification",
        put(classification, write("val/dog/Thumbs.db")),
        HIDDEN,
    ),
    ("other suffix", "classification", put(classification, write("train/cat/notes.txt")), "1  passed over: .txt files"),
    (
        "other suffix, zip",
        "classification",
        put(zipped(classification), with_member("cat/notes.txt")),
        "1  passed over: .txt",
    ),
    ("too deep", "classification", put(classification, draw("train/cat/more/x.png")), "1  passed over: images deeper"),
    (
        "too deep, zip",
        "classification",
        put(zipped(classification), with_member("cat/more/x.png")),
        "1  passed over: images deeper",
    ),
    (
        "beside the classes",
        "classification",
        put(classification, draw("train/x.png")),
        "1  passed over: images outside",
    ),
    (
        "beside the classes, zip",
        "classification",
        put(zipped(classification), with_member("x.png")),
        "1  passed over: images outside",
    ),
    *(
        (f"suffix {s}", "classification", put(classification, draw(f"train/cat/x{s}")), "9  train images")
        for s in (".bmp", ".tif", ".TIFF", ".webp", ".PPM", ".JPG")
    ),
    (
        "cut off",
        "classification",
        put(classification, write("train/cat/0.png", b"\x89PNG\r\n\x1a\n")),
        "error: train/cat/0.png: cannot be read",
    ),
    (
        "cut off, zip",
        "classification",
        put(zipped(classification), with_member("cat/x.png", b"\x89PNG")),
        "error: train.zip/cat/x.png: cannot be read",
    ),
    (
        "cut off, search",
        "search",
        put(classification, write("train/cat/0.png", b"\x89PNG")),
        "error: train/cat/0.png: cannot be read",
    ),
    (
        "empty file",
        "classification",
        put(classification, write("train/cat/0.png", b"")),
        "error: train/cat/0.png: an empty file",
    ),
    (
        "PostScript",
        "classification",
        put(classification, write("train/cat/0.png", POSTSCRIPT)),
        "error: of no known format",
    ),
    (
        "PostScript, search",
        "search",
        put(classification, write("train/cat/0.png", POSTSCRIPT)),
        "error: of no known format",
    ),
    (
        "large text",
        "classification",
        put(classification, lambda r: long_text(r / "train/cat/0.png")),
        "error: train/cat/0.png: cannot be read",
    ),
    (
        "name of other bytes",
        "classification",
        put(classification, renamed("train/cat/0.png", b"\xff.png")),
        r"error: \xff.png: the name is not UTF-8",
    ),
    (
        "class of other bytes",
        "classification",
        put(classification, renamed("train/cat", b"c\xe4t")),
        "error: the name is not UTF-8",
    ),
    (
        "no layout",
        "classification",
        lambda r: image_folder(r),
        "error: expected train/<class>/<image> and val/<class>/<image>",
    ),
    ("Market-1501's names", "reid", market, "8  train images"),
    (
        "VeRi's cameras",
        "reid",
        lambda r: market(r, lambda i, c, n: f"{i:04d}_c{c:03d}_{n:08d}_0.jpg"),
        "8  train images",
    ),
    ("camera 0", "reid", lambda r: market(r, lambda i, c, n: f"{i:04d}_c{c - 1}_{n}.jpg"), "8  train images"),
    ("identity 0", "reid", lambda r: market(r, lambda i, c, n: f"{i - 1:04d}_c{c}_{n}.jpg"), "2  train identities"),
    *(
        (
            f"names ending in {s}",
            "reid",
            lambda r, s=s: market(r, lambda i, c, n: f"{i:04d}_C{c}_{n}{s}"),
            "8  train images",
        )
        for s in (".png", ".bmp", ".JPG", ".PNG")
    ),
    ("hidden file", "reid", put(market, write("query/._0003_c1s1_000000_00.jpg")), HIDDEN),
    ("other suffix", "reid", put(market, write("query/list.txt")), "1  passed over: .txt files"),
    ("identity of 200 digits", "reid", put(market, draw(f"query/{'9' * 200}_c1_0.jpg")), "error: at most 18 digits"),
    (
        "large text",
        "reid",
        put(market, lambda r: long_text(r / "query/0003_c1s1_000099_00.png")),
        "error: 0003_c1s1_000099_00.png: cannot be read",
    ),
    (
        "PostScript",
        "reid",
        put(market, write("query/0003_c1s1_000099_00.png", POSTSCRIPT)),
        "error: of no known format",
    ),
    (
        "name of other bytes",
        "reid",
        put(market, renamed("query/0003_c1s1_000010_00.jpg", b"0003_c1_\xff.jpg")),
        "error: the name is not UTF-8",
    ),
    ("COCO 2017", "detection", coco, "4  train images"),
    ("ids from 0", "detection", lambda r: coco(r, FROM_ZERO), f"8  {repairs.REPAIRED}{repairs.FROM_ZERO}"),
    (
        "no area",
        "detection",
        lambda r: coco(r, each("annotations", area=...)),
        f"8  {repairs.REPAIRED}{repairs.NO_AREA}",
    ),
    (
        "no iscrowd",
        "detection",
        lambda r: coco(r, each("annotations", iscrowd=...)),
        f"8  {repairs.REPAIRED}{repairs.NO_CROWD}",
    ),
    (
        "categories as texts",
        "detection",
        lambda r: coco(r, each("annotations", category_id=str, iscrowd=float)),
        f"8  {repairs.REPAIRED}{repairs.AS_TEXT}",
    ),
    (
        "sizes as decimals",
        "detection",
        lambda r: coco(r, each("images", width=float, height=str)),
        f"8  {repairs.REPAIRED}{repairs.AS_TEXT}",
    ),
    (
        "boxes as texts",
        "detection",
        lambda r: coco(r, each("annotations", bbox=lambda b: list(map(str, b)))),
        f"8  {repairs.REPAIRED}{repairs.AS_TEXT}",
    ),
    (
        "image ids as texts",
        "detection",
        lambda r: coco(
            r, all_of(each("images", id=lambda n: f"img{n}"), each("annotations", image_id=lambda n: f"img{n}"))
        ),
        f"8  {repairs.REPAIRED}{repairs.TEXT_IDS}",
    ),
    (
        "image ids as numbers in texts",
        "detection",
        lambda r: coco(r, each("images", id=str)),
        f"8  {repairs.REPAIRED}{repairs.AS_TEXT}",
    ),
    (
        "backslashes",
        "detection",
        lambda r: coco(r, each("images", file_name=lambda n: f"images\\{n}"), ("{part}2017/images", COCO_2017[1])),
        f"8  {repairs.REPAIRED}{repairs.BACKSLASH}",
    ),
    ("a root category", "detection", lambda r: coco(r, add_root), f"2  {repairs.REPAIRED}{repairs.ROOT}"),
    (
        "Roboflow's layout",
        "detection",
        lambda r: coco(r, layout=("{part}", "{part}/_annotations.coco.json"), names={"train": "train", "val": "valid"}),
        "4  val images",
    ),
    (
        "CVAT's layout",
        "detection",
        lambda r: coco(
            r,
            layout=("images/{part}", "annotations/instances_{part}.json"),
            names={"train": "Train", "val": "Validation"},
        ),
        "4  val images",
    ),
    (
        "labelme's layout",
        "detection",
        lambda r: coco(
            r, each("images", file_name=lambda n: f"JPEGImages\\{n}"), ("{part}/JPEGImages", "{part}/annotations.json")
        ),
        f"8  {repairs.REPAIRED}{repairs.BACKSLASH}",
    ),
    (
        "Label Studio's layout",
        "detection",
        lambda r: coco(r, FROM_ZERO, ("{part}/images", "{part}/result.json")),
        f"8  {repairs.REPAIRED}{repairs.FROM_ZERO}",
    ),
    ("an MPO as it is seen", "detection", lambda r: (coco(r, UPRIGHT), jpeg(r, 6, **MPO)), "4  train images"),
    (
        "an MPO as it is stored",
        "detection",
        lambda r: (coco(r), jpeg(r, 6, **MPO)),
        "error: is 64x96 pixels, not 96x64 as annotated",
    ),
    ("an upside-down MPO", "detection", lambda r: (coco(r), jpeg(r, 3, **MPO)), "4  train images"),
    (
        "ids that are lists",
        "detection",
        lambda r: coco(r, each("annotations", image_id=[1])),
        "error: image_id [1] is not among the file's images",
    ),
    (
        "boxes of 400 digits",
        "detection",
        lambda r: coco(r, each("annotations", bbox=[0, 0, 10**400, 1])),
        "error: expected [x, y, width, height]",
    ),
    (
        "annotations without an id",
        "detection",
        lambda r: coco(r, each("annotations", id=...)),
        "error: expected an object with a whole number as 'id'",
    ),
    (
        "texts and numbers for ids",
        "detection",
        lambda r: coco(r, lambda c: c["images"][0].update(id="a")),
        "error: expected an object with a whole number as 'id'",
    ),
    (
        "an image of another's number",
        "detection",
        lambda r: coco(r, each("images", id=lambda n: f"img{n}")),
        "error: image_id None is not among the file's images",
    ),
    ("PostScript", "detection", put(coco, write("train2017/train001.jpg", POSTSCRIPT)), "error: of no known format"),
    (
        "a file name of half a character",
        "detection",
        lambda r: coco(r, each("images", file_name="\ud800.jpg")),
        "error: expected a file name",
    ),
    ("YOLO", "detection", yolo, "4  train annotations"),
    ("Pascal VOC", "detection", voc, "3  train annotations"),
    (
        "YOLO, class out of names",
        "detection",
        put(yolo, write("labels/train/0.txt", b"7 .5 .5 .1 .1\n")),
        "error: labels/train/0.txt:1: class '7' is not in data.yaml's names",
    ),
    (
        "YOLO, no numbers",
        "detection",
        put(yolo, write("labels/train/0.txt", b"0 a b c d\n")),
        "error: labels/train/0.txt:1:",
    ),
    (
        "YOLO, not a number",
        "detection",
        put(yolo, write("labels/train/0.txt", b"0 nan .5 .1 .1\n")),
        "error: labels/train/0.txt",
    ),
    (
        "YOLO that leads out",
        "detection",
        put(yolo, write("data.yaml", b"train: ../../etc\nval: images/val\nnames: [box]\n")),
        "error: data.yaml: train: '../../etc'",
    ),
    ("YAML that is none", "detection", put(yolo, write("data.yaml", b"a: [")), "error: data.yaml: not a YAML file"),
    (
        "YAML with aliases",
        "detection",
        put(yolo, write("data.yaml", b"a: &a [1]\nb: [*a, *a]\n")),
        "error: data.yaml: has YAML aliases",
    ),
    (
        "XML that is none",
        "detection",
        put(voc, write("Annotations/train0.xml", b"<annotation>")),
        "error: train0.xml: cannot be read as a Pascal VOC",
    ),
    ("no annotations", "detection", classification, "error: holds no annotations of a known format; expected COCO"),
]


@pytest.mark.parametrize(("kind", "task", "make", "said"), ROWS, ids=[f"{task}: {kind}" for kind, task, _, _ in ROWS])
def test_an_input_is_used_or_named_in_one_line(
    kind: str, task: str, make: Make, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "mine"
    root.mkdir()
    make(Path("mine"))
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    protocol, *options = PROTOCOLS[task]
    code = main(["data", "check", protocol, "--data", "mine", "--cfg-options", *options][: None if options else -1])
    out, err = capsys.readouterr()
    lines = (
        [line for line in err.splitlines() if not line.startswith("wildnas: mine: ")] if code == 0 else err.splitlines()
    )
    if said.startswith("error: "):
        assert code == 2
        assert said.removeprefix("error: ") in err
        assert len(lines) <= 2
        assert "Traceback" not in err
    else:
        assert code == 0, err
        if said == HIDDEN:
            assert re.search(r"(?m)^ +8  (train )?images$", out)
            assert "passed over" not in out
        else:
            assert said in re.sub(r"(?m)^ +", "", out)
        # What it was found to be, and the fingerprint.
        assert len(lines) == 1
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def seen_by(file: Path) -> dict[str, NDArray[np.uint8]]:
    """The pixels of an image file, RGB, as each of the tasks reads them."""
    import bench.detection.components  # noqa: F401 - registers the reader
    from bench.reid.data_manager import ListedDataset
    from bench.reid.listing import Listing
    from bench.reid.ranked_lists import _Images
    from search.data.settings import Proxy
    from search.data.sources import find_source, list_images

    root, image = file.parents[1], (str(file), 0, 0)
    proxy = Proxy(root=str(root), image_size=8, mean=(0, 0, 0), std=(1, 1, 1))
    trained = ListedDataset(Listing(root, [image], [image], [image]), transform=np.asarray, mode="train")
    with DefaultScope.overwrite_default_scope("mmdet"):
        pipeline = mmengine.dataset.Compose([{"type": "LoadImageFromFile", "backend_args": None}])
    return {
        "classification": np.asarray(list_images(root).open(0)),
        "search": np.asarray(find_source(proxy).open(0)),
        "re-identification": _numpy(trained[0]["img"]),
        "ranking": _numpy(_Images([image], np.asarray)[0]["img"]),
        "detection": pipeline({"img_path": str(file)})["img"][:, :, ::-1],
    }


def _numpy(image: Any) -> NDArray[np.uint8]:
    return image.numpy() if isinstance(image, Tensor) else np.asarray(image)


def _exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


COLOURS = (np.arange(16 * 24 * 3).reshape(16, 24, 3) % 251).astype(np.uint8)
PICTURES: dict[str, tuple[Image.Image, dict[str, Any]]] = {
    "8-bit PNG": (Image.fromarray(COLOURS), {"format": "PNG"}),
    "8-bit JPEG": (Image.fromarray(COLOURS), {"format": "JPEG"}),
    "16-bit PNG": (Image.fromarray(COLOURS[..., 0].astype(np.uint16) * 257), {"format": "PNG"}),
    "16-bit TIFF": (Image.fromarray(COLOURS[..., 0].astype(np.uint16) * 257), {"format": "TIFF"}),
    "CMYK": (Image.fromarray(COLOURS).convert("CMYK"), {"format": "JPEG"}),
    "palette": (Image.fromarray(COLOURS).quantize(16), {"format": "PNG"}),
    "alpha": (Image.fromarray(np.dstack([COLOURS, COLOURS[..., 0]])), {"format": "PNG"}),
    "grey": (Image.fromarray(COLOURS[..., 0]), {"format": "JPEG"}),
    "grey with alpha": (Image.fromarray(COLOURS[..., :2], mode="LA"), {"format": "PNG"}),
    **{
        f"EXIF {orientation} in {kind}": (
            Image.fromarray(COLOURS),
            {"format": kind, "exif": _exif(orientation), **more},
        )
        for orientation in range(1, 9)
        for kind, more in (
            ("JPEG", {}),
            ("MPO", {"save_all": True, "append_images": [Image.fromarray(COLOURS)]}),
            ("PNG", {}),
            ("WEBP", {"lossless": True}),
        )
    },
}


@pytest.mark.parametrize("kind", PICTURES)
def test_a_picture_has_the_same_pixels_in_all_tasks(kind: str, tmp_path: Path) -> None:
    image, settings = PICTURES[kind]
    file = tmp_path / "class" / "0001_c1_0.png"
    file.parent.mkdir()
    image.save(file, **settings)
    seen = seen_by(file)
    for task, pixels in seen.items():
        assert pixels.dtype == np.uint8, task
        assert np.array_equal(pixels, seen["classification"]), task
    turned = "EXIF" in kind and kind[5] in "5678"
    assert seen["detection"].shape == ((24, 16, 3) if turned else (16, 24, 3))


def test_an_ordinary_picture_is_what_opencv_reads(tmp_path: Path) -> None:
    """So that no number of an earlier version of detection changes: its keys and its version stay."""
    import cv2

    for kind in ("8-bit PNG", "8-bit JPEG", "grey"):
        image, settings = PICTURES[kind]
        file = tmp_path / kind / "0001_c1_0.png"
        file.parent.mkdir()
        image.save(file, **settings)
        assert np.array_equal(seen_by(file)["detection"][:, :, ::-1], cv2.imread(str(file)))
