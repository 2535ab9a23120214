"""Records and published rows as one tidy pandas frame: a row for every run and for every row of a paper."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.records.record import Record
from bench.records.sections import many_objects
from bench.tables.published import published_rows
from bench.tables.rows import FindRecord, Row, measured_rows
from bench.tables.selection import Notice, find_record, read_records
from bench.tasks.metrics import METRICS

if TYPE_CHECKING:
    from pandas import DataFrame

#: The words and marks of a row; behind them come its numbers.
FIRST = ("task", "protocol", "architecture", "method", "seed", "source", "published", "reduced", "record")


def results_frame(task: str | None, results: Path, published: bool, notice: Notice) -> DataFrame:
    """The frame of one task or of all.

    Columns: `FIRST`; every metric under its key, in its own unit; `params_m`, `macs_m` and `macs_b` (millions,
    billions), `search_cost` (device-days), `seconds`, `peak_memory` (bytes), and what else the papers' tables have.
    A hole is NaN, and so is a number that a paper prints as a bound or as `about`. `reduced` says why a run is not a
    full one; it is empty for a full one.
    """
    import pandas as pd

    find = find_record(results, notice)
    rows: list[dict[str, Any]] = []
    with many_objects():
        for name in [task] if task else list(METRICS):
            rows += map(_published, published_rows(name, results)) if published else ()
            for record in read_records(results, name, notice):
                rows += _measured(record, find)
    numbers = dict.fromkeys(key for row in rows for key in row if key not in FIRST)
    frame = pd.DataFrame(rows, columns=[*FIRST, *numbers])
    types = dict.fromkeys(FIRST, "string") | {"seed": "Int64", "published": "bool"} | dict.fromkeys(numbers, "float64")
    return frame.astype(types)


def _measured(record: Record, find: FindRecord) -> Iterator[dict[str, Any]]:
    for row in measured_rows([record], METRICS[record.task], find):
        cost = {"seconds": record.cost.seconds, "peak_memory": record.cost.peak_memory}
        yield {**_common(row), "seed": record.seed, "reduced": "; ".join(row.reduced), "record": record.name, **cost}


def _published(row: Row) -> dict[str, Any]:
    return {**_common(row), "reduced": "", "published": True}


def _common(row: Row) -> dict[str, Any]:
    words = {key: row.labels.get(key, "") for key in ("protocol", "architecture", "method", "source")}
    numbers = {key: number.value for key, number in row.numbers.items() if number.exact and key != "seeds"}
    return {"task": row.task, **words, "published": False, **numbers}
