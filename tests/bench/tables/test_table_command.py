"""`wildnas table`: what is selected, sorted and grouped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bench.commands.cli import main
from bench.records.record import Record
from bench.records.store import RecordStore

MakeRecord = Callable[..., Record]


@pytest.fixture
def results(tmp_path: Path, make_record: MakeRecord) -> Path:
    store = RecordStore(tmp_path)
    values = [2.6, 2.7]
    for seed, value in enumerate(values):
        metrics = {"top1_error": {"value": value, "unit": "%", "higher_is_better": False}}
        store.write(make_record(seed=seed, protocol="classification/cifar10", metrics=metrics))
    store.write(make_record(reduced=["option epochs=1"]))
    return tmp_path


@pytest.fixture
def table(results: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., list[dict[str, Any]]]:
    def run(*options: str) -> list[dict[str, Any]]:
        assert main(["table", "classification", "--results", str(results), "--format", "json", *options]) == 0
        rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["rows"]
        return rows

    return run


Run = Callable[..., list[dict[str, Any]]]


def test_published_and_measured_rows_stand_together(table: Run) -> None:
    rows = [row for row in table() if row["protocol"] == "classification/cifar10"]
    assert [row["published"] for row in rows].count(False) == 1
    # P-DARTS Table 1 without its two large networks, and PC-DARTS Table 1.
    assert len(rows) == 15 + 14 + 1
    mine = next(row for row in rows if not row["published"])
    assert mine["top1_error_difference"] == pytest.approx(0.15)
    assert (mine["seeds"], mine["top1_error_best"]) == (2, 2.6)


def test_rows_are_selected(table: Run) -> None:
    assert [row["reduced"] for row in table("--reduced-only")] == ["option epochs=1"]
    assert len(table("--measured")) == 2
    assert len(table("--measured", "--full-only")) == 1
    assert all(row["published"] for row in table("--published"))
    assert {row["protocol"] for row in table("--protocol", "*/cifar100*")} == {
        "classification/cifar100",
        "classification/cifar100_large",
    }
    assert {row["method"] for row in table("--method", "RL", "SMBO")} == {"RL", "SMBO"}
    # By the zoo's name a published row is found as a measured one is by its own.
    assert {row["published"] for row in table("--architecture", "PDARTS", "--protocol", "*/cifar10")} == {True, False}
    bracketed = "SNAS (mild)"
    assert {row["architecture"] for row in table("--architecture", bracketed)} == {bracketed}


def test_rows_are_sorted_best_first_with_holes_last(table: Run) -> None:
    rows = table("--protocol", "classification/imagenet_mobile", "--sort", "top5_error")
    values = [row["top5_error"] for row in rows]
    held = [value for value in values if value is not None]
    assert held == sorted(held)
    assert values[len(held) :] == [None] * (len(values) - len(held))
    assert len(held) < len(values)
    rows = table("--protocol", "classification/cifar10", "--sort", "Params", "--descending")
    assert rows[0]["architecture"] == "DenseNet-BC"
    rows = table("--published", "--sort", "Architecture", "--group", "none")
    assert [row["architecture"] for row in rows] == sorted(row["architecture"] for row in rows)


def test_groups_are_headings(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def headings(*options: str) -> list[str]:
        assert main(["table", "classification", "--results", str(results), *options]) == 0
        return [line for line in capsys.readouterr().out.splitlines() if line.startswith("####")]

    assert headings("--measured") == ["#### classification/cifar10", "#### classification/digits"]
    assert headings("--measured", "--group", "none") == []
    assert headings("--group", "method")[0] == "#### manual"
    published = headings("--published")
    assert "#### PC-DARTS Table 2: ImageNet (mobile setting)" in published
    # Rows are sorted within their groups.
    assert headings("--published", "--sort", "params_m") == published


def test_the_fixtures_of_earlier_versions_give_tables(capsys: pytest.CaptureFixture[str]) -> None:
    first = Path(__file__).parents[1] / "records" / "shapes" / "1-first"
    assert main(["table", "classification", "--measured", "--results", str(first)]) == 0
    out = capsys.readouterr().out
    assert "digits_pc_darts-s0-e0303617 †" in out
    # What the search of the record's parent took: 36 s.
    assert "| 0.00042 " in out


def test_parquet_has_numbers_and_their_digits(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["table", "classification", "--results", str(results), "--format", "parquet"]
    file = tmp_path / "table.parquet"
    assert main([*where, "--out", str(file)]) == 0
    os.mkfifo(tmp_path / "pipe")
    assert main([*where, "--out", str(tmp_path / "pipe")]) == 2
    assert "pipe: is a pipe, a socket or a device" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir() if "table" in path.name) == ["table.parquet"]
    frame = pd.read_parquet(file)
    papers = frame[(frame["source"] == "PC-DARTS Table 2") & (frame["architecture"] == "ShuffleNet 2× (v1)")]
    (printed,) = papers.to_dict("records")
    assert printed["params_m_text"] == "~5"
    assert pd.isna(printed["params_m"])
    assert (printed["top1_error"], printed["top1_error_text"]) == (26.4, "26.4")
    capsys.readouterr()
    assert main(where) == 2
    assert capsys.readouterr().err == "wildnas: parquet: is no text; give a file to write it to (out)\n"
    # pandas looks for pyarrow when it is imported: in a process of its own.
    call = f"from bench.commands.cli import main; sys.exit(main({[*where, '--out', str(file)]!r}))"
    command = [sys.executable, "-c", f"import sys; sys.modules['pyarrow'] = None; {call}"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 2
    assert "needs pyarrow; `pip install 'wildnas[parquet]'`" in done.stderr
