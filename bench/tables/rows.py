"""Rows of tables as frames, and how the runs of an experiment become one row."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import TYPE_CHECKING, Any

import pandas as pd

from bench.records.record import NetworkCost, Record
from bench.tables.numbers import HOLE, Number, quantity
from bench.tables.papers import PublishedRow

if TYPE_CHECKING:
    from bench.tasks.contract import Metric

#: The `source` of measured rows; that of a published row names its paper.
MEASURED = "measured"

#: Returns the record of a run by its name (`Parent.record`), or None where there is none.
FindRecord = Callable[[str], Record | None]


@dataclass(frozen=True)
class Row:
    """One row, published or measured.

    Attributes:
        labels: words by column: `protocol`, `architecture`, `method`, `source`, …
        numbers: numbers by column; a hole has no entry.
        reduced: why the runs are not full ones; empty for full runs.
        records: of a measured row, in the order of seeds.
        published: of a row from a paper.
    """

    task: str
    labels: Mapping[str, str]
    numbers: Mapping[str, Number]
    digest: str | None = None
    reduced: tuple[str, ...] = ()
    records: tuple[Record, ...] = field(default=(), repr=False)
    published: PublishedRow | None = field(default=None, repr=False)

    def text(self, key: str) -> str:
        """What is shown under a column; empty where there is nothing."""
        return self.labels.get(key, self.numbers[key].text if key in self.numbers else "")

    def value(self, key: str) -> float | None:
        """The number under a column; None for a hole, and for a range, which has a text only."""
        value = self.numbers.get(key, HOLE).value
        return None if value is None else float(value)


class Rows(tuple[Row, ...]):
    """The rows of a table, in order."""

    @property
    def held(self) -> set[str]:
        """The columns that some row has something in."""
        return {key for row in self for key in (*row.labels, *row.numbers) if row.text(key)}

    @property
    def numeric(self) -> list[str]:
        """The columns that some row has a number in."""
        return list(dict.fromkeys(key for row in self for key in row.numbers))

    def texts(self, keys: Iterable[str]) -> pd.DataFrame:
        return pd.DataFrame({key: [row.text(key) for row in self] for key in keys}, range(len(self)), dtype=object)

    def exact(self, keys: Iterable[str]) -> pd.DataFrame:
        """Numbers to compare with; NaN for a hole, a bound, and what is approximate."""
        numbers = {key: [row.numbers.get(key, HOLE) for row in self] for key in keys}
        values = {key: [number.value if number.exact else None for number in column] for key, column in numbers.items()}
        return pd.DataFrame(values, range(len(self)), dtype=float)


def setting(record: Record) -> str:
    """Setting that two compared architectures must share: all of `experiment` but the architecture and its weights.

    Weights belong to one architecture, so only where they are from counts: the protocol that trained them, a card, or
    a file.
    """
    what = (record.protocol, record.version, record.config, record.data.fingerprint, record.reduced)
    return json.dumps([*what, _start(record)], sort_keys=True)


def _start(record: Record) -> str:
    """Where a run's initial weights are from; empty without any."""
    weights = record.initial_weights
    if weights is None:
        return ""
    return "/".join(weights.record.split("/")[:2]) if weights.record else "card" if weights.card else "file"


def over_limit(record: Record) -> bool:
    """Whether a run's network has as many multiply-adds as its protocol's `macs_limit`, or more."""
    limit, macs = record.config.get("macs_limit"), record.cost.published_macs
    return limit is not None and macs is not None and macs >= limit


class Experiments:
    """All that records say of runs except the seed; a config that several share is written out once."""

    def __init__(self) -> None:
        self._texts: dict[tuple[Any, ...], tuple[Any, str]] = {}

    def of(self, record: Record) -> str:
        """Equal for runs that may be averaged."""
        weights = record.initial_weights
        start = None if weights is None else (weights.record or "").rpartition("/seed")[0] or weights.sha256
        architecture = (record.architecture.name, record.architecture.timm, record.architecture.digest)
        what = [record.protocol, record.version, architecture, record.method]
        what += [record.data.fingerprint, record.reduced, start]
        # Configs whose values are the same objects are equal. The first is kept, so that its objects stay alive.
        key = (*record.config, *map(id, record.config.values()))
        if key not in self._texts:
            self._texts[key] = (record.config, json.dumps(record.config, sort_keys=True))
        return f"{json.dumps(what)}\n{self._texts[key][1]}"


def measured_rows(
    records: Iterable[Record], metrics: Sequence[Metric], find_search: FindRecord | None = None, each: bool = False
) -> Rows:
    """A row for every experiment, in the order of the records' names, whatever order they come in.

    Runs share a row only if nothing but the seed sets them apart (`experiment`). A number is given only where every
    seed has it: nothing is averaged over holes. Of several seeds, the best one's value is under `<metric>_best`.

    Args:
        metrics: the task's; gives each metric's direction.
        find_search: returns the record of the search that found an architecture, whose cost the row then has.
        each: whether every run has a row of its own instead.
    """
    experiments = Experiments()
    found: dict[str, list[Record]] = {}
    for run in sorted({record.name: record for record in records}.values(), key=lambda record: record.name):
        found.setdefault(run.name if each else experiments.of(run), []).append(run)
    groups = [sorted(group, key=lambda run: run.seed) for group in found.values()]
    if not groups:
        return Rows()
    averaged = pd.DataFrame([_averaged(run, metrics, find_search) for group in groups for run in group], dtype=float)
    places = [place for place, group in enumerate(groups) for _ in group]
    grouped, stages = averaged.groupby(places), averaged.filter(like="_stage")
    whole = grouped.count().eq(grouped.size(), axis=0)
    # Searches of unequal numbers of stages have none in common.
    whole.loc[stages.notna().sum(axis=1).groupby(places).nunique() > 1, list(stages)] = False
    means, deviations = grouped.mean().where(whole), grouped.std().where(whole)
    units = {metric.key: metric.unit for metric in metrics} | {key: "edges" for key in averaged if "_edges" in str(key)}
    columns = {str(key): list(map(_mean, means[key], deviations[key], repeat(units.get(str(key))))) for key in means}
    for metric in metrics:
        if metric.key in averaged:
            best = grouped[metric.key].agg("max" if metric.higher_is_better else "min")
            best = best.where(deviations[metric.key].notna())
            columns[f"{metric.key}_best"] = [None if pd.isna(v) else Number(v, _written(v, metric.unit)) for v in best]
    return Rows(_row(group, {key: columns[key][place] for key in columns}) for place, group in enumerate(groups))


def _averaged(run: Record, metrics: Sequence[Metric], find_search: FindRecord | None) -> dict[str, float]:
    """The numbers of one run that are averaged over seeds."""
    numbers = {metric.key: run.metrics[metric.key].value for metric in metrics if metric.key in run.metrics}
    if run.task == "zerocost":
        numbers["seconds"] = run.cost.seconds
    elif run.task == "search":
        numbers |= {"hours": run.cost.seconds / 3600, "memory_gb": run.cost.peak_memory / 1e9, **_diagnostics(run)}
    if find_search is not None and run.task != "search":
        parents = [parent for parent in run.parents if parent.role == "search"]
        found = find_search(parents[0].record) if parents else None
        # Another key: the search has been run again, and what it cost now is not what this architecture did.
        if found is not None and found.key == parents[0].key and "search_cost" in found.metrics:
            numbers["search_cost"] = found.metrics["search_cost"].value
    return numbers


def _diagnostics(search: Record) -> dict[str, float]:
    """The peak memory of each stage (P-DARTS Table 2) and its cells, as far as the record has them.

    Of the normal cell: how many edges keep their best operation from the stage before (footnote 1), and how many edges
    of the last stage's genotype are of connection level 1 or 2 (5.2.1).
    """
    said = search.resolved
    numbers = {f"memory_stage{k}_gb": each / 1e9 for k, each in enumerate(said.get("stage_peak_memory", ()), start=1)}
    kept = said.get("kept_operations")
    for stage, count in enumerate(_numbers(kept.get("normal") if isinstance(kept, dict) else None), start=2):
        numbers[f"kept_edges_stage{stage}"] = count
    levels = said.get("connection_levels")
    last = _numbers(levels[-1] if isinstance(levels, list) and levels else None)
    return numbers | ({"shallow_edges": sum(last[:2])} if last else {})


def _numbers(value: Any) -> list[float]:
    """A list of numbers; empty where a record of someone else's holds something else."""
    return value if isinstance(value, list) and all(type(each) in (int, float) for each in value) else []


def _row(group: Sequence[Record], averaged: Mapping[str, Number | None]) -> Row:
    """An experiment's row: what its seeds have in common, and what is averaged over them."""
    first = group[0]
    numbers = {"seeds": Number(len(group), str(len(group))), **_costs(first)}
    # A reid record's `resolved` has the backbone's width, which a config does not say of a timm model.
    said = {**first.config, **first.resolved}
    for key in {"detection": ("input_size",), "reid": ("parts", "feature_dim")}.get(first.task, ()):
        if isinstance(said.get(key), int):
            numbers[key] = Number(said[key], str(said[key]))
    labels = {"protocol": first.protocol, "architecture": first.architecture.name, "method": first.method}
    labels["source"] = MEASURED
    if first.task == "detection" and "input_size" in numbers:
        labels["network"] = f"SSD{numbers['input_size'].text}"
    if first.task == "search":
        labels["devices"] = str(first.environment.get("device", ""))
    numbers |= {key: number for key, number in averaged.items() if number is not None}
    return Row(first.task, labels, numbers, first.architecture.digest, tuple(first.reduced), tuple(group))


def _costs(first: Record) -> dict[str, Number]:
    """Parameters and multiply-adds in millions and, as in the papers' detection tables, in billions.

    A search's are its supernet's: the network that the papers' tables count is the one of its result. P-DARTS Table 5
    counts a re-identifier's backbone unchanged and at 224 × 224; the run's own count stands beside it.
    """
    cost = first.cost
    numbers = {"supernet_params_m" if first.task == "search" else "params_m": cost.params / 1e6}
    counted: NetworkCost | None = cost
    if first.task == "reid":
        counted = cost.unchanged
        if cost.published_macs is not None:
            numbers["run_macs_m"] = cost.published_macs / 1e6
    if counted is not None and counted.published_macs is not None:
        numbers |= {"macs_m": counted.published_macs / 1e6, "macs_b": counted.published_macs / 1e9}
    return {key: Number(value, quantity(value, 1 if key.endswith("macs_m") else 2)) for key, value in numbers.items()}


def _mean(value: float, deviation: float, unit: str | None) -> Number | None:
    if pd.isna(value):
        return None
    if not pd.isna(deviation):
        return Number(value, f"{_written(value, unit)} ± {_written(deviation, unit)}", deviation)
    whole = unit in ("edges", "epoch", "layers") and value.is_integer()
    return Number(value, f"{value:.0f}" if whole else _written(value, unit))


def _written(value: float, unit: str | None) -> str:
    """A metric, which without a unit may be of any size, or the amount of something else (None)."""
    if unit in (None, "device-days"):
        return quantity(value)
    return f"{value:.2f}" if unit else f"{value:.4g}"
