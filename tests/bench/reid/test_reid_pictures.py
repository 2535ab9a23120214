"""Ranked lists of a trained PCB, and their pictures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

from bench.commands.cli import main
from bench.reid.listing import JUNK
from bench.reid.pictures import CELL, COLOURS, FRAME, LISTS, draw
from bench.reid.ranked_lists import Ranked, RankedList, nearest_of
from bench.reid.ranking import Labels
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
    assert main(["reid", "rank", str(tmp_path / "none.pth"), "--out", str(tmp_path)]) == 2
    assert "none.pth: no such checkpoint" in capsys.readouterr().err
