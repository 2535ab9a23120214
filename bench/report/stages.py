"""Plot the operations and stages of searches; runs that differ only in their seed are averaged."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import pandas as pd

from backbones import zoo
from backbones.genotype import OPERATIONS
from bench.records.record import Record
from bench.report.curves import Curve, RecordLink, stage_marks
from bench.report.panels import Axis, Figure, Panel, Point, Series, titled
from bench.tables.rows import setting

#: The maximum number of points of a line, without the last epochs of the stages.
_MOST = 30

_EPOCH = Axis("epoch", whole=True)
_WEIGHT = Axis("softmax(α), mean over the edges", from_zero=True)
_EDGES = Axis("edges", from_zero=True)
Told = TypeVar("Told")

_CELLS = {"normal": "normal cell", "reduce": "reduction cell"}


def operations_figure(curves: Sequence[Curve], link: RecordLink) -> Figure:
    """softmax(α) of each operation, epoch by epoch: a plot a cell and search, a line an operation."""
    panels = []
    for title, first, runs in _searches((curve.record, curve.epochs) for curve in curves):
        marks, longest = stage_marks(runs), max(map(len, runs))
        # Evenly spaced epochs, and the last of each stage.
        shown = {*range(1, longest + 1, math.ceil(longest / _MOST)), *map(int, marks), longest}
        for cell, words in _CELLS.items():
            weights = [
                (name, place, told.get(name))
                for name in OPERATIONS
                for run in runs
                for place, epoch in enumerate(run, start=1)
                if place in shown and isinstance(told := epoch.get(f"weights_{cell}"), dict)
            ]
            series = _means(weights, link(first), epochs=True)
            panels.append(Panel(f"{title}: softmax(α), {words}", _EPOCH, _WEIGHT, series, marks))
    note = (
        "An edge without an operation counts as 0, so that the weights sum to 1; where α is not relaxed by a softmax, "
        "weights are divided by their sum. Of several seeds, the mean. Of long searches not every epoch is shown. A "
        "dotted line is where a stage begins."
    )
    return Figure("search-operations", "Operations, epoch by epoch", note, _filled(panels))


def stages_figure(records: Sequence[Record], link: RecordLink) -> Figure:
    """The levels of the cell's connections after each stage, and how many edges keep their best operation."""
    panels = []
    for title, first, runs in _searches((record, record.resolved) for record in records):
        levels = [
            (stage, level, count)
            for resolved in runs
            for stage, counts in enumerate(_list(resolved.get("connection_levels")), start=1)
            for level, count in enumerate(_list(counts), start=1)
        ]
        # A search's second stage may have a genotype where its first has none.
        levels.sort(key=lambda line: line[0])
        series = _means([(f"stage {stage}", *rest) for stage, *rest in levels], link(first))
        if any(len(each.points) == 5 for each in series):
            # As in the paper's figure; its cells have as many nodes.
            cell = zoo.get("DARTS_V2").genotype.edge_levels("normal")
            points = tuple(Point(level, cell.count(level), "DARTS_V2") for level in range(1, 6))
            series = (*series, Series("DARTS_V2's published cell", points, line=True, hollow=True))
        panels.append(Panel(f"{title}: connection levels", Axis("level", whole=True), _EDGES, series))
        kept = [
            (words, stage, count)
            for cell, words in _CELLS.items()
            for resolved in runs
            if isinstance(told := resolved.get("kept_operations"), dict)
            for stage, count in enumerate(_list(told.get(cell)), start=2)
        ]
        axis = Axis("in stage, from the one before", whole=True)
        series = _means(kept, link(first))
        panels.append(Panel(f"{title}: edges that keep their best operation", axis, _EDGES, series))
    note = (
        "Levels of the normal cell's connections as in P-DARTS 5.2.1, Fig. 3 (e). From stage to stage, the edges whose "
        "candidate of the largest α stays the same (P-DARTS, footnote 1: on average 5.3, then 6.7 of 14 normal edges). "
        "Means over seeds."
    )
    return Figure("search-stages", "Searches, stage by stage", note, _filled(panels))


def _searches(runs: Iterable[tuple[Record, Told]]) -> Iterator[tuple[str, Record, list[Told]]]:
    """Of each setting of searches the title, the first record, and what all tell, in the order of methods and seeds."""
    groups: dict[tuple[str, str], list[tuple[Record, Told]]] = {}
    for record, told in runs:
        if record.task == "search":
            groups.setdefault((f"{titled(record)}, {record.method}", setting(record)), []).append((record, told))
    for key in sorted(groups):
        ordered = sorted(groups[key], key=lambda run: run[0].name)
        yield key[0], ordered[0][0], [told for _, told in ordered]


def _means(lines: Iterable[tuple[str, int, Any]], link: str, epochs: bool = False) -> tuple[Series, ...]:
    """A series for each name: the means over seeds of what stands at each x; what is no finite number is left out."""
    sound = [line for line in lines if type(line[2]) in (int, float) and math.isfinite(line[2])]
    series = []
    for name, own in pd.DataFrame(sound, columns=["name", "x", "value"]).groupby("name", sort=False):
        points = []
        for x, values in own.groupby("x")["value"]:
            label = f"{name}, epoch {x}" if epochs else str(name)
            label += f", mean of {len(values)} seeds" if len(values) > 1 else ""
            deviation = None if epochs or len(values) < 2 else float(values.std())
            points.append(Point(int(x), float(values.mean()), label, link, deviation))
        series.append(Series(str(name), tuple(points), line=True))
    return tuple(series)


def _filled(panels: Iterable[Panel]) -> tuple[Panel, ...]:
    return tuple(panel for panel in panels if panel.series)


def _list(value: Any) -> list[Any]:
    """A list; empty where a record holds something else."""
    return value if isinstance(value, list) else []
