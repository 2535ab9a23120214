"""Ranked lists of a trained PCB, and their pictures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw

from bench.commands.cli import main
from bench.reid import data_manager, distances, ranked_lists, reranking
from bench.reid.data_sets import read_layout
from bench.reid.listing import JUNK
from bench.reid.model import build_pcb
from bench.reid.pictures import CELL, COLOURS, FRAME, LISTS, draw
from bench.reid.ranked_lists import Ranked, RankedList, _spread, nearest_of, rank_listing
from bench.reid.ranking import Labels
from bench.reid.schema import ReidConfig
from bench.reid.task import ReidTask
from bench.tasks.contract import Job
from tests.bench.reid.conftest import TEST_IDENTITIES, MakeProtocol
from tests.bench.reid.test_reid_task import ARCHITECTURE


def test_a_list_leaves_out_what_the_ranking_leaves_out() -> None:
    query = Labels(torch.tensor([7, 8]), torch.tensor([0, 0]))
    gallery = Labels(torch.tensor([7, JUNK, 0, 7, 8]), torch.tensor([0, 1, 1, 1, 0]))
    # Equal distances: the lower index is nearer.
    distances = torch.tensor([[0.0, 0, 2, 2, 1], [0.0, 0, 0, 0, 0]])
    assert nearest_of(distances, query, gallery, 10) == [[4, 2, 3], [0, 2, 3]]
    assert nearest_of(distances, query, gallery, 2) == [[4, 2], [0, 2]]


def test_a_picture_frames_right_and_wrong(tmp_path: Path) -> None:
    files = []
    for place, size in enumerate(((20, 40), (40, 20), (1, 90))):
        files.append(str(tmp_path / f"{place}.png"))
        Image.new("RGB", size, (0, 0, 255)).save(files[-1])
    images = [Ranked((files[1], 3, 1), 0.25, True), Ranked((files[2], 4, 2), 0.5, False)]
    picture = draw(RankedList((files[0], 3, 0), images))
    frames = [picture.getpixel((6 + place * (CELL[0] + 2 * FRAME + 6) + 1, 60)) for place in range(3)]
    assert frames == [COLOURS["query"], COLOURS["right"], COLOURS["wrong"]]


def test_the_command_draws_what_a_run_has_left(
    tiny_protocol: MakeProtocol, market1501_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = ReidTask().run(Job(tiny_protocol(), ARCHITECTURE, 0, tmp_path / "work"))
    capsys.readouterr()
    command = [
        "reid",
        "rank",
        str(outcome.checkpoint),
        "--out",
        str(tmp_path / "out"),
        "--queries",
        "5",
        "--length",
        "4",
    ]
    assert main(command) == 0
    said = capsys.readouterr().out.splitlines()
    # The scores of the record: nothing but the pictures is new.
    assert said[0].startswith(f"rank-1 {outcome.metrics['rank1']:.2f} %")
    assert said[0].endswith(f"mAP {outcome.metrics['map']:.2f} %")
    assert said[1:] == ["12 queries · 21 gallery images", f"5 pictures in {tmp_path / 'out'}"]
    assert len(list((tmp_path / "out").glob("*.png"))) == 5
    lists = json.loads((tmp_path / "out" / LISTS).read_text())
    for ranked in lists:
        _, who, camera = ranked["query"]
        assert who in TEST_IDENTITIES
        distances = [image["distance"] for image in ranked["images"]]
        assert len(distances) == 4
        assert distances == sorted(distances)
        for image in ranked["images"]:
            assert image["right"] == (image["image"][1] == who)
            assert image["image"][1:] != [who, camera]

    folder = market1501_root / "market1501" / "Market-1501-v15.09.15"
    assert main([*command, "--data", str(folder)]) == 0
    assert capsys.readouterr().out.splitlines() == said
    assert main([*command, "--metric", "cosine"]) == 0
    # All parts' vectors have length 1: the order is that of Euclidean distance.
    assert capsys.readouterr().out.splitlines() == said
    assert main([*command, "--rerank"]) == 0
    assert capsys.readouterr().out.splitlines() != said


def test_images_that_cannot_be_ranked_are_named(
    tiny_protocol: MakeProtocol, market1501_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = ReidTask().run(Job(tiny_protocol(epochs=0, workers=1), ARCHITECTURE, 0, tmp_path / "work"))
    folder = tmp_path / "data"
    shutil.copytree(market1501_root / "market1501" / "Market-1501-v15.09.15", folder)
    command = ["reid", "rank", str(outcome.checkpoint), "--data", str(folder), "--out", str(tmp_path / "out")]
    broken = next((folder / "query").glob("*.jpg"))
    broken.write_bytes(b"no image")
    capsys.readouterr()
    assert main(command) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith(f"wildnas: {broken}: cannot be read as an image")
    for file in (folder / "query").glob("*.jpg"):
        file.unlink()
    assert main(command) == 2
    assert f"{folder / 'query'}: no images" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_what_is_no_checkpoint_of_a_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"state_dict": {"weight": torch.ones(1)}}, tmp_path / "other.pth")
    assert main(["reid", "rank", str(tmp_path / "other.pth"), "--out", str(tmp_path)]) == 2
    assert "other.pth: not a checkpoint of re-identification" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert main(["reid", "rank", str(tmp_path / "other.pth"), "--out", str(tmp_path / "file")]) == 2
    assert "ranked_lists.json: cannot be written: " in capsys.readouterr().err
    assert main(["reid", "rank", str(tmp_path / "none.pth"), "--out", str(tmp_path)]) == 2
    assert "none.pth: no such checkpoint" in capsys.readouterr().err


def test_a_picture_is_laid_out_to_the_pixel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells of 112 x 168 with a frame of 6 and a gap of 6 pixels, below a line of 24 and above three of 15."""
    written: list[tuple[tuple[int, int], str]] = []
    monkeypatch.setattr(ImageDraw.ImageDraw, "text", lambda pen, place, text, *how: written.append((place, text)))
    files = []
    for number, size in enumerate(((20, 40), (40, 20), (1, 90), (1, 900))):
        files.append(str(tmp_path / f"{number}.png"))
        Image.new("RGB", size, (0, 0, 255)).save(files[-1])
    found = [Ranked((file, 3, camera), 0.25, True) for camera, file in enumerate(files[1:], start=1)]
    picture = draw(RankedList((files[0], 3, 0), found))
    assert picture.size == (6 + 4 * 130, 24 + 180 + 45 + 12)
    white, grey, blue = (255, 255, 255), (225, 225, 225), (0, 0, 255)
    for number, colour in enumerate([COLOURS["query"], *[COLOURS["right"]] * 3]):
        left, right, top, bottom = 6 + 130 * number, 6 + 130 * number + 123, 30, 209
        corners = [(left, top), (right, top), (left, bottom), (right, bottom), (left + 5, 100), (right - 5, 100)]
        assert {picture.getpixel(corner) for corner in corners} == {colour}
        beside = [(left - 1, top), (left, top - 1), (right + 1, bottom), (right, bottom + 1)]
        assert {picture.getpixel(place) for place in beside} == {white}
        assert picture.getpixel((left + 6, 36)) != colour
    # Images keep their proportions, in the middle: 84 x 168, 112 x 56, 2 x 168 and 1 x 168 pixels.
    drawn = [(14, 0, 84, 168), (0, 56, 112, 56), (55, 0, 2, 168), (55, 0, 1, 168)]
    every = [(column, row) for column in range(CELL[0]) for row in range(CELL[1])]
    for number, (x, y, width, height) in enumerate(drawn):
        left, top = 12 + 130 * number, 36
        cell = picture.crop((left, top, left + CELL[0], top + CELL[1]))
        inside = {place for place in every if cell.getpixel(place) == blue}
        assert inside == {place for place in every if x <= place[0] < x + width and y <= place[1] < y + height}
        assert {cell.getpixel(place) for place in every} <= {blue, grey}
    assert written[:4] == [((6, 6), "0.png"), ((6, 212), "query"), ((6, 227), "identity 3"), ((6, 242), "camera 1  ")]
    assert written[4:7] == [((136, 212), "1. right"), ((136, 227), "identity 3"), ((136, 242), "camera 2  0.250")]


@pytest.mark.parametrize(
    ("count", "chosen"), [(1, [3]), (2, [3, 6]), (3, [3, 5, 7]), (5, [3, 4, 5, 7, 8]), (9, [3, 4, 5, 6, 7, 8, 9])]
)
def test_shown_queries_are_spread_over_all(count: int, chosen: list[int]) -> None:
    assert _spread(range(3, 10), count) == chosen


@pytest.mark.parametrize("changes", [{}, {"metric": "cosine"}, {"rerank": {"k1": 5, "k2": 2}}])
def test_lists_have_the_distances_that_are_ranked_by(
    changes: dict[str, object], tiny_protocol: MakeProtocol, market1501_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Twelve queries in blocks of five.
    for module in (distances, reranking, ranked_lists):
        monkeypatch.setattr(module, "BLOCK", 5)
    config = ReidConfig.model_validate(tiny_protocol(**changes).config)
    listing = read_layout("market1501", market1501_root)
    torch.manual_seed(0)
    pcb = build_pcb(config, ARCHITECTURE.design, 6)
    told: list[tuple[float, str]] = []
    ranking, lists = rank_listing(pcb, config, listing, 4, 30, lambda *each: told.append(each))
    assert [ranked.query for ranked in lists] == listing.query[::3]
    transform = data_manager.test_transform(config)
    with torch.no_grad():
        queries, gallery = (
            pcb.eval()(torch.stack([transform(Image.open(file)) for file, *_ in images]))
            for images in (listing.query, listing.gallery)
        )
    if config.rerank is not None:
        expected = torch.cat(list(reranking.reranked(queries, gallery, "euclidean", 5, 2)))
    elif config.metric == "cosine":
        expected = 1 - torch.cosine_similarity(queries[:, None], gallery, dim=2)
    else:
        expected = torch.cdist(queries, gallery)
    for number, ranked in zip((0, 3, 6, 9), lists, strict=True):
        asked = listing.query[number]
        kept = [index for index, image in enumerate(listing.gallery) if image[1:] != asked[1:]]
        assert len(ranked.images) == len(kept)
        by_image = {listing.gallery[index]: float(expected[number, index]) for index in kept}
        for found in ranked.images:
            assert found.distance == pytest.approx(by_image[found.image], abs=2e-3)
            assert found.right == (found.image[1] == asked[1])
    assert ranking.queries == 12
    assert told[-1] == (1.0, "ranking")
    assert max(done for done, doing in told if doing.endswith("queries")) == 0.5
    assert min(done for done, doing in told if doing.endswith("gallery")) > 0.5
