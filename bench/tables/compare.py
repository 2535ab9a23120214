"""Compare two architectures metric by metric, with paired tests over their common seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from backbones.errors import InputError
from bench.records.record import Record
from bench.tables.columns import Column
from bench.tables.numbers import Number, mean_of, signed
from bench.tables.rows import MEASURED, Row, Rows, setting
from bench.tables.table import Table, arrange, fits
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
    common = sorted(first.keys() & second.keys())
    if not common:
        raise InputError(
            f"compare {names[0]} {names[1]}: no protocol that both were run under with the same config and data"
        )
    rows, notes = [], []
    for shared in common:
        found = [_row(first[shared], second[shared], metric) for metric in metrics if metric.shown != "never"]
        rows += [row for row in found if row is not None]
        pairs = len(first[shared].keys() & second[shared].keys())
        if pairs < 2:
            protocol = next(iter(first[shared].values())).protocol
            notes.append(f"{protocol}: {pairs or 'no'} seed in common: too few for a test (2 at least)")
    if not rows:
        raise InputError(f"compare {names[0]} {names[1]}: no metric that one of both has under such a protocol")
    columns = [
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
    table = arrange(rows[0].task, f"{title}: {names[0]} against {names[1]}", Rows(rows), columns, ("protocol",))
    return replace(table, notes=(*table.notes, *notes), label=f"{table.label}-comparison")


def _sides(records: Sequence[Record], name: str, protocols: Sequence[str] | None) -> dict[str, Runs]:
    """The runs of one side by their setting, each by its seed."""
    fitting = [record for record in records if fits(record.architecture.name, name)]
    if not fitting:
        known = sorted({record.architecture.name for record in records})
        raise InputError(f"compare {name}: no record of it; {nearest(name, known)}")
    sides: dict[str, dict[int, Record]] = {}
    for record in sorted(fitting, key=lambda record: record.name):
        if protocols and not any(fits(record.protocol, pattern) for pattern in protocols):
            continue
        other = sides.setdefault(setting(record), {}).setdefault(record.seed, record)
        if other is not record:
            both = f"{other.architecture.name} and {record.architecture.name}"
            raise InputError(f"compare {name}: fits {both} with seed {record.seed} under {record.protocol}; give one")
    return dict(sides)


def _row(first: Runs, second: Runs, metric: Metric) -> Row | None:
    """One metric's row, or None where neither side has it; what one side lacks stays empty."""
    numbers: dict[str, Number] = {}
    values = []
    for key, runs in (("first", first), ("second", second)):
        side = {seed: run.metrics[metric.key].value for seed, run in runs.items() if metric.key in run.metrics}
        if len(side) == len(runs):
            numbers |= {key: mean_of(list(side.values())), f"{key}_seeds": Number(len(side), str(len(side)))}
        values.append(side)
    if not any(values):
        return None
    pairs = [values[0][seed] - values[1][seed] for seed in sorted(values[0].keys() & values[1].keys())]
    numbers |= {"pairs": Number(len(pairs), str(len(pairs))), **_paired(pairs)}
    record = next(iter(first.values()))
    reduced = f" (reduced: {'; '.join(record.reduced)})" if record.reduced else ""
    labels = {"metric": metric.title, "protocol": record.protocol + reduced, "source": MEASURED}
    used = (*first.values(), *second.values())
    return Row(record.task, labels, numbers, reduced=tuple(record.reduced), records=used)


def _paired(pairs: Sequence[float]) -> dict[str, Number]:
    """The mean difference and, where two pairs or more differ, the probabilities that chance makes as large ones.

    Beside them, the pairs by which the paired t-test would find such a difference.
    """
    if not pairs:
        return {}
    mean = fmean(pairs)
    if len(pairs) == 1:
        return {"difference": Number(mean, signed(mean))}
    deviation = stdev(pairs)
    numbers = {"difference": Number(mean, f"{signed(mean)} ± {deviation:.2f}", deviation)}
    if any(pairs):
        from scipy.stats import ttest_1samp, wilcoxon

        from bench.tables.power import needed_text, seeds_needed

        # Equal differences have no deviation to hold the mean against.
        if not math.isclose(deviation, 0.0, abs_tol=1e-12):
            numbers["p_t"] = _probability(ttest_1samp(pairs, 0.0).pvalue)
        numbers["p_wilcoxon"] = _probability(wilcoxon(pairs).pvalue)
        count = seeds_needed(mean, deviation, paired=True)
        numbers["needed"] = Number(count, needed_text(count))
    return numbers


def _probability(p: float) -> Number:
    return Number(float(p), "<0.001" if p < 0.001 else f"{p:.3f}")
