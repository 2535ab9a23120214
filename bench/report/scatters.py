"""Plot rows: accuracy against cost, and rank-1 against the number of parts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from bench.records.record import Record
from bench.report.panels import REDUCED, Axis, Figure, Panel, Point, Series, joined
from bench.tables.latencies import LATENCY, runtime_of, with_latencies
from bench.tables.rows import MEASURED, Row
from bench.tasks.metrics import JUDGED, METRICS

#: Returns the link of a row's points; empty for none.
Link = Callable[[Row], str]

#: The order of sources in a legend; other papers follow.
SOURCES = ("PC-DARTS", "P-DARTS", MEASURED)


def detection_figure(rows: Iterable[Row], link: Link) -> Figure:
    """AP against multiply-adds, as in a paper's scatter."""
    x, y = Axis("multiply-adds of the backbone (B)", logarithmic=True), Axis("AP (%)", better="high")
    groups = _comparable(rows, lambda protocol: protocol.split("_")[0])
    note = "Published numbers are of COCO's test-dev, measured ones of val2017, or of the data that a title names."
    return Figure("ap-macs", "AP against multiply-adds", note, _scatters(groups, "macs_b", "ap", x, y, link))


def latency_figure(rows: Mapping[str, Iterable[Row]], records: Sequence[Record], link: Link) -> Figure:
    """The main metric of each task against latency, a plot for each protocol, runtime and device."""
    panels = []
    for runtime in sorted({runtime_of(record) for record in records}, key=str):
        for task, key in JUDGED.items():
            metric = next(metric for metric in METRICS[task] if metric.key == key)
            y = Axis(metric.title, better="high" if metric.higher_is_better else "low")
            timed = [row for row in with_latencies(rows.get(task, ()), records, runtime) if row.value(LATENCY)]
            for title, group in _comparable(timed, str).items():
                points = tuple(point for row in group for point in _points(row, LATENCY, key, link))
                front = Series("Pareto front", _front(points, metric.higher_is_better), line=True)
                x = Axis("latency of one image (ms)", logarithmic=True, better="low")
                panels.append(Panel(f"{title} · {runtime}", x, y, (Series(MEASURED, points), front), named=True))
    note = (
        "The whole network, one image at a time; the front joins the networks that none is both faster and better than."
    )
    shown = tuple(panel for panel in panels if len(panel.series[0].points) > 1)
    return Figure("latency", "Accuracy against latency", note, shown)


def _front(points: Sequence[Point], high: bool) -> tuple[Point, ...]:
    """The points that no other one is both faster and better than, the fastest first."""
    front: list[Point] = []
    for point in sorted(points, key=lambda each: (each.x, -each.y if high else each.y)):
        if not front or (point.y > front[-1].y if high else point.y < front[-1].y):
            front.append(replace(point, label="", link="", deviation=None))
    return tuple(front)


def cost_figure(rows: Iterable[Row], link: Link) -> Figure:
    """Error against the cost of the search."""
    x, y = Axis("search cost (device-days)", logarithmic=True), Axis("top-1 error (%)", better="low")
    panels = _scatters(_comparable(rows, str), "search_cost", "top1_error", x, y, link)
    note = "A published device is a GPU; a record's own device is in its run. Manual designs have no search cost."
    return Figure("error-cost", "Error against search cost", note, panels)


def parts_figure(rows: Iterable[Row], link: Link) -> Figure:
    """Rank-1 against the number of parts."""
    x, y = Axis("parts", whole=True), Axis("rank-1 (%)", better="high")
    panels = []
    for title, group in _comparable(rows, _without_parts).items():
        lines: dict[tuple[str, bool, tuple[str, ...]], list[Point]] = {}
        for row in group:
            key = (row.text("architecture"), row.published is not None, row.reduced)
            for point in _points(row, "parts", "rank1", link):
                lines.setdefault(key, []).append(point)
        mixed = len({published for _, published, _ in lines}) > 1
        series = []
        for (name, published, _), points in lines.items():
            source = f" ({'published' if published else MEASURED})" if mixed else ""
            ordered = tuple(sorted(points, key=lambda point: point.x))
            series.append(Series(f"{name}{source}", ordered, line=True, hollow=published))
        panel = Panel(title, x, y, tuple(series))
        if len({point.x for point in panel.points}) > 1:
            panels.append(panel)
    return Figure("rank1-parts", "Rank-1 against parts", "", tuple(panels))


def _scatters(groups: dict[str, list[Row]], x_key: str, y_key: str, x: Axis, y: Axis, link: Link) -> tuple[Panel, ...]:
    """A plot for each group, but for plots of one or two points."""
    panels = []
    for title, rows in groups.items():
        points: dict[str, list[Point]] = {source: [] for source in SOURCES}
        for row in rows:
            source = row.published.paper if row.published is not None else MEASURED
            points.setdefault(source, []).extend(_points(row, x_key, y_key, link))
        series = [
            Series(name if name == MEASURED else f"{name} paper", tuple(found), hollow=name != MEASURED)
            for name, found in points.items()
        ]
        panels.append(Panel(title, x, y, joined(series), named=True))
    return tuple(panel for panel in panels if len(panel.points) > 2)


def _points(row: Row, x_key: str, y_key: str, link: Link) -> list[Point]:
    """The row's point, if it has both numbers; a cost of 0 has no place on a logarithm."""
    x, y = row.value(x_key), row.value(y_key)
    if x is None or y is None or x <= 0:
        return []
    deviation = row.numbers[y_key].deviation if row.records else None
    return [Point(x, y, row.text("architecture"), link(row), deviation)]


def _without_parts(protocol: str) -> str:
    """`reid/market1501` of `reid/market1501_p3`."""
    return re.sub(r"_p\d+(?=_|$)", "", protocol)


def _comparable(rows: Iterable[Row], kin: Callable[[str], str]) -> dict[str, list[Row]]:
    """Group the rows that share a plot by its title; reduced rows have plots of their own.

    Args:
        kin: returns what the names of protocols on the same data have in common.
    """
    found: dict[str, list[Row]] = {}
    for row in rows:
        protocol = row.text("protocol")
        if protocol:
            # A reduced run is like none but those of its own protocol; parts alone may differ.
            title = _without_parts(protocol) if row.reduced else kin(protocol)
            found.setdefault(f"{title}{REDUCED if row.reduced else ''}", []).append(row)
    return found
