"""What the rows of a table gain over random architectures under the same setting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bench.statistics.judged import JUDGED, RANDOM
from bench.statistics.over_random import accuracy, relative_improvement
from bench.tables.numbers import Number
from bench.tables.rows import Row, setting

if TYPE_CHECKING:
    from bench.tasks.contract import Metric

#: The column's key.
KEY = "over_random"


def with_gains(rows: Sequence[Row], metrics: Sequence[Metric]) -> list[Row]:
    """The rows, with `over_random` where two random architectures or more were run as they were (`setting`).

    The gain is that of the task's judged metric (`JUDGED`), its interval over the row's seeds and the random
    architectures; a random architecture has none.
    """
    metric = next((each for row in rows for each in metrics if each.key == JUDGED.get(row.task)), None)
    if metric is None:
        return list(rows)
    random: dict[str, dict[str, float]] = {}
    for row in rows:
        if row.labels.get("method") == RANDOM and row.records:
            values = _accuracies(row, metric)
            if values:
                own = random.setdefault(setting(row.records[0]), {})
                own[row.digest or row.labels["architecture"]] = sum(values) / len(values)
    return [_with_gain(row, metric, random) for row in rows]


def _with_gain(row: Row, metric: Metric, random: dict[str, dict[str, float]]) -> Row:
    if not random or not row.records or row.labels.get("method") == RANDOM:
        return row
    others = list(random.get(setting(row.records[0]), {}).values())
    gain = relative_improvement(_accuracies(row, metric), others)
    if gain is None:
        return row
    return replace(row, numbers={**row.numbers, KEY: Number(gain.value, gain.text, seeds=gain.count)})


def _accuracies(row: Row, metric: Metric) -> list[float]:
    """Of each seed, in %; none where a seed lacks the metric."""
    if not all(metric.key in record.metrics for record in row.records):
        return []
    values = [record.metrics[metric.key].value for record in row.records]
    found = [accuracy(value, metric.unit, metric.higher_is_better) for value in values]
    return [value for value in found if value is not None]
