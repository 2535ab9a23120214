"""Collect records in one tidy frame, with a line for each metric of each run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pandas as pd

from bench.records.record import Record
from bench.tables.rows import setting
from bench.tasks.metrics import METRICS

COLUMNS = (
    "task",
    "protocol",
    "setting",
    "reduced",
    "architecture",
    "name",
    "method",
    "search",
    "seed",
    "metric",
    "label",
    "unit",
    "higher_is_better",
    "value",
)


def measurements(records: Iterable[Record]) -> pd.DataFrame:
    """Collect the metrics of all runs, with the columns `COLUMNS`.

    `setting` must be equal for runs to be compared (`bench.tables.rows.setting`). `architecture` is the digest of the
    genotype, so that equal cells are one, or the name of a timm model. `search` is the record of the search that found
    the architecture, or empty.
    """
    lines = []
    for record in records:
        own = record.name if record.task == "search" else ""
        found = next((parent.record for parent in record.parents if parent.role == "search"), own)
        run = (record.task, record.protocol, setting(record), bool(record.reduced))
        architecture = record.architecture.digest or record.architecture.name
        whose = (architecture, record.architecture.name, record.method, found, record.seed)
        for metric in METRICS.get(record.task, ()):
            if metric.key in record.metrics:
                what = (metric.key, metric.label, metric.unit, metric.higher_is_better)
                lines.append((*run, *whose, *what, record.metrics[metric.key].value))
    return pd.DataFrame(lines, columns=list(COLUMNS))


def of_metric(frame: pd.DataFrame, task: str, metric: str) -> Iterator[pd.DataFrame]:
    """Yield the lines of one metric, for each protocol and setting."""
    kept = frame[(frame["task"] == task) & (frame["metric"] == metric)]
    for _, lines in kept.groupby(["protocol", "setting"], sort=True):
        yield lines


def by_seed(lines: pd.DataFrame) -> pd.DataFrame:
    """Arrange one metric of one setting with a row per architecture and a column per seed, NaN without a run.

    Runs of one architecture under two names are averaged.
    """
    return lines.pivot_table("value", "architecture", "seed", aggfunc="mean", sort=True)


def scores(lines: pd.DataFrame) -> pd.DataFrame:
    """Arrange as `by_seed`, with the sign changed if smaller is better."""
    return by_seed(lines) * (1.0 if lines["higher_is_better"].iloc[0] else -1.0)
