"""YOLO's and Pascal VOC's files as COCO's: line by line, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from globox import BoundingBox
from PIL import Image

from backbones.errors import InputError
from bench.detection import voc, yolo
from bench.detection.conversion import as_coco, images_below, read_small, within
from bench.detection.own_data import _first_names


def picture(file: Path, width: int = 100, height: int = 50) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height)).save(file)
    return file


def test_images_are_found_in_all_folders_but_hidden_ones(tmp_path: Path) -> None:
    names = ["b.jpg", "a/2.png", "a/1.png", ".hidden/3.png", "a/notes.txt"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert images_below(tmp_path) == [tmp_path / "a/1.png", tmp_path / "a/2.png", tmp_path / "b.jpg"]


def test_a_path_stays_in_its_folder(tmp_path: Path) -> None:
    assert within(tmp_path, "a/../b.jpg", "x") == tmp_path / "b.jpg"
    for name in ("../b.jpg", "a/../../b.jpg", "/etc/passwd", "a\0b", "../" + tmp_path.name + "x"):
        with pytest.raises(InputError, match=r"^x: .* leads out of "):
            within(tmp_path, name, "x")


def test_a_file_of_labels_has_a_bound(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"\xef\xbb\xbf0 1")
    assert read_small(file) == "0 1"
    with file.open("wb") as stream:
        stream.truncate((1 << 24) + 1)
    with pytest.raises(InputError, match="16,777,217 bytes; expected 16,777,216 at most"):
        read_small(file)


def test_boxes_are_numbered_from_one_and_rounded(tmp_path: Path) -> None:
    files = [picture(tmp_path / name) for name in ("a.png", "s/b.png")]
    boxes = [
        BoundingBox(label="cup", xmin=1.23449, ymin=2, xmax=4.23449, ymax=6),
        BoundingBox(label="mug", xmin=0, ymin=0, xmax=1, ymax=2),
    ]
    content = as_coco(tmp_path, [(files[0], boxes, "x"), (files[1], boxes[:1], "x")], {"mug": 5, "cup": 0})
    assert content["images"] == [
        {"id": 1, "file_name": "a.png", "width": 100, "height": 50},
        {"id": 2, "file_name": "s/b.png", "width": 100, "height": 50},
    ]
    first = {"id": 1, "image_id": 1, "category_id": 0, "bbox": [1.234, 2.0, 3.0, 4.0], "area": 12.0, "iscrowd": 0}
    second = {"id": 2, "image_id": 1, "category_id": 5, "bbox": [0.0, 0.0, 1.0, 2.0], "area": 2.0, "iscrowd": 0}
    assert content["annotations"] == [first, second, {**first, "id": 3, "image_id": 2}]
    assert content["categories"] == [{"id": 5, "name": "mug"}, {"id": 0, "name": "cup"}]
    wide = BoundingBox(label="cup", xmin=0, ymin=0, xmax=1e300, ymax=1)
    with pytest.raises(InputError, match=r"^x: a box of 'cup' is not finite"):
        as_coco(tmp_path, [(files[0], [wide], "x")], {"cup": 0})


def described(folder: Path, text: str) -> dict[str, dict[str, Any]]:
    (folder / "data.yaml").write_text(text, encoding="utf-8")
    return yolo.read(folder, folder / "data.yaml")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three training images and one to validate on, without labels."""
    for name in ("images/train/a.png", "images/train/b.png", "images/train/c.png", "images/val/d.png"):
        picture(tmp_path / name)
    (tmp_path / "labels/train").mkdir(parents=True)
    return tmp_path


GOOD = "train: images/train\nval: images/val\nnames: [cup, mug]\n"


def test_a_description_is_the_named_or_the_only_file(tmp_path: Path) -> None:
    assert yolo.find_description(tmp_path) is None
    for name in ("mine.yaml", "dataset.yml", "dataset.yaml", "data.yml", "data.yaml"):
        (tmp_path / name).touch()
        assert yolo.find_description(tmp_path) == tmp_path / name
    for name in ("dataset.yml", "dataset.yaml", "data.yml", "data.yaml"):
        (tmp_path / name).unlink()
    (tmp_path / "other.yml").touch()
    assert yolo.find_description(tmp_path) is None


def test_a_line_of_labels_is_a_box_or_a_polygon(folder: Path) -> None:
    (folder / "labels/train/a.txt").write_text("\n1.0 0.5 0.5 0.2 0.4\n0 0.1 0.2 0.3 0.2 0.3 0.6\n", encoding="utf-8")
    (folder / "labels/train/b.txt").write_text("0 0.5 0.5 1 1 0.9\n", encoding="utf-8")
    content = described(folder, GOOD)
    found = [(entry["image_id"], entry["category_id"], entry["bbox"]) for entry in content["train"]["annotations"]]
    # A sixth number is a score.
    assert found == [
        (1, 1, [40.0, 15.0, 20.0, 20.0]),
        (1, 0, [10.0, 10.0, 20.0, 20.0]),
        (2, 0, [0.0, 0.0, 100.0, 50.0]),
    ]
    assert [image["file_name"] for image in content["val"]["images"]] == ["images/val/d.png"]
    assert content["val"]["categories"] == [{"id": 0, "name": "cup"}, {"id": 1, "name": "mug"}]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("2 0.5 0.5 1 1", r"a\.txt:1: class '2' is not in data\.yaml's names, 0 to 1"),
        ("\n0 0.5 0.5 1", r"a\.txt:2: '0 0\.5 0\.5 1': expected 'class x y width height' as shares"),
        ("0 0.5 x 1 1", r"a\.txt:1: .*expected 'class x y"),
        ("0.5 0.5 0.5 1 1", r"class '0\.5' is not in"),
    ],
)
def test_a_line_that_is_none_is_named(lines: str, said: str, folder: Path) -> None:
    (folder / "labels/train/a.txt").write_text(lines, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        described(folder, GOOD)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 501, "has more than 500 opening brackets"),
        ("{" * 250 + "[" * 251, "has more than 500 opening brackets"),
        ("[" * 500, "not a YAML file"),
        ("a: &x 1\nb: *x\n" + GOOD, "has YAML aliases"),
        ("- 1", "expected YAML with the keys names, train and val"),
        ("a: b: c", "not a YAML file"),
        ("train: images/train\nval: images/val", "key 'names': expected the categories' names"),
        (GOOD.replace("[cup, mug]", "[]"), "key 'names': expected the categories' names"),
        (GOOD.replace("[cup, mug]", "cup"), "key 'names': expected the categories' names"),
        (GOOD.replace("[cup, mug]", "{-1: cup}"), "expected whole numbers from 0 to 99999 as keys"),
        (GOOD.replace("[cup, mug]", "{100000: cup}"), "expected whole numbers from 0 to 99999 as keys"),
        (GOOD.replace("[cup, mug]", "{true: cup}"), "expected whole numbers from 0 to 99999 as keys"),
        (GOOD.replace("[cup, mug]", "[cup, cup]"), "two categories have the same name"),
        (GOOD.replace("train: images/train\n", ""), "key 'train' is missing"),
        (GOOD.replace("images/val", "images"), ""),
        (GOOD.replace("images/val", "labels"), "val: no image in 'labels'; expected one or more"),
        (GOOD.replace("images/val", "nowhere"), "val: 'nowhere': no such folder or list of images"),
        (GOOD.replace("images/val", "[1]"), "val: expected a path, or a list of paths"),
        (GOOD.replace("images/val", "a/../../b"), "val: .*leads out of"),
        (GOOD.replace("images/val", "data.yaml"), "val: 'data.yaml': no such folder or list"),
    ],
)
def test_a_description_that_cannot_be_used_is_refused(text: str, said: str, folder: Path) -> None:
    if not said:
        assert len(described(folder, text)["val"]["images"]) == 4
        return
    with pytest.raises(InputError, match=said):
        described(folder, text)


def test_names_by_number_and_parts_by_other_words(folder: Path) -> None:
    (folder / "list.txt").write_text("images/val/d.png\n\nimages/train/a.png\nnotes.txt\n", encoding="utf-8")
    text = "train: [images/train, images/val]\nvalid: list.txt\nnames: {99999: b, 3: a}\npath: /somewhere/else\n"
    content = described(folder, text)
    assert content["train"]["categories"] == [{"id": 3, "name": "a"}, {"id": 99999, "name": "b"}]
    assert [len(content[part]["images"]) for part in ("train", "val")] == [4, 2]
    with pytest.raises(InputError, match="key 'names': expected the categories' names"):
        yolo._categories({"names": [str(number) for number in range(100_001)]}, Path("x"))
    assert len(yolo._categories({"names": [str(number) for number in range(100_000)]}, Path("x"))) == 100_000


@pytest.mark.parametrize(
    ("image", "labels"),
    [
        ("/d/images/train/a.jpg", "/d/labels/train/a.txt"),
        ("/images/images/a.jpg", "/images/labels/a.txt"),
        ("images/a.jpg", "labels/a.txt"),
        ("/d/train/a.jpg", "/d/train/a.txt"),
        ("/d/train/images", "/d/train/images.txt"),
    ],
)
def test_labels_lie_beside_the_last_images(image: str, labels: str) -> None:
    assert yolo._label_file(Path(image)) == Path(labels)


OBJECT = "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>2</ymin><xmax>20</xmax><ymax>12</ymax></bndbox></object>"


def test_image_sets_of_voc_name_images_and_annotations(tmp_path: Path) -> None:
    assert voc.find_lists(tmp_path) is None
    for name in ("JPEGImages/a.jpg", "JPEGImages/b.PNG", "JPEGImages/c.jpg"):
        picture(tmp_path / name)
    (tmp_path / "Annotations").mkdir()
    sets = tmp_path / "ImageSets/Main"
    sets.mkdir(parents=True)
    (sets / "train.txt").write_text("a  1\n\nb -1\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"Main: expected train\.txt and val\.txt"):
        voc.find_lists(tmp_path)
    (sets / "val.txt").write_text("c\n", encoding="utf-8")
    for name, objects in (("a", OBJECT.format("mug", 1) + OBJECT.format("cup", 10)), ("c", OBJECT.format("mug", 5))):
        (tmp_path / f"Annotations/{name}.xml").write_text(f"<annotation>{objects}</annotation>", encoding="utf-8")
    lists = voc.find_lists(tmp_path)
    assert lists is not None
    assert {part: [image.name for image, _ in pairs] for part, pairs in lists.items()} == {
        "train": ["a.jpg", "b.PNG"],
        "val": ["c.jpg"],
    }
    content = voc.read(tmp_path, lists)
    assert content["train"]["categories"] == [{"id": 1, "name": "cup"}, {"id": 2, "name": "mug"}]
    found = [(entry["category_id"], entry["bbox"]) for entry in content["train"]["annotations"]]
    assert found == [(2, [1.0, 2.0, 19.0, 10.0]), (1, [10.0, 2.0, 10.0, 10.0])]
    # An image without a file has no objects.
    assert {entry["image_id"] for entry in content["train"]["annotations"]} == {1}
    (sets / "val.txt").write_text("nobody\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"nobody\{\.bmp,.*: no such image; .*val\.txt names it"):
        voc.find_lists(tmp_path)
    (sets / "val.txt").write_text("../c\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"val\.txt: '\.\./c' leads out of"):
        voc.find_lists(tmp_path)
    (sets / "val.txt").write_text("\n", encoding="utf-8")
    lists = voc.find_lists(tmp_path)
    assert lists is not None
    with pytest.raises(InputError, match="has Pascal VOC annotations but no val images"):
        voc.read(tmp_path, lists)


def test_folders_of_voc_have_an_annotation_beside_each_image(tmp_path: Path) -> None:
    for name in ("train/a.jpg", "valid/b.jpg"):
        picture(tmp_path / name)
    assert voc.find_lists(tmp_path) is None
    (tmp_path / "train/a.xml").write_text("<annotation/>", encoding="utf-8")
    assert voc.find_lists(tmp_path) is None
    (tmp_path / "valid/b.xml").write_text("<annotation/>", encoding="utf-8")
    assert voc.find_lists(tmp_path) == {
        part: [(tmp_path / f"{name}.jpg", tmp_path / f"{name}.xml")]
        for part, name in (("train", "train/a"), ("val", "valid/b"))
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<annotation>", "cannot be read as a Pascal VOC annotation"),
        (f"<annotation>{OBJECT.format('cup', 'x')}</annotation>", "cannot be read as a Pascal VOC annotation"),
        ("<annotation><object><name>cup</name></object></annotation>", "cannot be read as a Pascal VOC annotation"),
        (f"<annotation>{OBJECT.format(' ', 1)}</annotation>", "an object has no name; expected its category"),
    ],
)
def test_an_annotation_of_voc_that_is_none_is_refused(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "a.xml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        voc._boxes(file)
    assert voc._boxes(tmp_path / "b.xml") == []


def test_the_first_names_tell_the_folder_of_images() -> None:
    images = [{"file_name": name} for name in ("a\\b.jpg", "../c.jpg", "d.jpg", "e.jpg")]
    assert list(_first_names({"images": images})) == ["a/b.jpg", "d.jpg"]
    odd = [3, {"file_name": 7}, {"file_name": "x\0y"}]
    assert list(_first_names({"images": odd})) == list(_first_names({"images": 3})) == list(_first_names([1])) == []
    for name, meant in (
        ("x" * 249, True),
        ("x" * 250, False),
        ("a\nb", False),
        ("C:\\a.jpg", False),
        ("/a.jpg", False),
    ):
        assert bool(list(_first_names({"images": [{"file_name": name}]}))) == meant
