"""Records and published rows together: the rows of a task's table, and all runs as one tidy pandas frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from backbones.errors import InputError
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.tables.improvement import with_gains
from bench.tables.numbers import Number, signed
from bench.tables.published import published_rows
from bench.tables.retrained import with_test_errors
from bench.tables.rows import FindRecord, Row, Rows, measured_rows
from bench.tasks.metrics import METRICS

if TYPE_CHECKING:
    from bench.tasks.contract import Metric

#: Receives a line for each thing that cannot be read.
Notice = Callable[[str], None]

#: The words and marks of `results_frame`; its numbers stand behind them.
FIRST = ("task", "protocol", "architecture", "method", "seed", "source", "published", "reduced", "record")


def read_records(results: Path, task: str | None, notice: Notice) -> list[Record]:
    """All readable records, or those of one task."""
    records, problems = RecordStore(results).read_sound(task)
    for problem in problems:
        notice(f"left out: {problem}")
    return records


def find_record(results: Path, notice: Notice) -> FindRecord:
    """A function that reads a record once when it is asked for, and returns None for one that is gone or broken."""
    store = RecordStore(results)

    @cache
    def find(name: str) -> Record | None:
        try:
            return store.find(name)
        except InputError as error:
            notice(f"left out: {error}")
            return None

    return find


def merged_rows(
    task: str,
    records: Iterable[Record],
    find_search: FindRecord,
    trainings: Iterable[Record] = (),
    results: Path | None = None,
) -> Rows:
    """The published rows, then the measured ones with their differences to the published numbers.

    Args:
        trainings: classifications of what searches found; needed for the task `search` only.
        results: the folder whose `published/` has more rows, or None.
    """
    papers, metrics = published_rows(task, results), METRICS[task]
    measured = measured_rows(records, metrics, find_search)
    if task == "search":
        measured = with_test_errors(measured, trainings)
    return Rows((*papers, *with_differences(with_gains(measured, metrics), papers, metrics)))


def with_differences(rows: Iterable[Row], published: Iterable[Row], metrics: Sequence[Metric]) -> Rows:
    """The rows, with `<metric>_difference` where a paper has the number: mean minus published value.

    The published number must be of the same genotype under the same protocol, run in full; where two tables have it,
    the first one's is taken.
    """
    known: dict[tuple[str | None, str | None], Row] = {}
    for paper in published:
        if paper.published is not None and paper.published.comparable:
            known.setdefault((paper.labels.get("protocol"), paper.digest), paper)
    return Rows(_compared(row, known.get((row.labels.get("protocol"), row.digest)), metrics) for row in rows)


def _compared(row: Row, paper: Row | None, metrics: Sequence[Metric]) -> Row:
    if paper is None or row.reduced or not row.records:
        return row
    numbers = dict(row.numbers)
    for metric in metrics:
        own, theirs = row.numbers.get(metric.key), paper.numbers.get(metric.key)
        if own and theirs and theirs.exact and own.value is not None and theirs.value is not None:
            difference = own.value - theirs.value
            numbers[f"{metric.key}_difference"] = Number(difference, signed(difference))
    compared = f"{paper.labels['source']} ({paper.labels.get('group', '')})"
    return replace(row, numbers=numbers, labels={**row.labels, "compared": compared})


def results_frame(task: str | None, results: Path, published: bool, notice: Notice) -> pd.DataFrame:
    """All runs of one task or of all tasks, and all published rows.

    Columns: `FIRST`; every metric under its key, in its own unit; `params_m`, `macs_m` and `macs_b` (millions,
    billions), `search_cost` (device-days), `seconds`, `peak_memory` (bytes), and what else the papers' tables have. A
    number that a paper prints has its digits beside it, under `<key>_text`. A hole is NaN, and so is a number that a
    paper prints as a bound or as approximate. `reduced` says why a run is not a full one; it is empty for a full one.
    """
    find = find_record(results, notice)
    frames = []
    for name in [task] if task else list(METRICS):
        if published:
            frames.append(_tidy(published_rows(name, results)))
        frames.append(_tidy(measured_rows(read_records(results, name, notice), METRICS[name], find, each=True)))
    frame = pd.concat(frames, ignore_index=True)
    numbers = [key for key in frame if key not in FIRST]
    types = dict.fromkeys(FIRST, "string") | {"seed": "Int64", "published": "bool"}
    types |= {key: "string" if key.endswith("_text") else "float64" for key in numbers}
    return frame.reindex(columns=[*FIRST, *numbers]).astype(types)


def _tidy(rows: Rows) -> pd.DataFrame:
    numbers = rows.exact(key for key in rows.numeric if key != "seeds")
    frame = rows.texts(("protocol", "architecture", "method", "source")).assign(
        task=[row.task for row in rows],
        published=[row.published is not None for row in rows],
        reduced=["; ".join(row.reduced) for row in rows],
        **{str(key): numbers[key] for key in numbers},
    )
    runs = [run for row in rows for run in row.records]
    if runs:
        cost = {key: [getattr(run.cost, key) for run in runs] for key in ("seconds", "peak_memory")}
        return frame.assign(seed=[run.seed for run in runs], record=[run.name for run in runs], **cost)
    texts = rows.texts(numbers)
    return frame.join(texts.where(texts != "").add_suffix("_text"))
