"""Marks behind an architecture's name, and the columns that a run brings with it."""

from __future__ import annotations

from collections.abc import Callable

from bench.records.record import Record
from bench.tables import LIMIT_MARK, REDUCED_MARK, Table, build_table, render
from bench.tasks.metrics import METRICS
from tests.bench.tables.conftest import metric

MakeRecord = Callable[..., Record]
COLUMNS = METRICS["classification"]


def names(table: Table) -> list[str]:
    return [row["architecture"].text for group in table.groups for _, row in group.rows]


def test_a_network_at_the_limit_of_its_protocol_is_marked(make_record: MakeRecord) -> None:
    """ "Less than 600M" (P-DARTS 5.3.2): one that has exactly as many is too large."""
    marked = {}
    for macs in (599_999_999, 600_000_000, 700_000_000, None):
        cost = {"seconds": 1.0, "peak_memory": 1, "params": 1_000_000, "macs": 10, "published_macs": macs}
        table = build_table("t", [make_record(config={"macs_limit": 600_000_000}, cost=cost)], COLUMNS)
        marked[macs] = names(table) == [f"PDARTS {LIMIT_MARK}"]
        note = f"{LIMIT_MARK} classification/digits: 600 M multiply-adds or more"
        assert (note in render(table, "markdown")) == marked[macs]
    assert marked == {599_999_999: False, 600_000_000: True, 700_000_000: True, None: False}


def test_a_network_can_carry_both_marks(make_record: MakeRecord) -> None:
    record = make_record(config={"macs_limit": 1_000_000}, reduced=["4 epochs"])
    table = build_table("t", [record, make_record(protocol="classification/other")], COLUMNS)
    assert sorted(names(table)) == ["PDARTS", f"PDARTS {REDUCED_MARK} {LIMIT_MARK}"]
    text = render(table, "markdown")
    assert f"{REDUCED_MARK} classification/digits: reduced run (4 epochs)" in text
    assert f"{LIMIT_MARK} classification/digits: 1 M multiply-adds or more" in text


def test_columns_are_those_that_a_run_has(make_record: MakeRecord) -> None:
    best = {"top1_error": metric(6.0), "best_top1_error": metric(4.0), "best_epoch": metric(3.0)}
    table = build_table("t", [make_record(metrics=best)], COLUMNS)
    assert not [column.key for column in table.columns if column.key.startswith(("best_", "validation"))]
    chosen = {"top1_error": metric(6.0), "validation_error": metric(7.0)}
    other = make_record(protocol="classification/other", metrics=chosen)
    table = build_table("t", [make_record(metrics=best), other], COLUMNS)
    assert "validation_error" in [column.key for column in table.columns]
    assert not [column.key for column in table.columns if column.key.startswith("best_")]
