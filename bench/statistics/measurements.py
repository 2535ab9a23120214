"""Records as one tidy frame: a line for each metric of each run."""

from __future__ import annotations

from collections.abc import Iterable

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
    """The metrics of all runs, with the columns `COLUMNS`.

    `setting` is what runs must share to be compared (`bench.tables.rows.setting`), `architecture` the digest of the
    genotype or the name of a timm model, so that equal cells are one; `search` names the record of the search that
    found it, or is empty.
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


def by_seed(lines: pd.DataFrame) -> pd.DataFrame:
    """One metric of one setting as a table, an architecture a row and a seed a column, NaN where there was no run.

    An architecture that was run under two names has their mean.
    """
    return lines.pivot_table("value", "architecture", "seed", aggfunc="mean", sort=True)


def scores(lines: pd.DataFrame) -> pd.DataFrame:
    """`by_seed` with the sign by which larger is better."""
    return by_seed(lines) * (1.0 if lines["higher_is_better"].iloc[0] else -1.0)
