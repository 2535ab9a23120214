"""Collect records and published rows in one tidy frame, with a line for each metric of each run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pandas as pd

from bench.records.record import Record
from bench.tables.rows import MEASURED, Experiments, Rows, setting
from bench.tasks.metrics import METRICS

COLUMNS = (
    "source",
    "task",
    "protocol",
    "setting",
    "experiment",
    "reduced",
    "architecture",
    "name",
    "method",
    "search",
    "start",
    "seed",
    "metric",
    "label",
    "unit",
    "higher_is_better",
    "value",
)


def measurements(records: Iterable[Record], papers: Iterable[Rows] = ()) -> pd.DataFrame:
    """Collect the metrics of all runs, and those that papers print exactly, with the columns `COLUMNS`.

    `setting` must be equal for runs to be compared (`bench.tables.rows.setting`), or is the paper. `experiment` is
    equal for runs that differ only in their seed. `architecture` is the digest of the genotype, so that equal cells are
    one, or the name of a timm model; a paper's is its `identity`. `search` is the record of the search that found the
    architecture, and `start` that of the run whose weights a run started from; both may be empty.

    Args:
        papers: the published rows of some tasks.
    """
    lines = []
    experiments = Experiments()
    for record in records:
        own = record.name if record.task == "search" else ""
        found = next((parent.record for parent in record.parents if parent.role == "search"), own)
        run = (MEASURED, record.task, record.protocol, setting(record), experiments.of(record), bool(record.reduced))
        architecture = record.architecture.digest or record.architecture.name
        start = record.initial_weights.record if record.initial_weights else None
        whose = (architecture, record.architecture.name, record.method, found, start or "", record.seed)
        for metric in METRICS.get(record.task, ()):
            if metric.key in record.metrics:
                what = (metric.key, metric.label, metric.unit, metric.higher_is_better)
                lines.append((*run, *whose, *what, record.metrics[metric.key].value))
    for place, row in enumerate(row for rows in papers for row in rows if row.published is not None):
        assert row.published is not None
        paper, said = row.published.paper, row.labels
        # Which rows of two tables are of one network, the rows say; without a word, those that print one name.
        architecture = said.get("identity") or said.get("zoo") or said["architecture"]
        for metric in METRICS[row.task]:
            number = row.numbers.get(metric.key)
            if number is not None and number.value is not None and number.exact and "protocol" in said:
                run = (paper, row.task, said["protocol"], paper, str(place), False)
                whose = (architecture, said["architecture"], said.get("method", ""), "", "", 0)
                what = (metric.key, metric.label, metric.unit, metric.higher_is_better)
                lines.append((*run, *whose, *what, number.value))
    return pd.DataFrame(lines, columns=list(COLUMNS))


def of_metric(frame: pd.DataFrame, task: str, metric: str) -> Iterator[pd.DataFrame]:
    """Yield the lines of one metric, for each protocol and setting."""
    kept = frame[(frame["task"] == task) & (frame["metric"] == metric)]
    for _, lines in kept.groupby(["protocol", "setting"], sort=True):
        yield lines


def unambiguous(lines: pd.DataFrame) -> pd.DataFrame:
    """Select the lines of one metric and setting, without those of an architecture that has two numbers.

    Two experiments of one architecture and name differ in their weights or method: which number would be its own? A
    paper may print one network under two names, but not two networks of one identity.
    """
    name = lines["name"].where(lines["source"] == MEASURED, "")
    return lines[lines.groupby(["architecture", name])["experiment"].transform("nunique") == 1]


def by_seed(lines: pd.DataFrame) -> pd.DataFrame:
    """Arrange one metric of one setting with a row per architecture and a column per seed, NaN without a run.

    Runs of one architecture under two names are averaged.
    """
    return lines.pivot_table("value", "architecture", "seed", aggfunc="mean", sort=True)


def scores(lines: pd.DataFrame) -> pd.DataFrame:
    """Arrange as `by_seed`, with the sign changed if smaller is better."""
    return by_seed(lines) * (1.0 if lines["higher_is_better"].iloc[0] else -1.0)


def starts(lines: pd.DataFrame) -> pd.DataFrame:
    """Arrange as `by_seed` the records of the runs whose weights the runs started from."""
    return lines.pivot_table("start", "architecture", "seed", aggfunc="first", sort=True)
