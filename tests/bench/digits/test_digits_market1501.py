from __future__ import annotations

import contextlib
import io
import json
import re
from pathlib import Path

import pytest
from PIL import Image

from bench.digits.source import load_split

with contextlib.redirect_stdout(io.StringIO()):
    from torchreid.reid.data.datasets.image.market1501 import Market1501

NAME = re.compile(r"(-1|\d{4})_c[1-3]s1_\d{6}_00\.jpg")


@pytest.fixture(scope="module")
def market(digits_root: Path) -> Market1501:
    # Its pattern is searched for in the whole path, so the path must not look like a file name.
    assert not re.search(r"[-\d]+_c\d", str(digits_root))
    return Market1501(root=str(digits_root), verbose=False)


def test_torchreid_reads_it(market: Market1501):
    assert len(market.train) == 1440
    assert (market.num_train_pids, market.num_train_cams) == (240, 3)
    assert len(market.query) == 180
    assert len(market.gallery) == 450


def test_files_are_named_and_sized_as_they_should_be(digits_root: Path):
    paths = sorted((digits_root / "market1501").rglob("*.jpg"))
    assert all(NAME.fullmatch(path.name) for path in paths)
    assert len({path.name for path in paths}) == len(paths) == 1440 + 180 + 450 + 6
    for path in paths[::50]:
        with Image.open(path) as image:
            assert (image.mode, image.size) == ("RGB", (32, 64))


def test_every_query_has_a_match_from_another_camera(market: Market1501):
    gallery = {(pid, camera) for _, pid, camera, _ in market.gallery}
    for _, pid, camera, _ in market.query:
        assert {(pid, other) for other in range(3) if other != camera} <= gallery


def test_gallery_has_the_queries_identities_and_distractors(market: Market1501):
    queries = {item[1] for item in market.query}
    assert {item[1] for item in market.gallery} == queries | {0}
    assert len(queries) == 60


def test_identities_are_digits_of_the_split(digits_root: Path, market: Market1501):
    split = load_split(0)
    sources = {int(k): v for k, v in json.loads((digits_root / "market1501/identities.json").read_text()).items()}
    train = {int(Path(item[0]).name[:4]) for item in market.train}
    test = {item[1] for item in market.query}
    assert train | test == set(sources)
    assert not train & test
    assert len(set(sources.values())) == len(sources)
    assert {sources[pid] for pid in train} <= set(split.train.sources.tolist())
    assert {sources[pid] for pid in test} <= set(split.val.sources.tolist())


def test_no_two_shots_are_alike(digits_root: Path):
    contents = [path.read_bytes() for path in (digits_root / "market1501").rglob("*.jpg")]
    assert len(set(contents)) == len(contents)
