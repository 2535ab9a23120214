"""Reading the layouts: what torchreid reads, in a fixed order, with mistakes named."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest
import torch
from PIL import Image

from backbones.errors import InputError
from bench.reid.data_sets import read_layout
from bench.reid.listing import Listing, all_asked, read_names
from bench.reid.market import read_test_folders
from bench.reid.ranking import Labels, rank_blocks
from bench.reid.torchreid_compat import import_torchreid


def test_market1501_is_read_as_torchreid_reads_it(market1501_root: Path) -> None:
    listing = read_layout("market1501", market1501_root)
    theirs = import_torchreid("data.datasets").init_image_dataset("market1501", root=str(market1501_root))
    for split in ("query", "gallery"):
        assert getattr(listing, split) == sorted(image[:3] for image in getattr(theirs, split))
    labels = dict(zip([image[0] for image in listing.train], [image[1] for image in listing.train], strict=True))
    pairs = {(labels[file], label) for file, label, _, _ in theirs.train}
    assert len(pairs) == theirs.num_train_pids == len(set(labels.values()))
    assert [image[0] for image in listing.train] == sorted(labels)
    assert (listing.distractors, listing.junk) == (9, 3)


def test_every_test_image_can_be_a_query() -> None:
    """Of the identities that are asked for; distractors and identities that only the gallery has are not."""
    query = [("q1", 1, 0), ("q2", 2, 1)]
    gallery = [("g0", 0, 0), ("g1", 1, 1), ("g2", 2, 0), ("g3", 3, 0), ("h1", 1, 0)]
    listing = all_asked(Listing(Path("data"), [("t", 0, 0)], query, gallery, distractors=1))
    assert [name for name, _, _ in listing.query] == ["g1", "g2", "h1", "q1", "q2"]
    assert [name for name, _, _ in listing.gallery] == ["g0", "g1", "g2", "g3", "h1", "q1", "q2"]
    assert (listing.train, listing.distractors) == ([("t", 0, 0)], 1)


def test_no_image_is_found_by_itself(market1501_root: Path) -> None:
    """A network that maps every image to its own point finds none at distance 0 but that of another camera."""
    listing = read_layout("market1501", market1501_root, queries="all")
    assert len(listing.query) > len(read_layout("market1501", market1501_root).query)
    distances = torch.tensor([[float(one != other) for other in listing.gallery] for one in listing.query])
    query, gallery = (
        Labels(torch.tensor([image[1] for image in images]), torch.tensor([image[2] for image in images]))
        for images in (listing.query, listing.gallery)
    )
    ranking = rank_blocks([distances], query, gallery)
    expected = []
    for one in listing.query:
        # All others are alike: by the lower gallery index.
        others = [other for other in listing.gallery if (other[1], other[2]) != (one[1], one[2])]
        if any(other[1] == one[1] for other in others):
            expected.append(others[0][1] == one[1])
    assert ranking.cmc[1] == pytest.approx(sum(expected) / len(expected))


def test_the_folders_above_do_not_matter(market1501_root: Path, tmp_path: Path) -> None:
    # torchreid finds identity 1 and camera 3 in the name of this folder, for every image.
    misleading = tmp_path / "run_1_c3"
    shutil.copytree(market1501_root, misleading)
    there, here = read_layout("market1501", misleading), read_layout("market1501", market1501_root)
    assert [image[1:] for image in there.gallery] == [image[1:] for image in here.gallery]


def test_the_older_layout_of_market1501_is_read(market1501_root: Path, tmp_path: Path) -> None:
    shutil.copytree(market1501_root / "market1501" / "Market-1501-v15.09.15", tmp_path / "market1501")
    assert len(read_layout("market1501", tmp_path).query) == 12


@pytest.mark.parametrize(
    ("dataset", "words"),
    [
        ("market1501", "Market-1501-v15.09.15/bounding_box_train: missing; .* nothing is downloaded"),
        ("dukemtmcreid", "missing; .* its authors withdrew the data set"),
        ("msmt17", "MSMT17_V1/train: missing; .*list_train.txt"),
        ("cuhk03_detected", "cuhk03/images_detected: missing; .*cuhk03_new_protocol_config_detected.mat"),
        ("market_folder", "bounding_box_train: missing; expected data_root to be a folder in Market-1501's layout"),
    ],
)
def test_a_missing_data_set_is_said_with_the_layout(dataset: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        read_layout(dataset, tmp_path)
    assert not list(tmp_path.iterdir())


def test_names_that_cannot_be_read_are_named(market1501_root: Path, tmp_path: Path) -> None:
    shutil.copytree(market1501_root, tmp_path, dirs_exist_ok=True)
    folder = tmp_path / "market1501" / "Market-1501-v15.09.15"
    (folder / "query" / "holiday.jpg").touch()
    with pytest.raises(InputError, match=r"query: cannot read identity and camera from holiday\.jpg; expected"):
        read_layout("market1501", tmp_path)
    (folder / "query" / "holiday.jpg").rename(folder / "query" / "0000_c1s1_000001_00.jpg")
    with pytest.raises(InputError, match="a query cannot be junk"):
        read_layout("market1501", tmp_path)


def test_any_folder_in_the_layout_is_read_with_other_kinds_of_images(market1501_root: Path, tmp_path: Path) -> None:
    here = read_layout("market1501", market1501_root)
    folder = tmp_path / "animals"
    shutil.copytree(here.folder, folder)
    for file in (folder / "query").glob("*.jpg"):
        file.rename(file.with_suffix(".png"))
    there = read_layout("market_folder", folder)
    for split in ("train", "query", "gallery"):
        assert [image[1:] for image in getattr(there, split)] == [image[1:] for image in getattr(here, split)]
    shutil.rmtree(folder / "bounding_box_train")
    assert read_test_folders(folder).gallery == there.gallery


def test_an_empty_part_is_named(market1501_root: Path, tmp_path: Path) -> None:
    shutil.copytree(market1501_root, tmp_path, dirs_exist_ok=True)
    for file in (tmp_path / "market1501" / "Market-1501-v15.09.15" / "query").glob("*.jpg"):
        file.unlink()
    with pytest.raises(InputError, match=r"Market-1501-v15\.09\.15: no query images"):
        read_layout("market1501", tmp_path)


def make_msmt17(root: Path) -> Path:
    folder = root / "msmt17" / "MSMT17_V1"
    for split, where in (("train", "train"), ("query", "test"), ("gallery", "test")):
        lines = []
        for identity in (0, 3):
            for camera in (1, 15):
                name = f"{identity:04d}/{identity:04d}_{split}_{camera:02d}_0303morning_0008_0.jpg"
                (folder / where / name).parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (8, 16)).save(folder / where / name)
                lines.append(f"{name} {identity}\n")
        (folder / f"list_{split}.txt").write_text("".join(reversed(lines)))
    return folder


def test_msmt17_is_read_from_its_lists(tmp_path: Path) -> None:
    folder = make_msmt17(tmp_path)
    listing = read_layout("msmt17", tmp_path)
    assert [(identity, camera) for _, identity, camera in listing.train] == [(0, 0), (0, 14), (1, 0), (1, 14)]
    # Identity 0 is a person here, not a distractor.
    assert [(identity, camera) for _, identity, camera in listing.gallery] == [(0, 0), (0, 14), (3, 0), (3, 14)]
    assert listing.distractors == 0
    assert {file.name for file in listing.annotations} == {f"list_{s}.txt" for s in ("train", "query", "gallery")}
    assert listing.folder == folder


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("../../../secret_a_01_b.jpg 0", "list_query.txt:1: .* leads out of"),
        ("/etc/secret_a_01_b.jpg 0", "leads out of"),
        ("0000/0000_a_01_b.jpg", "list_query.txt:1: expected"),
        ("0000/0000_a_01_b.jpg 0", "missing, but list_query.txt line 1 names it"),
    ],
)
def test_a_list_that_cannot_be_followed_is_refused(line: str, words: str, tmp_path: Path) -> None:
    (make_msmt17(tmp_path) / "list_query.txt").write_text(line)
    with pytest.raises(InputError, match=words):
        read_layout("msmt17", tmp_path)


def test_names_are_read_by_identity_and_camera(tmp_path: Path) -> None:
    names = ["-1_c1.jpg", "0002_c001.jpg", "0003_C7s1_1.jpg", "4_c0.png", f"{'5' * 18}_c{'6' * 18}.jpg", "notes.txt"]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / "0009_c1.jpg").mkdir()
    passed_over: Counter[str] = Counter()
    found = [(Path(file).name, *who) for file, *who in read_names(tmp_path, passed_over)]
    assert found == [
        ("-1_c1.jpg", -1, 0),
        ("0002_c001.jpg", 2, 0),
        ("0003_C7s1_1.jpg", 3, 6),
        ("4_c0.png", 4, -1),
        (names[4], int("5" * 18), int("6" * 18) - 1),
    ]
    assert sum(passed_over.values()) == 1


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([f"{'5' * 19}_c1.jpg"], f"from {'5' * 19}_c1.jpg; .* with at most 18 digits"),
        ([f"1_c{'5' * 19}.jpg"], f"from 1_c{'5' * 19}.jpg;"),
        (["x1_c1.jpg", "b.jpg", "c.jpg"], "from b.jpg, c.jpg, x1_c1.jpg; expected"),
        (["a.jpg", "b.jpg", "c.jpg", "d.jpg"], "from a.jpg, b.jpg, c.jpg and 1 more; expected"),
        (["٣_c1.jpg"], "from ٣_c1.jpg;"),
        (["x" * 90 + ".jpg"], f"from {'x' * 80}; expected"),
    ],
)
def test_the_first_three_names_that_cannot_be_read_are_named(names: list[str], said: str, tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=said):
        read_names(tmp_path, Counter())


def test_only_market1501_itself_has_distractors(market1501_root: Path, tmp_path: Path) -> None:
    market = market1501_root / "market1501" / "Market-1501-v15.09.15"
    found = read_test_folders(market)
    assert (found.distractors, found.junk, found.train) == (9, 3, [])
    shutil.copytree(market, tmp_path / "mine")
    for listing in (read_test_folders(tmp_path / "mine"), read_layout("market_folder", tmp_path / "mine")):
        assert (listing.distractors, listing.junk) == (0, 3)
        assert len(listing.gallery) == 21
    # Elsewhere identity 0 is somebody.
    query = next((tmp_path / "mine" / "query").glob("*.jpg"))
    query.rename(query.with_name("0000_c1s1_000001_00.jpg"))
    assert 0 in {image[1] for image in read_test_folders(tmp_path / "mine").query}
    junk = query.with_name("-1_c1s1_000001_00.jpg")
    query.with_name("0000_c1s1_000001_00.jpg").rename(junk)
    with pytest.raises(InputError, match="a query cannot be junk"):
        read_test_folders(tmp_path / "mine")
    shutil.copytree(market, tmp_path / "dukemtmc-reid" / "DukeMTMC-reID")
    assert read_layout("dukemtmcreid", tmp_path).distractors == 0
    train = tmp_path / "mine" / "bounding_box_train"
    junk.unlink()
    next(train.glob("*.jpg")).rename(train / "-1_c1s1_000001_00.jpg")
    with pytest.raises(InputError, match="a training image cannot be junk"):
        read_layout("market_folder", tmp_path / "mine")
    for image in (tmp_path / "mine" / "bounding_box_test").glob("*.jpg"):
        image.unlink()
    with pytest.raises(InputError, match=r"bounding_box_test: no images; expected files with"):
        read_test_folders(tmp_path / "mine")


def test_the_second_version_of_msmt17_is_read(tmp_path: Path) -> None:
    folder = make_msmt17(tmp_path)
    second = folder.rename(folder.with_name("MSMT17_V2"))
    for name in ("train", "test"):
        (second / name).rename(second / f"mask_{name}_v2")
    listing = read_layout("msmt17", tmp_path)
    assert (listing.folder, len(listing.train), len(listing.query)) == (second, 4, 4)
    (second / "list_gallery.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=r"list_gallery\.txt: cannot be read as text"):
        read_layout("msmt17", tmp_path)
    (second / "list_gallery.txt").unlink()
    with pytest.raises(InputError, match=r"list_gallery\.txt: missing; expected MSMT17 below data_root"):
        read_layout("msmt17", tmp_path)


@pytest.mark.parametrize(
    "line", ["0000/a_b_01_c.jpg 1 2", "0000/a_b_00_c.jpg 1", "0000/a_b_01.jpg 1", f"a_b_1_c.jpg {'1' * 19}"]
)
def test_a_line_of_a_list_is_named_by_its_number(line: str, tmp_path: Path) -> None:
    file = make_msmt17(tmp_path) / "list_query.txt"
    first = file.read_text().splitlines()[0]
    file.write_text(f"{first}\n{line}\n")
    with pytest.raises(
        InputError, match=r"list_query\.txt:2: expected '0000/0000_000_01_0303morning_0008_0\.jpg 0', not"
    ):
        read_layout("msmt17", tmp_path)
