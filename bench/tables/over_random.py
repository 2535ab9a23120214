"""Gains of a table's rows over random architectures under the same setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from bench.records.record import Record
from bench.tables.improvement import accuracy, relative_improvement
from bench.tables.rows import Rows, setting
from bench.tasks.metrics import JUDGED, RANDOM

if TYPE_CHECKING:
    from bench.tasks.contract import Metric

#: The column's key.
KEY = "over_random"


def with_gains(rows: Rows, metrics: Sequence[Metric]) -> Rows:
    """The rows, with `over_random` where two random architectures or more were run under the same `setting`.

    The gain is that of the task's judged metric (`JUDGED`), its interval over the row's seeds and the random
    architectures; a random architecture has none.
    """
    random = rows.measured & (rows.label("method") == RANDOM)
    metric = next(
        (each for each in metrics if random.any() and each.key == JUDGED.get(rows.about["task"].iloc[0])), None
    )
    if metric is None:
        return rows
    records = rows.about["records"]
    accuracies = records.map(lambda group: _accuracies(group, metric))
    settings = records.map(lambda group: setting(group[0]) if group else "")
    means = pd.DataFrame(
        {
            "setting": settings[random],
            "architecture": rows.about["digest"][random].fillna(rows.label("architecture")[random]),
            "mean": accuracies[random].map(lambda values: sum(values) / len(values) if values else None),
        }
    ).dropna()
    # Of equal architectures, the last one counts.
    means = means.drop_duplicates(["setting", "architecture"], keep="last")
    others: Mapping[str, list[float]] = means.groupby("setting")["mean"].agg(list).to_dict()
    gains = [
        None if is_random else relative_improvement(own, others.get(where, []))
        for is_random, own, where in zip(random, accuracies, settings, strict=True)
    ]
    values = pd.DataFrame({KEY: [None if gain is None else gain.value for gain in gains]}, dtype=float)
    return rows.with_numbers(values, pd.DataFrame({KEY: ["" if gain is None else gain.text for gain in gains]}))


def _accuracies(records: Sequence[Record], metric: Metric) -> list[float]:
    """Accuracy of each seed in %; empty where a seed lacks the metric."""
    if not all(metric.key in record.metrics for record in records):
        return []
    values = [record.metrics[metric.key].value for record in records]
    found = [accuracy(value, metric.unit, metric.higher_is_better) for value in values]
    return [value for value in found if value is not None]
