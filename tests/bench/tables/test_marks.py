"""Marks behind an architecture's name, and the columns that a run brings with it."""

from __future__ import annotations

from collections.abc import Callable

from bench.records.record import Record
from bench.tables import LIMIT_MARK, REDUCED_MARK, Table, build_table, columns, lay_out, render
from bench.tables.published import published_rows
from bench.tables.rows import measured_rows
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


def test_a_limit_is_written_in_millions(make_record: MakeRecord) -> None:
    cost = {"seconds": 1.0, "peak_memory": 1, "params": 1, "macs": 10, "published_macs": 5_000_000_000_000}
    table = build_table("t", [make_record(config={"macs_limit": 5_000_000_000_000}, cost=cost)], COLUMNS)
    assert table.notes == (f"{LIMIT_MARK} classification/digits: 5,000,000 M multiply-adds or more",)


def test_stages_are_columns_in_the_order_of_their_numbers(make_record: MakeRecord) -> None:
    memory = {"stage_peak_memory": [round(1e9) * stage for stage in range(1, 12)]}
    record = make_record(task="search", protocol="search/s", metrics={}, resolved=memory)
    found = [column for column in build_table("t", [record], METRICS["search"]).columns if "stage" in column.key]
    assert [column.title for column in found] == [f"Memory stage {stage} (GB)" for stage in range(1, 12)]


def test_a_day_is_a_device_s_where_it_was_measured(make_record: MakeRecord) -> None:
    cost = metric(0.5) | {"unit": "device-days"}
    record = make_record(task="search", protocol="search/s", metrics={"search_cost": cost})
    papers, measured = published_rows("search"), measured_rows([record], METRICS["search"])
    for rows, unit in ((papers, "GPU"), (measured, "device"), ([*papers, *measured], "device")):
        shown = {column.key: column for column in lay_out("t", rows, METRICS["search"]).columns}
        assert shown["search_cost"].title == f"Search cost ({unit}-days)"
        # A table of records alone names no source.
        assert ("source" in shown) == (rows is not measured)


def test_a_wide_table_has_the_best_seed_and_the_difference_of_every_metric(
    seeds_of: Callable[..., list[Record]],
) -> None:
    found = seeds_of(4.0, 6.0)
    both = [
        record.model_copy(update={"metrics": {**record.metrics, "top5_error": record.metrics["top1_error"]}})
        for record in found
    ]
    rows = measured_rows(both, COLUMNS)
    shown = {
        wide: [column.key for column in lay_out("t", rows, COLUMNS, wide=wide).columns if "_error" in column.key]
        for wide in (False, True)
    }
    assert shown[False] == ["top1_error", "top1_error_best", "top5_error"]
    assert shown[True] == [*shown[False], "top5_error_best"]


def test_only_columns_of_full_tables_stay_though_they_are_empty(make_record: MakeRecord) -> None:
    """A metric that is always shown, of measured rows alone."""
    table = build_table("t", [make_record(metrics={})], COLUMNS)
    assert [column.key for column in table.columns if "_error" in column.key] == ["top1_error", "top5_error"]
    papers = [row for row in published_rows("classification") if "top5_error" not in row.numbers]
    assert "top5_error" not in [column.key for column in lay_out("t", papers, COLUMNS).columns]


def test_columns_of_every_task_know_what_is_better_and_what_are_words() -> None:
    every = columns._COLUMNS.values()
    assert {column.key for column in every if column.higher_is_better} == {"over_random"}
    assert {column.key for column in every if column.higher_is_better is False} == {
        "test_error",
        "latency_ms",
        "search_cost",
    }
    words = "protocol architecture network setting evaluation devices method source group"
    assert {column.key for column in every if not column.numeric} == set(words.split())
    assert not any(column.always for column in every)
