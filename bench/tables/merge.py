"""All rows of a task: the papers' and those of records, never in one row."""

from __future__ import annotations

from collections.abc import Iterable

from bench.metrics import METRICS
from bench.records import Record
from bench.tables.build import with_differences
from bench.tables.published import published_rows
from bench.tables.rows import FindRecord, Row, measured_rows


def merged_rows(task: str, records: Iterable[Record], find_search: FindRecord) -> list[Row]:
    """The published rows and behind them the measured ones, with their differences to the published numbers."""
    papers, metrics = published_rows(task), METRICS[task]
    return [*papers, *with_differences(measured_rows(records, metrics, find_search), papers, metrics)]
