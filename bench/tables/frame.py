"""Records and published rows together: the rows of a task's table, and all runs as one tidy pandas frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from backbones.errors import InputError
from bench.records.record import Record
from bench.records.sections import many_objects
from bench.records.store import RecordStore
from bench.tables.numbers import signed
from bench.tables.over_random import with_gains
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
    return Rows.join([papers, with_differences(with_gains(measured, metrics), papers, metrics)])


def with_differences(rows: Rows | Iterable[Row], published: Rows | Iterable[Row], metrics: Sequence[Metric]) -> Rows:
    """The rows, with `<metric>_difference` where a paper has the number: mean minus published value.

    The published number must be of the same genotype under the same protocol, run in full; where two tables have it,
    the first one's is taken.
    """
    rows, papers = Rows.of(rows), Rows.of(published)
    comparable = papers.about["published"].map(lambda row: row is not None and row.comparable).astype(bool)
    papers = papers.take(comparable & papers.about["digest"].notna())
    papers = papers.take(~_network(papers).duplicated())
    found = pd.MultiIndex.from_frame(_network(papers)).get_indexer(pd.MultiIndex.from_frame(_network(rows)))
    known = rows.measured & ~rows.reduced & (found >= 0) & rows.about["digest"].notna()
    if not known.any():
        return rows
    keys = [metric.key for metric in metrics if metric.key in rows.values and metric.key in papers.values]
    theirs = papers.values[keys].where(papers.exact[keys]).iloc[found].set_axis(rows.values.index)
    differences = (rows.values[keys] - theirs).where(known, axis=0).add_suffix("_difference")
    compared = (papers.label("source") + " (" + papers.label("group") + ")").iloc[found].set_axis(known.index)
    rows = rows.with_numbers(differences, differences.map(lambda value: "" if pd.isna(value) else signed(value)))
    return rows.with_labels("compared", compared.where(known, ""))


def _network(rows: Rows) -> pd.DataFrame:
    return pd.DataFrame({"protocol": rows.label("protocol"), "digest": rows.about["digest"]})


def results_frame(task: str | None, results: Path, published: bool, notice: Notice) -> pd.DataFrame:
    """All runs of one task or of all tasks, and all published rows.

    Columns: `FIRST`; every metric under its key, in its own unit; `params_m`, `macs_m` and `macs_b` (millions,
    billions), `search_cost` (device-days), `seconds`, `peak_memory` (bytes), and what else the papers' tables have. A
    number that a paper prints has its digits beside it, under `<key>_text`. A hole is NaN, and so is a number that a
    paper prints as a bound or as approximate. `reduced` says why a run is not a full one; it is empty for a full one.
    """
    find = find_record(results, notice)
    frames = []
    with many_objects():
        for name in [task] if task else list(METRICS):
            if published:
                frames.append(_tidy(published_rows(name, results)))
            frames.append(_tidy(measured_rows(read_records(results, name, notice), METRICS[name], find, each=True)))
    frame = pd.concat(frames, ignore_index=True)
    numbers = [key for key in frame if key not in FIRST]
    types = dict.fromkeys(FIRST, "string") | {"seed": "Int64", "published": "bool"}
    types |= {key: "string" if key.endswith("_text") else "float64" for key in numbers}
    return frame[[*FIRST, *numbers]].astype(types)


def _tidy(rows: Rows) -> pd.DataFrame:
    runs = [records[0] if records else None for records in rows.about["records"]]
    numbers = rows.values.where(rows.exact).drop(columns="seeds", errors="ignore")
    frame = pd.DataFrame({key: rows.label(key) for key in ("protocol", "architecture", "method", "source")}).assign(
        task=rows.about["task"],
        published=rows.about["published"].notna(),
        reduced=rows.about["reduced"].map("; ".join),
        seed=pd.array([run and run.seed for run in runs], dtype="Int64"),
        record=[run and run.name for run in runs],
        **{str(key): numbers[key] for key in numbers},
    )
    if any(runs):
        cost = {key: [run and getattr(run.cost, key) for run in runs] for key in ("seconds", "peak_memory")}
        return frame.assign(**cost)
    printed = rows.texts[list(numbers)]
    return frame.join(printed.where(printed != "").add_suffix("_text"))
