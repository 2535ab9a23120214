from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backbones.files import file_digest
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.report.curves import read_curves, search_figure, training_figure

Write = Callable[..., Record]


@pytest.fixture
def write(make_record: Callable[..., Record], tmp_path: Path) -> Write:
    """Write a record with a curve of these epochs."""

    def write(epochs: list[dict[str, Any]], **changes: Any) -> Record:
        file = tmp_path / "curve.jsonl"
        file.write_text("".join(json.dumps(epoch) + "\n" for epoch in epochs), encoding="utf-8")
        record = make_record(curve=file_digest(file), **changes)
        RecordStore(tmp_path).write(record, curve=file)
        return record

    return write


def link(record: Record) -> str:
    return f"#{record.name}"


def epoch(stage: int, number: int, value: float) -> dict[str, Any]:
    return {
        "stage": stage,
        "epoch": number,
        "alpha_entropy_normal": value,
        "alpha_entropy_reduce": value + 1,
        "skip_count": 2,
        "train_accuracy": 10 * value,
        "genotype": {},
    }


def test_a_search_is_three_plots_through_all_its_stages(write: Write, tmp_path: Path) -> None:
    records = [
        write(
            [epoch(1, 1, 2.0 + seed), epoch(1, 2, 1.5), epoch(2, 1, 1.6), epoch(2, 2, 1.2)],
            task="search",
            protocol="search/p_darts_cifar10",
            seed=seed,
        )
        for seed in (0, 1)
    ]
    curves, problems = read_curves(records, RecordStore(tmp_path))
    assert problems == []
    panels = search_figure(curves, link).panels
    assert [panel.title for panel in panels] == [
        "search/p_darts_cifar10: entropy of α",
        "search/p_darts_cifar10: skip connections in the normal cell",
        "search/p_darts_cifar10: supernet's training accuracy",
    ]
    entropy = panels[0]
    assert entropy.marks == (2.5,)
    assert [series.name for series in entropy.series] == [
        f"seed {seed}, {cell}" for seed in (0, 1) for cell in ("normal cell", "reduction")
    ]
    assert [(point.x, point.y) for point in entropy.series[2].points] == [(1, 3.0), (2, 1.5), (3, 1.6), (4, 1.2)]
    assert [point.y for point in entropy.series[3].points] == [4.0, 2.5, 2.6, 2.2]
    assert entropy.series[2].points[0].link == "#search/p_darts_cifar10/PDARTS/seed1"
    assert [series.name for series in panels[1].series] == ["seed 0", "seed 1"]
    assert [point.y for point in panels[2].series[0].points] == [20, 15, 16, 12]


def test_trainings_and_reduced_ones_stand_apart(write: Write, tmp_path: Path) -> None:
    line = {"epoch": 1, "top1_error": 50.0}
    records = [
        write([line, {"epoch": 2, "top1_error": 40.0}], seed=0),
        # An epoch without a score, such as one that was not validated, is a hole.
        write([line, {"epoch": 2}, {"epoch": 3, "top1_error": 30.0}], seed=1, reduced=["option epochs=3"]),
    ]
    curves, _ = read_curves(records, RecordStore(tmp_path))
    full, reduced = training_figure(curves, link).panels
    assert (full.title, reduced.title) == (
        "classification/digits: top-1 error",
        "classification/digits †: top-1 error",
    )
    assert [(point.x, point.y) for point in full.points] == [(1, 50.0), (2, 40.0)]
    assert [(point.x, point.y) for point in reduced.points] == [(1, 50.0), (3, 30.0)]
    assert search_figure(curves, link).panels == ()


def test_a_training_that_was_scored_once_has_no_curve(write: Write, tmp_path: Path) -> None:
    ends = [{"epoch": 1}, {"epoch": 2, "top1_error": 40.0}]
    curves, _ = read_curves([write(ends, seed=0), write(ends, seed=1)], RecordStore(tmp_path))
    assert training_figure(curves, link).panels == ()
    # Beside one with a curve, it is a point of the same plot.
    whole = write([{"epoch": 1, "top1_error": 50.0}, {"epoch": 2, "top1_error": 45.0}], seed=2)
    curves, _ = read_curves([write(ends, seed=0), whole], RecordStore(tmp_path))
    (panel,) = training_figure(curves, link).panels
    assert [(point.x, point.y) for point in panel.points] == [(2, 40.0), (1, 50.0), (2, 45.0)]


def test_a_curve_that_cannot_be_used_is_named(write: Write, make_record: Callable[..., Record], tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    gone, another, sound = (write([{"epoch": 1, "top1_error": 1.0}], seed=seed) for seed in range(3))
    store.curve_path(gone.name).unlink()
    store.curve_path(another.name).write_text('{"epoch": 1, "top1_error": 0.1}\n', encoding="utf-8")
    curves, problems = read_curves([gone, another, sound, make_record(seed=9)], store)
    assert [curve.record.seed for curve in curves] == [2]
    assert problems == [
        f"{store.curve_path(gone.name)}: cannot be read: No such file or directory",
        f"{store.curve_path(another.name)}: is not the curve that its record was written with",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [('{"epoch": 1\n', "not a line of JSON for every epoch: "), ("[1]\n", "not a JSON object for every epoch")],
)
def test_a_broken_curve_is_named(text: str, problem: str, make_record: Callable[..., Record], tmp_path: Path) -> None:
    file = tmp_path / "curve.jsonl"
    file.write_text(text, encoding="utf-8")
    record, store = make_record(curve=file_digest(file)), RecordStore(tmp_path)
    store.write(record, curve=file)
    curves, problems = read_curves([record], store)
    assert curves == []
    assert problems[0].startswith(f"{store.curve_path(record.name)}: {problem}")
