"""All runs and all published rows as one tidy frame."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from bench.records.record import Record
from bench.records.store import RecordStore
from bench.tables.frame import FIRST, find_record, results_frame, with_differences
from bench.tables.published import published_rows
from bench.tasks.metrics import METRICS

MakeRecord = Callable[..., Record]
SeedsOf = Callable[..., list[Record]]


@pytest.fixture
def results(make_record: MakeRecord, seeds_of: SeedsOf, tmp_path: Path) -> Path:
    cost = {"seconds": 7200.0, "peak_memory": 4_000_000_000, "params": 2_500_000, "macs": 10}
    search = make_record(task="search", protocol="search/s", method="m", metrics={}, cost=cost)
    for record in (search, *seeds_of(4.0, 5.0, reduced=["short", "small"])):
        RecordStore(tmp_path).write(record)
    return tmp_path


def never(line: str) -> None:
    raise AssertionError(line)


def test_every_run_is_a_row(results: Path) -> None:
    frame = results_frame(None, results, False, never)
    assert tuple(frame.columns[: len(FIRST)]) == FIRST
    rows = frame.to_dict("records")
    assert [(row["task"], row["seed"], row["top1_error"], row["reduced"]) for row in rows[1:]] == [
        ("classification", 0, 4.0, "short; small"),
        ("classification", 1, 5.0, "short; small"),
    ]
    assert rows[0]["protocol"] == "search/s"
    found = [rows[0][key] for key in ("reduced", "seconds", "peak_memory", "hours", "memory_gb", "supernet_params_m")]
    assert found == ["", 7200.0, 4_000_000_000, 2.0, 4.0, 2.5]
    assert pd.isna(rows[0]["top1_error"])
    assert rows[1]["record"] == "classification/digits/PDARTS/seed0"
    assert not frame["published"].any()
    assert "seeds" not in frame
    assert (str(frame["seed"].dtype), str(frame["task"].dtype), frame["hours"].dtype) == ("Int64", "string", float)


def test_one_task_and_the_papers_rows(results: Path) -> None:
    frame = results_frame("classification", results, True, never)
    papers = published_rows("classification")
    assert frame["published"].tolist() == [True] * len(papers) + [False] * 2
    assert set(frame["task"]) == {"classification"}
    shuffle = frame[frame["architecture"] == "ShuffleNet 2× (v1)"].iloc[0]
    # A number that a paper prints as approximate is none, and its digits are beside it.
    assert (pd.isna(shuffle["params_m"]), shuffle["params_m_text"]) == (True, "~5")
    assert (shuffle["top1_error"], shuffle["top1_error_text"]) == (26.4, "26.4")
    assert pd.isna(shuffle["search_cost_text"])
    assert pd.isna(shuffle["seed"])


def test_a_record_is_read_once_and_a_broken_one_is_told(results: Path) -> None:
    told: list[str] = []
    find = find_record(results, told.append)
    found = find("search/s/PDARTS/seed0")
    assert found is not None
    assert find("search/s/PDARTS/seed0") is found
    assert find("search/s/PDARTS/seed1") is None
    assert told == []
    file = results / "records/search/s/PDARTS/seed2.json"
    file.write_text("{", encoding="utf-8")
    assert [find("search/s/PDARTS/seed2") for _ in range(2)] == [None, None]
    (line,) = told
    assert line.startswith(f"left out: {file}: ")


def test_a_paper_is_not_compared_with_itself() -> None:
    papers = published_rows("classification")
    assert with_differences(papers, papers, METRICS["classification"]) == papers
