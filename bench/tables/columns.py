"""The columns of each task's table, in the order of the papers' tables; columns of measured rows come last."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bench.tables.rows import Rows

if TYPE_CHECKING:
    from bench.tasks.contract import Metric


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        key: of `Row.labels` or `Row.numbers`.
        head: its heading, without the unit.
        higher_is_better: None if no value is the best.
        numeric: whether it holds numbers.
        always: whether a table of measured rows has it even if all its cells are empty.
    """

    key: str
    head: str
    unit: str = ""
    higher_is_better: bool | None = None
    numeric: bool = True
    always: bool = False

    @property
    def title(self) -> str:
        return f"{self.head} ({self.unit})" if self.unit else self.head


_COLUMNS = {
    column.key: column
    for column in (
        Column("protocol", "Protocol", numeric=False),
        Column("architecture", "Architecture", numeric=False),
        Column("network", "Network", numeric=False),
        Column("setting", "Setting", numeric=False),
        Column("evaluation", "Evaluated on", numeric=False),
        Column("devices", "Device", numeric=False),
        Column("method", "Method", numeric=False),
        Column("source", "Source", numeric=False),
        Column("group", "Part", numeric=False),
        Column("test_error", "Test err.", "%", higher_is_better=False),
        Column("test_error_spread", "Spread", "points"),
        Column("accuracy_gain", "Accuracy gain", "points"),
        Column("kept_edges", "Kept", "edges"),
        Column("shallow_edges", "Shallow", "edges"),
        Column("over_random", "Over random", "%", higher_is_better=True),
        Column("params_m", "Params", "M"),
        Column("supernet_params_m", "Supernet params", "M"),
        Column("macs_m", "×+", "M"),
        Column("macs_b", "×+", "B"),
        Column("run_macs_m", "×+ of the run", "M"),
        Column("latency_ms", "Latency", "ms", higher_is_better=False),
        Column("input_size", "Input size"),
        Column("parts", "Parts"),
        Column("feature_dim", "Feat. dim"),
        Column("search_cost", "Search cost", "device-days", higher_is_better=False),
        Column("hours", "Time", "hours"),
        Column("speed_up", "Speed-up", "×"),
        Column("training_days", "Training", "days"),
        Column("seconds", "Time", "s"),
        Column("memory_gb", "Peak memory", "GB"),
        Column("seeds", "Seeds"),
    )
}

#: The place of the task's metrics in `_ORDER`.
_METRICS = "*"
#: The columns of each stage, as many as the search with the most stages has: their keys, head and unit.
_STAGES = {
    "memory_stages": (re.compile(r"memory_stage(\d+)_gb"), "Memory stage", "GB"),
    "kept_stages": (re.compile(r"kept_edges_stage(\d+)"), "Kept into stage", "edges"),
}

_PLAIN = "protocol architecture * params_m macs_m method seeds source"

#: PC-DARTS Tables 1 and 2, P-DARTS Tables 1 and 3; PC-DARTS Table 5, P-DARTS Table 4; P-DARTS Table 5; PC-DARTS Tables
#: 3 and 4 with P-DARTS 5.2. A task that neither paper has gets the plain order.
_ORDER = {
    "classification": "protocol architecture * over_random params_m macs_m latency_ms search_cost method seeds source",
    "detection": (
        "protocol network input_size architecture macs_b params_m latency_ms * over_random method seeds source"
    ),
    "reid": (
        "protocol architecture parts feature_dim macs_m run_macs_m params_m latency_ms * "
        "over_random method seeds source"
    ),
    "zerocost": "protocol architecture params_m macs_m * seconds method seeds source",
    "search": (
        "protocol architecture setting evaluation test_error test_error_spread accuracy_gain * "
        "kept_edges kept_stages shallow_edges hours speed_up training_days devices "
        "params_m supernet_params_m memory_gb memory_stages method seeds source"
    ),
}


def columns_of(task: str, rows: Rows, metrics: Sequence[Metric], wide: bool) -> list[Column]:
    """The columns that the rows need: a metric's that is always shown, and each that some row has something for.

    Args:
        wide: whether every metric has its best seed and its difference to the published value beside it, and not only
            the first one.
    """
    measured, held = any(row.records for row in rows), rows.held
    columns: list[Column] = []
    for key in _ORDER.get(task, _PLAIN).split():
        if key == _METRICS:
            shown = [_of_metric(metric) for metric in metrics if metric.shown != "never"]
            columns += [column for own in shown for column in (own if wide or own is shown[0] else own[:1])]
        else:
            columns += _stages(held, *_STAGES[key]) if key in _STAGES else [_COLUMNS[key]]
    kept = [column for column in columns if column.key in held or (column.always and measured)]
    papers = any(not row.records for row in rows)
    return [_renamed(column, task, measured) for column in kept if papers or column.key != "source"]


def _renamed(column: Column, task: str, measured: bool) -> Column:
    """The papers' own words, where they have another one for a task or its unit."""
    if column.key == "architecture" and task in ("detection", "reid"):
        return replace(column, head="Backbone")
    # Measured on a CPU, a day is none of a GPU's.
    if column.key == "search_cost" and not measured:
        return replace(column, unit="GPU-days")
    return column


def _stages(held: set[str], keys: re.Pattern[str], head: str, unit: str) -> list[Column]:
    stages = sorted((int(found[1]), key) for key in held if (found := keys.fullmatch(key)))
    return [Column(key, f"{head} {stage}", unit) for stage, key in stages]


def _of_metric(metric: Metric) -> list[Column]:
    """The metric's own column, and what stands beside it: the best seed, and the difference to the published value."""
    key, label, unit, higher = metric.key, metric.label, metric.unit, metric.higher_is_better
    return [
        Column(key, label, unit, higher, always=metric.shown == "always"),
        Column(f"{key}_best", f"{label}, best seed", unit, higher),
        Column(f"{key}_difference", f"Δ {label}", "points" if unit == "%" else unit),
    ]
