"""Tables: a pure function of records (and, beside them, of published rows)."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from backbones.files import write_text
from bench.contract import Metric
from bench.records import Record

#: Behind the name of an architecture whose runs were not full ones.
REDUCED_MARK = "†"
#: Behind the name of an architecture whose network is too large for its protocol, such as the mobile setting.
LIMIT_MARK = "‡"


@dataclass(frozen=True)
class Table:
    """A table ready to be printed: text cells, the unit of each number in its column's head.

    Attributes:
        notes: why rows that carry the mark were reduced.
    """

    title: str
    frame: pd.DataFrame
    notes: tuple[str, ...]


def build_table(title: str, records: Iterable[Record], metrics: Sequence[Metric]) -> Table:
    """A row for every experiment, the seeds of it together: the mean, and ± the deviation of several.

    Runs share a row only if nothing but the seed sets them apart (`experiment`), and reduced rows are marked. A metric
    that a run lacks is an empty cell, and a mean is given only where every seed has the metric.
    """
    groups: dict[str, list[Record]] = {}
    ordered = sorted({record.name: record for record in records}.values(), key=lambda record: record.name)
    present = {key for record in ordered for key in record.metrics}
    metrics = [
        metric
        for metric in metrics
        if metric.shown == "always" or (metric.shown == "present" and metric.key in present)
    ]
    for record in ordered:
        groups.setdefault(experiment(record), []).append(record)
    rows = [_row(group, metrics) for group in groups.values()]
    reasons: dict[str, None] = {}
    for first, *_ in groups.values():
        if first.reduced:
            reasons[f"{REDUCED_MARK} {first.protocol}: reduced run ({'; '.join(first.reduced)})"] = None
        if over_limit(first):
            limit = first.config["macs_limit"]
            reasons[f"{LIMIT_MARK} {first.protocol}: {limit / 1e6:,.0f} M multiply-adds or more"] = None
    return Table(title, pd.DataFrame(rows, columns=columns(metrics)), tuple(reasons))


def experiment(record: Record) -> str:
    """All that a record says of what was run, but for the seed: runs that share it may be averaged."""
    weights = record.initial_weights
    start = None if weights is None else (weights.record or weights.sha256).rpartition("/seed")[0] or weights.sha256
    what = (record.protocol, record.version, record.architecture.model_dump(), record.method, record.config)
    return json.dumps([*what, record.data.fingerprint, record.reduced, start], sort_keys=True)


def over_limit(record: Record) -> bool:
    """Whether a run's network has the multiply-adds that its protocol allows no network to have (`macs_limit`)."""
    limit, macs = record.config.get("macs_limit"), record.cost.published_macs
    return limit is not None and macs is not None and macs >= limit


def columns(metrics: Sequence[Metric]) -> list[str]:
    """Heads of the columns, in order."""
    numbers = [f"{metric.label} ({metric.unit})" for metric in metrics]
    return ["Protocol", "Architecture", "Method", "Params (M)", "×+ (M)", *numbers, "Seeds"]


def _row(group: Sequence[Record], metrics: Sequence[Metric]) -> dict[str, str]:
    first = group[0]
    mark = f" {REDUCED_MARK}" * bool(first.reduced) + f" {LIMIT_MARK}" * over_limit(first)
    row = {
        "Protocol": first.protocol,
        "Architecture": first.architecture.name + mark,
        "Method": first.method,
        "Params (M)": _number(first.cost.params / 1e6, 2),
        "×+ (M)": _number(None if first.cost.published_macs is None else first.cost.published_macs / 1e6, 1),
        "Seeds": str(len(group)),
    }
    for metric in metrics:
        values = [record.metrics[metric.key].value for record in group if metric.key in record.metrics]
        row[f"{metric.label} ({metric.unit})"] = _mean(values) if len(values) == len(group) else ""
    return row


def _mean(values: Sequence[float]) -> str:
    mean = f"{statistics.fmean(values):.2f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.2f}"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def render(table: Table, form: str) -> str:
    """The table as `csv`, `json` or `markdown`; equal tables give equal text."""
    if form == "csv":
        return table.frame.to_csv(index=False)
    if form == "json":
        return table.frame.to_json(orient="records", force_ascii=False, indent=1) + "\n"
    text = [f"### {table.title}", "", table.frame.to_markdown(index=False, disable_numparse=True)]
    if table.notes:
        text += ["", *table.notes]
    return "\n".join(text) + "\n"


def save_table(table: Table, stem: Path) -> None:
    """Write `<stem>.md` and `<stem>.csv`; each appears whole or not at all."""
    for suffix, form in ((".md", "markdown"), (".csv", "csv")):
        write_text(stem.with_suffix(suffix), render(table, form))
