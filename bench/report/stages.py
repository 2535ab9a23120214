"""Plot the operations and stages of searches; runs that differ only in their seed are averaged."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from backbones import zoo
from backbones.genotype import OPERATIONS
from bench.records.record import Record
from bench.report.curves import Curve, RecordLink
from bench.report.panels import Axis, Figure, Panel, Point, Series, joined
from bench.report.scatters import REDUCED
from bench.tables.numbers import sample_deviation
from bench.tables.rows import setting

#: The maximum number of points of a line, without the last epochs of the stages.
_MOST = 30

_WEIGHT = Axis("softmax(α), mean over the edges", from_zero=True)
_EDGES = Axis("edges", from_zero=True)
_CELLS = {"normal": "normal cell", "reduce": "reduction cell"}


def operations_figure(curves: Sequence[Curve], link: RecordLink) -> Figure:
    """softmax(α) of each operation, epoch by epoch: a plot a cell and search, a line an operation."""
    panels = []
    for group in _groups(curves, lambda curve: curve.record):
        first = group[0].record
        longest = max((curve.epochs for curve in group), key=len)
        begins = [place for place, epoch in enumerate(longest, start=1) if place > 1 and epoch.get("epoch") == 1]
        shown = _shown(len(longest), begins)
        for cell, words in _CELLS.items():
            series = [_operation(group, f"weights_{cell}", name, shown, link(first)) for name in OPERATIONS]
            if joined(series):
                title = f"{_title(first)}: softmax(α), {words}"
                marks = tuple(place - 0.5 for place in begins)
                panels.append(Panel(title, Axis("epoch", whole=True), _WEIGHT, joined(series), marks))
    note = (
        "An edge without an operation counts as 0, so that the weights sum to 1; where α is not relaxed by a softmax, "
        "weights are divided by their sum. Of several seeds, the mean. Of long searches not every epoch is shown. A "
        "dotted line is where a stage begins."
    )
    return Figure("search-operations", "Operations, epoch by epoch", note, tuple(panels))


def stages_figure(records: Sequence[Record], link: RecordLink) -> Figure:
    """The levels of the cell's connections after each stage, and how many edges keep their best operation."""
    panels: list[Panel] = []
    for group in _groups([record for record in records if record.task == "search"], lambda record: record):
        panels += _levels(group, link)
        panels += _kept(group, link)
    note = (
        "Levels of the normal cell's connections as in P-DARTS 5.2.1, Fig. 3 (e). From stage to stage, the edges whose "
        "candidate of the largest α stays the same (P-DARTS, footnote 1: on average 5.3, then 6.7 of 14 normal edges). "
        "Means over seeds."
    )
    return Figure("search-stages", "Searches, stage by stage", note, tuple(panels))


def _levels(group: Sequence[Record], link: RecordLink) -> Iterable[Panel]:
    first = group[0]
    found = [stages for record in group if isinstance(stages := record.resolved.get("connection_levels"), list)]
    series = []
    for place in range(max(map(len, found), default=0)):
        rows = [numbers for stages in found if place < len(stages) and (numbers := _numbers(stages[place]))]
        series.append(_means(f"stage {place + 1}", rows, link(first), start=1))
    if not joined(series):
        return
    cell = zoo.get("DARTS_V2").genotype.edge_levels("normal")
    if any(len(each.points) == 5 for each in series):
        # As in the paper's figure; its cells have as many nodes.
        points = tuple(Point(level, cell.count(level), "DARTS_V2") for level in range(1, 6))
        series.append(Series("DARTS_V2's published cell", points, line=True, hollow=True))
    yield Panel(f"{_title(first)}: connection levels", Axis("level", whole=True), _EDGES, joined(series))


def _kept(group: Sequence[Record], link: RecordLink) -> Iterable[Panel]:
    first = group[0]
    found = [kept for record in group if isinstance(kept := record.resolved.get("kept_operations"), dict)]
    series = [
        _means(words, [numbers for kept in found if (numbers := _numbers(kept.get(cell)))], link(first), start=2)
        for cell, words in _CELLS.items()
    ]
    if joined(series):
        title = f"{_title(first)}: edges that keep their best operation"
        yield Panel(title, Axis("in stage, from the one before", whole=True), _EDGES, joined(series))


def _groups(items: Sequence[Any], record_of: Callable[[Any], Record]) -> list[list[Any]]:
    """Group searches by their setting, in the order of protocols, methods and seeds."""
    groups: dict[str, list[Any]] = {}
    for item in sorted(items, key=lambda item: (_title(record_of(item)), record_of(item).name)):
        if record_of(item).task == "search":
            groups.setdefault(setting(record_of(item)), []).append(item)
    return list(groups.values())


def _title(record: Record) -> str:
    return f"{record.protocol}{REDUCED if record.reduced else ''}, {record.method}"


def _shown(epochs: int, begins: Sequence[int]) -> set[int]:
    """The epochs of a plot, from 1: evenly spaced ones, and the last of each stage."""
    return {*range(1, epochs + 1, math.ceil(epochs / _MOST)), *(begin - 1 for begin in begins), epochs}


def _operation(curves: Sequence[Curve], key: str, name: str, shown: set[int], link: str) -> Series:
    points = []
    for place in sorted(shown):
        entries = [curve.epochs[place - 1].get(key) for curve in curves if place <= len(curve.epochs)]
        values = [value for entry in entries if isinstance(entry, Mapping) for value in _numbers([entry.get(name)])]
        if values:
            points.append(Point(place, fmean(values), f"{name}, epoch {place}{_seeds(values)}", link))
    return Series(name, tuple(points), line=True)


def _means(name: str, rows: Sequence[Sequence[float]], link: str, start: int) -> Series:
    """The means of the rows' first, second, … numbers, at x = `start` and so on."""
    points = []
    for place in range(max(map(len, rows), default=0)):
        values = [row[place] for row in rows if place < len(row)]
        deviation = sample_deviation(values) if len(values) > 1 else None
        points.append(Point(start + place, fmean(values), name + _seeds(values), link, deviation))
    return Series(name, tuple(points), line=True)


def _seeds(values: Sequence[float]) -> str:
    return f", mean of {len(values)} seeds" if len(values) > 1 else ""


def _numbers(value: Any) -> list[float]:
    """A list of finite numbers; empty where a record holds something else."""
    if not isinstance(value, list) or not all(type(each) in (int, float) and math.isfinite(each) for each in value):
        return []
    return value
