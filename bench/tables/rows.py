"""Rows of a table; those of records: one for every experiment, its seeds together."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from bench.records.record import NetworkCost, Record
from bench.tables.numbers import Number, mean_of, quantity

if TYPE_CHECKING:
    from bench.tasks.contract import Metric

#: Under `source`: what a record was measured by, beside the papers' names.
MEASURED = "measured"

#: The record of a run by its name (`Parent.record`), or None where it is not at hand.
FindRecord = Callable[[str], Record | None]


class PaperRow(Protocol):
    """What a table says of a published row besides its words and numbers (`bench.tables.published.PublishedRow`)."""

    @property
    def paper(self) -> str: ...
    @property
    def comparable(self) -> bool: ...
    @property
    def footnote(self) -> str: ...
    @property
    def note(self) -> str: ...
    @property
    def others(self) -> Mapping[str, str | Number]: ...


@dataclass(frozen=True)
class Row:
    """One row: published or measured, never both.

    Attributes:
        task: whose table it stands in.
        labels: the row's words by column: `protocol`, `architecture`, `method`, `source`, …
        numbers: the row's numbers by column; a hole has no entry.
        digest: of the genotype, where the row has one of the zoo's or a record's.
        reduced: why the runs were not full ones.
        records: of a measured row, in the order of their seeds.
        published: of a row from a paper.
    """

    task: str
    labels: Mapping[str, str]
    numbers: Mapping[str, Number]
    digest: str | None = None
    reduced: tuple[str, ...] = ()
    records: tuple[Record, ...] = field(default=(), repr=False)
    published: PaperRow | None = field(default=None, repr=False)


def experiment(record: Record) -> str:
    """All that a record says of what was run, but for the seed: runs that share it may be averaged."""
    return _Experiments().of(record)


def setting(record: Record) -> str:
    """What two architectures must share to be compared: all of `experiment` but the architecture and its weights.

    Weights are of one architecture, so only whether a run started from any counts.
    """
    what = (record.protocol, record.version, record.config, record.data.fingerprint, record.reduced)
    return json.dumps([*what, record.initial_weights is not None], sort_keys=True)


def over_limit(record: Record) -> bool:
    """Whether a run's network has the multiply-adds that its protocol allows no network to have (`macs_limit`)."""
    limit, macs = record.config.get("macs_limit"), record.cost.published_macs
    return limit is not None and macs is not None and macs >= limit


def measured_rows(
    records: Iterable[Record], metrics: Sequence[Metric], find_search: FindRecord | None = None
) -> list[Row]:
    """A row for every experiment, in the order of the records' names, whatever the order that they come in.

    Runs share a row only if nothing but the seed sets them apart (`experiment`). A number is given only where every
    seed has it: nothing is averaged over holes. Of several seeds, the best one's value is under `<metric>_best`.

    Args:
        metrics: the task's; gives each metric's direction.
        find_search: gives the record of the search that an architecture is from, whose cost then is in the row.
    """
    experiments = _Experiments()
    groups: dict[str, list[Record]] = {}
    for record in sorted({record.name: record for record in records}.values(), key=lambda record: record.name):
        groups.setdefault(experiments.of(record), []).append(record)
    return [_row(sorted(group, key=lambda record: record.seed), metrics, find_search) for group in groups.values()]


class _Experiments:
    """`experiment`, with a config that many records share written out once."""

    def __init__(self) -> None:
        self._texts: dict[tuple[Any, ...], tuple[Any, str]] = {}

    def of(self, record: Record) -> str:
        weights = record.initial_weights
        start = None
        if weights is not None:
            start = (weights.record or "").rpartition("/seed")[0] or weights.sha256
        architecture = (record.architecture.name, record.architecture.timm, record.architecture.digest)
        what = [record.protocol, record.version, architecture, record.method]
        what += [record.data.fingerprint, record.reduced, start]
        return f"{json.dumps(what)}\n{self._config(record.config)}"

    def _config(self, config: dict[str, Any]) -> str:
        # Configs whose values are the same objects are equal. The first is kept, so that its objects stay.
        key = (*config, *map(id, config.values()))
        known = self._texts.get(key)
        if known is None:
            known = self._texts[key] = (config, json.dumps(config, sort_keys=True))
        return known[1]


def _row(group: Sequence[Record], metrics: Sequence[Metric], find_search: FindRecord | None) -> Row:
    first = group[0]
    numbers: dict[str, Number] = {"seeds": Number(len(group), str(len(group)))}
    for metric in metrics:
        values = [record.metrics[metric.key].value for record in group if metric.key in record.metrics]
        if len(values) == len(group):
            numbers |= _metric(metric, values)
    numbers |= _costs(first) | _particulars(group)
    if find_search is not None and first.task != "search":
        numbers |= _search_cost(group, find_search)
    labels = {
        "protocol": first.protocol,
        "architecture": first.architecture.name,
        "method": first.method,
        "source": MEASURED,
    }
    if first.task == "detection" and "input_size" in numbers:
        labels["network"] = f"SSD{numbers['input_size'].text}"
    if first.task == "search":
        labels["devices"] = str(first.environment.get("device", ""))
    return Row(first.task, labels, numbers, first.architecture.digest, tuple(first.reduced), tuple(group))


def _metric(metric: Metric, values: Sequence[float]) -> dict[str, Number]:
    # What has no unit may be of any size.
    write = {"device-days": quantity, "": "{:.4g}".format}.get(metric.unit, "{:.2f}".format)
    number = mean_of(values, write)
    if metric.unit in ("edges", "epoch", "layers") and len(values) == 1 and values[0].is_integer():
        number = Number(values[0], f"{values[0]:.0f}", seeds=1)
    if len(values) == 1:
        return {metric.key: number}
    best = max(values) if metric.higher_is_better else min(values)
    text = f"{best:.2f}" if metric.unit else write(best)
    return {metric.key: number, f"{metric.key}_best": Number(best, text, seeds=1)}


def _costs(first: Record) -> dict[str, Number]:
    """Parameters and multiply-adds, in millions and, as the papers' detection tables have them, billions.

    A search's are its supernet's: the network that the papers' tables count is the one of its result. P-DARTS Table 5
    counts a re-identifier's backbone unchanged and at 224 × 224; what the run itself computes stands beside it.
    """
    cost = first.cost
    params = Number(cost.params / 1e6, quantity(cost.params / 1e6))
    numbers = {"supernet_params_m" if first.task == "search" else "params_m": params}
    counted: NetworkCost | None = cost
    if first.task == "reid":
        counted = cost.unchanged
        if cost.published_macs is not None:
            numbers["run_macs_m"] = _millions(cost.published_macs)
    if counted is not None and counted.published_macs is not None:
        numbers["macs_m"] = _millions(counted.published_macs)
        numbers["macs_b"] = Number(counted.published_macs / 1e9, quantity(counted.published_macs / 1e9))
    return numbers


def _millions(macs: int) -> Number:
    return Number(macs / 1e6, quantity(macs / 1e6, 1))


def _particulars(group: Sequence[Record]) -> dict[str, Number]:
    """What the papers' tables have beside the metrics, as far as the records say it."""
    first = group[0]
    if first.task == "zerocost":
        return {"seconds": mean_of([record.cost.seconds for record in group], quantity)}
    if first.task == "search":
        hours = [record.cost.seconds / 3600 for record in group]
        memory = [record.cost.peak_memory / 1e9 for record in group]
        return {"hours": mean_of(hours, quantity), "memory_gb": mean_of(memory, quantity), **_stage_memory(group)}
    # A reid record's `resolved` has the backbone's width, which a config does not say of a model of timm.
    said = {**first.config, **first.resolved}
    keys = {"detection": ("input_size",), "reid": ("parts", "feature_dim")}.get(first.task, ())
    return {key: Number(said[key], str(said[key])) for key in keys if isinstance(said.get(key), int)}


def _stage_memory(group: Sequence[Record]) -> dict[str, Number]:
    """Of each stage, the peak memory over the seeds, as in P-DARTS Table 2; none where a record lacks it."""
    stages = [record.resolved.get("stage_peak_memory", ()) for record in group]
    if len({len(of_search) for of_search in stages}) != 1:
        return {}
    return {
        f"memory_stage{number}_gb": mean_of([bytes_ / 1e9 for bytes_ in of_stage], quantity)
        for number, of_stage in enumerate(zip(*stages, strict=True), start=1)
    }


def _search_cost(group: Sequence[Record], find_search: FindRecord) -> dict[str, Number]:
    costs = []
    for record in group:
        parents = [parent for parent in record.parents if parent.role == "search"]
        found = find_search(parents[0].record) if parents else None
        # Another key: the search has been run again, and what it cost now is not what this architecture did.
        if found is not None and found.key == parents[0].key and "search_cost" in found.metrics:
            costs.append(found.metrics["search_cost"].value)
    return {"search_cost": mean_of(costs, quantity)} if len(costs) == len(group) else {}
