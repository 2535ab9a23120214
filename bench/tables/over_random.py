"""Gains of a table's rows over random architectures under the same setting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
from typing import TYPE_CHECKING

from bench.records.record import Record
from bench.tables.improvement import accuracy, relative_improvement
from bench.tables.numbers import Number
from bench.tables.rows import Row, Rows, setting
from bench.tasks.metrics import JUDGED, RANDOM

if TYPE_CHECKING:
    from bench.tasks.contract import Metric


def with_gains(rows: Rows, metrics: Sequence[Metric]) -> Rows:
    """The rows, with `over_random` where two random architectures or more were run under the same `setting`.

    The gain is that of the task's judged metric (`JUDGED`), its interval over the row's seeds and the random
    architectures; a random architecture has none.
    """
    random = [row for row in rows if row.records and row.labels["method"] == RANDOM]
    metric = next((each for each in metrics if random and each.key == JUDGED.get(random[0].task)), None)
    if metric is None:
        return rows
    # Of equal architectures, the last one counts.
    means: dict[str, dict[str, float]] = {}
    for row in random:
        values = _accuracies(row.records, metric)
        if values:
            means.setdefault(setting(row.records[0]), {})[row.digest or row.labels["architecture"]] = fmean(values)

    def with_gain(row: Row) -> Row:
        if not row.records or row.labels["method"] == RANDOM:
            return row
        others = means.get(setting(row.records[0]), {})
        gain = relative_improvement(_accuracies(row.records, metric), list(others.values()))
        known = {} if gain is None else {"over_random": Number(gain.value, gain.text)}
        return replace(row, numbers={**row.numbers, **known})

    return Rows(map(with_gain, rows))


def _accuracies(records: Sequence[Record], metric: Metric) -> list[float]:
    """Accuracy of each seed in %; empty where a seed lacks the metric."""
    if not all(metric.key in record.metrics for record in records):
        return []
    values = [record.metrics[metric.key].value for record in records]
    found = [accuracy(value, metric.unit, metric.higher_is_better) for value in values]
    return [value for value in found if value is not None]
