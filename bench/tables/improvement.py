"""Relative improvement over the mean of random architectures, and how a table's rows get it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from bench.records.record import Record
from bench.tables.numbers import Number
from bench.tables.rows import Row, Rows, setting
from bench.tasks.metrics import JUDGED, RANDOM

if TYPE_CHECKING:
    from bench.tasks.contract import Metric

#: The smallest number of random architectures for a mean.
FEWEST_RANDOM = 2


@dataclass(frozen=True)
class Improvement:
    """Relative improvement in %, with the bounds of its 95 % interval if it has one."""

    value: float
    low: float | None
    high: float | None

    @property
    def text(self) -> str:
        shown = [f"{each:+.2f}".replace("-", "−") for each in (self.value, self.low, self.high) if each is not None]
        return shown[0] if len(shown) == 1 else f"{shown[0]} [{shown[1]}, {shown[2]}]"


def relative_improvement(accuracies: Sequence[float], random: Sequence[float]) -> Improvement | None:
    """Compute 100 × (accuracy − accuracy of random) / accuracy of random, of means.

    Yang et al., NAS evaluation is frustratingly hard (ICLR 2020), section 3. The interval is Student's for a ratio of
    means (delta method) with Welch and Satterthwaite's degrees of freedom.

    A single accuracy is taken to deviate as one more random architecture would. Without any deviation there is no
    interval: few equal values do not show that others would be equal, too.

    Args:
        accuracies: those of the method's runs or architectures; larger is better.
        random: those of random architectures, one value each.

    Returns:
        None with fewer than `FEWEST_RANDOM` random architectures, without accuracies, or if the random mean is not
        positive.
    """
    if len(random) < FEWEST_RANDOM or not accuracies:
        return None
    own, base = float(np.mean(accuracies)), float(np.mean(random))
    if base <= 0:
        return None
    value, half = 100 * (own / base - 1), _half(accuracies, random)
    return Improvement(value, value - half, value + half) if half else Improvement(value, None, None)


def _half(accuracies: Sequence[float], random: Sequence[float]) -> float:
    own, base = float(np.mean(accuracies)), float(np.mean(random))
    deviation = float(np.std(random, ddof=1))
    # The variance of each side's mean, as a share of the random mean.
    ours = (
        (100 / base) ** 2 * float(np.var(accuracies, ddof=1) if len(accuracies) > 1 else deviation**2) / len(accuracies)
    )
    theirs = (100 * own / base**2) ** 2 * deviation**2 / len(random)
    total = ours + theirs
    if not total:
        return 0.0
    # Imported here because a table without random architectures does not need it.
    from scipy.special import stdtrit

    freedom = float(len(random) - 1)
    if len(accuracies) > 1:
        freedom = total**2 / (ours**2 / (len(accuracies) - 1) + theirs**2 / freedom)
    return float(stdtrit(freedom, 0.975)) * math.sqrt(total)


def accuracy(value: float, unit: str, higher_is_better: bool) -> float | None:
    """Convert a metric to an accuracy in %, 100 minus an error; None for a metric that is not in %."""
    if unit != "%":
        return None
    return value if higher_is_better else 100 - value


def with_gains(rows: Rows, metrics: Sequence[Metric]) -> Rows:
    """The rows, with `over_random` where two random architectures or more were run under the same `setting`.

    The gain is that of the task's judged metric (`JUDGED`), its interval over the row's seeds and the random
    architectures; a random architecture has none.
    """
    random = [row for row in rows if row.records and row.labels["method"] == RANDOM]
    metric = next((each for each in metrics if random and each.key == JUDGED.get(random[0].task)), None)
    if metric is None:
        return rows
    # Each architecture counts once, with all of its runs.
    found: dict[str, dict[str, list[float]]] = {}
    for row in random:
        own = found.setdefault(setting(row.records[0]), {})
        own.setdefault(row.digest or row.labels["architecture"], []).extend(_accuracies(row.records, metric))
    means = {key: [fmean(values) for values in own.values() if values] for key, own in found.items()}

    def with_gain(row: Row) -> Row:
        if not row.records or row.labels["method"] == RANDOM:
            return row
        others = means.get(setting(row.records[0]), [])
        gain = relative_improvement(_accuracies(row.records, metric), others)
        known = {} if gain is None else {"over_random": Number(gain.value, gain.text)}
        return replace(row, numbers={**row.numbers, **known})

    return Rows(map(with_gain, rows))


def gain_notes(shown: Rows, everything: Rows) -> tuple[str, ...]:
    """Say where shown rows have no `over_random` because only one random architecture was run under their setting.

    Args:
        everything: the rows that the shown ones were chosen from.
    """
    counts: dict[str, set[str]] = {}
    for row in everything:
        if row.records and row.labels["method"] == RANDOM:
            counts.setdefault(setting(row.records[0]), set()).add(row.digest or row.labels["architecture"])
    single = {key for key, names in counts.items() if len(names) == 1}
    # Asked first: most tables have no such setting, and many rows.
    for row in shown if single else ():
        judged = row.records and row.task in JUDGED and row.labels["method"] != RANDOM
        if judged and setting(row.records[0]) in single:
            return (f"No gain over random: too few, 1 random architecture of a setting; {FEWEST_RANDOM} are needed.",)
    return ()


def _accuracies(records: Sequence[Record], metric: Metric) -> list[float]:
    """Accuracy of each seed in %; empty where a seed lacks the metric."""
    if not all(metric.key in record.metrics for record in records):
        return []
    values = [record.metrics[metric.key].value for record in records]
    found = [accuracy(value, metric.unit, metric.higher_is_better) for value in values]
    return [value for value in found if value is not None]
