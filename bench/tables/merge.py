"""All rows of a task: the papers' and those of records, never in one row."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bench.records.record import Record
from bench.tables.build import with_differences
from bench.tables.over_random import with_gains
from bench.tables.published import published_rows
from bench.tables.retrained import with_test_errors
from bench.tables.rows import FindRecord, Row, measured_rows
from bench.tasks.metrics import METRICS


def merged_rows(
    task: str,
    records: Iterable[Record],
    find_search: FindRecord,
    trainings: Iterable[Record] = (),
    results: Path | None = None,
) -> list[Row]:
    """The published rows and behind them the measured ones, with their differences to the published numbers.

    Args:
        trainings: classifications, for what searches have led to; needed for the task `search` alone.
        results: the folder whose `published/` has more rows, or None.
    """
    papers, metrics = published_rows(task, results), METRICS[task]
    measured = measured_rows(records, metrics, find_search)
    if task == "search":
        measured = with_test_errors(measured, trainings)
    return [*papers, *with_differences(with_gains(measured, metrics), papers, metrics)]
