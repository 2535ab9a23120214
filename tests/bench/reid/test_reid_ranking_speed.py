"""The measurement of the ranking, at a size that takes no time."""

from __future__ import annotations

import json

import pytest

from bench.commands.cli import main
from bench.commands.speed_reid import SIZES, report
from bench.reid import ranking_speed
from bench.reid.ranking_speed import RankingSpeed, Size, measure_ranking

SMALL = Size("small", 60, 500, 20, 3)


def test_torchreid_ranks_the_same_beside_it() -> None:
    # It compares the scores of both.
    measured = measure_ranking(SMALL, dimensions=8, reference_queries=30)
    assert measured.reference_queries == 30
    assert measured.references["python"] > 0
    assert measured.scaled("python") == 2 * measured.references["python"]
    assert measured.distances > 0
    assert measured.peak_memory >= 0
    assert json.loads(json.dumps(measured.to_json()))["references_scaled"]["python"] == measured.scaled("python")


def test_the_sizes_are_the_data_sets() -> None:
    assert set(SIZES) == set(ranking_speed.SIZES)
    market, msmt = (ranking_speed.SIZES[name] for name in SIZES)
    assert (market.queries, market.gallery) == (3368, 15913)
    assert (msmt.queries, msmt.gallery) == (11659, 82161)


def test_the_report_says_what_was_scaled() -> None:
    measured = RankingSpeed(SMALL, 8, "CPU", 1.0, 0.5, 2_000_000_000, 30, {"python": 20.0, "cython": 0.5})
    lines = report(measured)
    assert "1.50 s: distances 1.00 s, ranking 0.50 s; peak memory 2.00 GB" in lines[1]
    assert "python" in lines[2]
    assert "40.0 s (scaled from 20.00 s for 30 queries): 80.0 times as long; with the distances 27.3 times" in lines[2]
    assert "cython" in lines[3]


def test_the_command_measures(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    # In this process, at a small size; the command's own process would take seconds to start.
    monkeypatch.setitem(ranking_speed.SIZES, "market1501", SMALL)
    monkeypatch.setattr("bench.reid.ranking_speed.isolated", lambda call, *arguments, hint: call(*arguments))
    command = ["speed", "reid", "--size", "market1501", "--dimensions", "8", "--reference-queries", "0"]
    assert main([*command, "--json"]) == 0
    (measured,) = json.loads(capsys.readouterr().out)["rankings"]
    assert measured["references"] == {}
    assert main(command) == 0
    assert capsys.readouterr().out.startswith("small: 60 queries, 500 gallery images, 8 dimensions")


def test_half_a_question_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for half in (["PDARTS"], ["--on", "reid/market1501_p3"]):
        assert main(["speed", "reid", *half]) == 2
        assert "expected ARCH and --on PROTOCOL, or neither" in capsys.readouterr().err
    assert main(["speed", "reid", "--kernels", "--runtimes", "eager"]) == 2
    assert "--runtimes, --kernels: without meaning for the ranking" in capsys.readouterr().err


def test_a_reference_is_scaled_by_queries() -> None:
    measured = RankingSpeed(SMALL, 8, "CPU", 1.0, 0.5, 1, 15, {"python": 3.0})
    assert measured.scaled("python") == 12.0
    market, msmt = (ranking_speed.SIZES[name] for name in SIZES)
    assert (market.identities, market.cameras) == (750, 6)
    assert (msmt.identities, msmt.cameras) == (3060, 15)


def test_made_features_are_of_the_size_and_the_seed() -> None:
    import torch

    made = [ranking_speed._made(SMALL, 8, torch.device("cpu"), seed) for seed in (0, 0, 1)]
    queries, gallery, query, shown = made[0]
    assert (queries.shape, gallery.shape, len(query), len(shown)) == ((60, 8), (500, 8), 60, 500)
    assert (int(shown.identities.min()), int(shown.identities.max())) == (1, 20)
    assert (int(shown.cameras.min()), int(shown.cameras.max())) == (0, 2)
    assert torch.equal(made[1][0], queries)
    assert not torch.equal(made[2][0], queries)


def test_no_more_queries_are_ranked_twice_than_there_are() -> None:
    measured = measure_ranking(SMALL, dimensions=8, reference_queries=100)
    assert measured.reference_queries == 60
    assert measured.scaled("python") == measured.references["python"]
    assert (measured.size, measured.dimensions) == (SMALL, 8)
    assert measure_ranking(SMALL, dimensions=8).references == {}
