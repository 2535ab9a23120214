"""CUHK03 by the MATLAB file of Zhong et al. 2017."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from backbones.errors import InputError
from bench.reid.data_sets import read_layout

#: Identity, pair of cameras, person, camera, image; the first three to train on, then two queries and a gallery.
IMAGES = [
    (5, "1_001_1_01.png"),
    (5, "1_001_2_06.png"),
    (9, "2_004_1_01.png"),
    (7, "1_002_1_01.png"),
    (8, "1_003_2_06.png"),
    (7, "1_002_2_06.png"),
    (8, "1_003_1_02.png"),
]
PARTS = {"train_idx": [1, 2, 3], "query_idx": [4, 5], "gallery_idx": [6, 7]}


def make_cuhk03(root: Path, **changes: Any) -> Path:
    folder = root / "cuhk03"
    (folder / "images_labeled").mkdir(parents=True)
    names = np.empty((len(IMAGES), 1), dtype=object)
    for place, (_, name) in enumerate(IMAGES):
        names[place, 0] = name
        Image.new("RGB", (8, 16)).save(folder / "images_labeled" / name)
    content = {"filelist": names, "labels": np.array([[who] for who, _ in IMAGES], dtype=np.uint16)}
    # As in the file of theirs: columns of small whole numbers, counted from 1.
    content |= {part: np.array([places], dtype=np.uint16).T for part, places in PARTS.items()}
    savemat(folder / "cuhk03_new_protocol_config_labeled.mat", content | changes)
    return folder


def test_the_parts_are_those_of_the_file(tmp_path: Path) -> None:
    folder = make_cuhk03(tmp_path)
    listing = read_layout("cuhk03_labeled", tmp_path)
    assert listing.train == [
        (str(folder / "images_labeled" / name), label, camera)
        for name, label, camera in (("1_001_1_01.png", 0, 0), ("1_001_2_06.png", 0, 1), ("2_004_1_01.png", 1, 0))
    ]
    assert [(Path(file).name, *who) for file, *who in listing.query] == [
        ("1_002_1_01.png", 7, 0),
        ("1_003_2_06.png", 8, 1),
    ]
    assert [(Path(file).name, *who) for file, *who in listing.gallery] == [
        ("1_002_2_06.png", 7, 1),
        ("1_003_1_02.png", 8, 0),
    ]


def test_what_cannot_be_followed_is_named(tmp_path: Path) -> None:
    folder = make_cuhk03(tmp_path)
    (folder / "images_labeled" / "1_003_1_02.png").unlink()
    with pytest.raises(
        InputError, match=r"1_003_1_02\.png: missing, but cuhk03_new_protocol_config_labeled\.mat names"
    ):
        read_layout("cuhk03_labeled", tmp_path)
    (folder / "cuhk03_new_protocol_config_labeled.mat").write_bytes(b"no such thing")
    with pytest.raises(InputError, match="cannot be read as a MATLAB file"):
        read_layout("cuhk03_labeled", tmp_path)
    with pytest.raises(InputError, match=r"images_detected: missing; .* h5py"):
        read_layout("cuhk03_detected", tmp_path)


def test_a_file_that_is_cut_short_is_named_wherever_it_ends(tmp_path: Path) -> None:
    make_cuhk03(tmp_path)
    (found,) = tmp_path.rglob("cuhk03_new_protocol_config_labeled.mat")
    whole = found.read_bytes()
    for length in range(0, len(whole), 7):
        found.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"cuhk03_new_protocol_config_labeled\.mat: "):
            read_layout("cuhk03_labeled", tmp_path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train_idx": np.array([[99]])}, "not the protocol of Zhong"),
        ({"filelist": np.array([["a.jpg"]] * 7, dtype=object)}, "cannot read the camera from 'a.jpg'"),
        ({"filelist": np.array([["../1_001_1_01.png"]] * 7, dtype=object)}, "cannot read the camera from '../1_001"),
    ],
)
def test_another_file_is_refused(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    make_cuhk03(tmp_path, **changes)
    with pytest.raises(InputError, match=words):
        read_layout("cuhk03_labeled", tmp_path)


def test_the_file_of_the_protocol_must_be_there(tmp_path: Path) -> None:
    (make_cuhk03(tmp_path) / "cuhk03_new_protocol_config_labeled.mat").unlink()
    with pytest.raises(InputError, match=r"config_labeled\.mat: missing; expected CUHK03 .* with images_labeled/"):
        read_layout("cuhk03_labeled", tmp_path)


@pytest.mark.parametrize("name", ["1_001_3_01.png", "1_001_0_01.png", "1_001_1_01.jpg", "x" * 90])
def test_a_camera_is_one_of_two(name: str, tmp_path: Path) -> None:
    names = np.array([[name]] * 7, dtype=object)
    make_cuhk03(tmp_path, filelist=names)
    with pytest.raises(InputError, match=f"cannot read the camera from '{name[:80]}'; expected a name like 1_001_1_01"):
        read_layout("cuhk03_labeled", tmp_path)
