"""Compare two architectures metric by metric, with paired tests over their common seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from backbones.errors import InputError
from bench.records.record import Record
from bench.tables.columns import Column
from bench.tables.numbers import Number, mean_of, sample_deviation, signed
from bench.tables.rows import Row, Rows, setting
from bench.tables.table import Table, arrange
from search.configs import nearest

if TYPE_CHECKING:
    from bench.tasks.contract import Metric

#: A run's record by its seed.
Runs = Mapping[int, Record]


def compare(
    title: str,
    records: Sequence[Record],
    names: Sequence[str],
    metrics: Sequence[Metric],
    protocols: Sequence[str] | None = None,
) -> Table:
    """Compare the first architecture with the second under every `setting` that both were run under.

    Differences are of the first minus the second, over the seeds in common; the tests are the paired t-test and
    Wilcoxon's signed-rank test, both two-sided. Beside them stands how many pairs of seeds the t-test would
    need for a power of 80 %.

    Args:
        names: two names of architectures as in the records, or patterns that fit one architecture a seed, such as what
            one search protocol has found by several seeds.
        protocols: patterns; None is all.

    Raises:
        InputError: a name that no record has, a pattern that fits two runs of one seed, or nothing in common.
    """
    first, second = (_sides(records, name, protocols) for name in names)
    common = sorted(first.keys() & second.keys(), key=lambda text: (_any(first[text]).protocol, text))
    if not common:
        raise InputError(
            f"compare {names[0]} {names[1]}: no protocol that both were run under with the same config and data"
        )
    rows, notes = [], []
    for shared in common:
        found = [_row(first[shared], second[shared], metric) for metric in metrics if metric.shown != "never"]
        rows += [row for row in found if row is not None]
        notes += _untested(_any(first[shared]).protocol, first[shared], second[shared])
    table = arrange(
        rows[0].task, f"{title}: {names[0]} against {names[1]}", Rows.of(rows), _columns(names), ("protocol",)
    )
    return replace(table, notes=(*table.notes, *notes), label=f"{table.label}-comparison")


def _sides(records: Sequence[Record], name: str, protocols: Sequence[str] | None) -> dict[str, Runs]:
    """The runs of one side by their setting, each by its seed."""
    fitting = [
        record for record in records if record.architecture.name == name or fnmatchcase(record.architecture.name, name)
    ]
    if not fitting:
        known = sorted({record.architecture.name for record in records})
        raise InputError(f"compare {name}: no record of it; {nearest(name, known)}")
    sides: dict[str, dict[int, Record]] = {}
    for record in sorted(fitting, key=lambda record: record.name):
        if protocols and not any(fnmatchcase(record.protocol, pattern) for pattern in protocols):
            continue
        other = sides.setdefault(setting(record), {}).setdefault(record.seed, record)
        if other is not record:
            both = f"{other.architecture.name} and {record.architecture.name}"
            raise InputError(f"compare {name}: fits {both} with seed {record.seed} under {record.protocol}; give one")
    return dict(sides)


def _any(runs: Runs) -> Record:
    return next(iter(runs.values()))


def _columns(names: Sequence[str]) -> list[Column]:
    return [
        Column("metric", "Metric", numeric=False),
        Column("first", names[0]),
        Column("first_seeds", "Seeds"),
        Column("second", names[1]),
        Column("second_seeds", "Seeds"),
        Column("difference", "Difference"),
        Column("pairs", "Pairs"),
        Column("p_t", "p (paired t)"),
        Column("p_wilcoxon", "p (Wilcoxon)"),
        Column("needed", "Seeds for 80 % power"),
    ]


def _row(first: Runs, second: Runs, metric: Metric) -> Row | None:
    """One metric's row, or None where neither side has it; what one side lacks stays empty."""
    values = [_values(runs, metric) for runs in (first, second)]
    if not any(values):
        return None
    numbers: dict[str, Number] = {}
    for key, side, runs in zip(("first", "second"), values, (first, second), strict=True):
        if len(side) == len(runs):
            numbers[key] = mean_of(list(side.values()))
            numbers[f"{key}_seeds"] = Number(len(side), str(len(side)))
    pairs = [values[0][seed] - values[1][seed] for seed in sorted(values[0].keys() & values[1].keys())]
    numbers["pairs"] = Number(len(pairs), str(len(pairs)))
    if pairs:
        numbers["difference"] = _difference(pairs)
        numbers |= _tests(pairs) | _needed(pairs)
    record = _any(first)
    labels = {
        "metric": metric.title,
        "protocol": record.protocol + (f" (reduced: {'; '.join(record.reduced)})" if record.reduced else ""),
        "source": "measured",
    }
    used = (*first.values(), *second.values())
    return Row(record.task, labels, numbers, reduced=tuple(record.reduced), records=used)


def _values(runs: Runs, metric: Metric) -> dict[int, float]:
    return {seed: record.metrics[metric.key].value for seed, record in runs.items() if metric.key in record.metrics}


def _difference(pairs: Sequence[float]) -> Number:
    mean = mean_of(pairs)
    assert mean.value is not None
    spread = "" if mean.deviation is None else mean.text.partition(" ")[2]
    return Number(mean.value, f"{signed(mean.value)} {spread}".rstrip(), mean.deviation)


def _tests(pairs: Sequence[float]) -> dict[str, Number]:
    """The probabilities of differences as large by chance; none where there are too few, or nothing to test."""
    if len(pairs) < 2 or not any(pairs):
        return {}
    from scipy.stats import ttest_1samp, wilcoxon

    results = {"p_wilcoxon": float(wilcoxon(pairs).pvalue)}
    # Equal differences have no deviation to hold the mean against.
    if not math.isclose(sample_deviation(pairs), 0.0, abs_tol=1e-12):
        results["p_t"] = float(ttest_1samp(pairs, 0.0).pvalue)
    return {key: Number(p, "<0.001" if p < 0.001 else f"{p:.3f}") for key, p in results.items()}


def _needed(pairs: Sequence[float]) -> dict[str, Number]:
    """The pairs by which the paired t-test would find such a difference; none where the spread is not known."""
    if len(pairs) < 2 or not any(pairs):
        return {}
    from bench.tables.power import needed_text, seeds_needed

    count = seeds_needed(math.fsum(pairs) / len(pairs), sample_deviation(pairs), paired=True)
    return {"needed": Number(count, needed_text(count))}


def _untested(protocol: str, first: Runs, second: Runs) -> list[str]:
    """Say why there is no test, where there is none."""
    pairs = len(first.keys() & second.keys())
    if pairs >= 2:
        return []
    return [
        f"{protocol}: {pairs or 'no'} {'seed' if pairs < 2 else 'seeds'} in common: too few for a test (2 at least)"
    ]
