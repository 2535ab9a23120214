"""Plot rows: accuracy against cost, and rank-1 against the number of parts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from bench.report.panels import Axis, Figure, Panel, Point, Series, joined
from bench.tables.rows import MEASURED, Row

#: Returns the link of a row's points; empty for none.
Link = Callable[[Row], str]

#: The order of sources in a legend; other papers follow.
SOURCES = ("PC-DARTS", "P-DARTS", MEASURED)
REDUCED = " †"


def detection_figure(rows: Iterable[Row], link: Link) -> Figure:
    """AP against multiply-adds, as in a paper's scatter."""
    x, y = Axis("multiply-adds of the backbone (B)", logarithmic=True), Axis("AP (%)", better="high")
    groups = _comparable(rows, lambda protocol: protocol.split("_")[0])
    panels = [_scatter(title, group, "macs_b", "ap", x, y, link) for title, group in groups.items()]
    note = "Published numbers are of COCO's test-dev, measured ones of val2017, or of the data that a title names."
    return Figure("ap-macs", "AP against multiply-adds", note, _kept(panels))


def cost_figure(rows: Iterable[Row], link: Link) -> Figure:
    """Error against the cost of the search."""
    x, y = Axis("search cost (device-days)", logarithmic=True), Axis("top-1 error (%)", better="low")
    panels = [
        _scatter(title, group, "search_cost", "top1_error", x, y, link)
        for title, group in _comparable(rows, str).items()
    ]
    note = "A published device is a GPU; a record's own device is in its run. Manual designs have no search cost."
    return Figure("error-cost", "Error against search cost", note, _kept(panels))


def parts_figure(rows: Iterable[Row], link: Link) -> Figure:
    """Rank-1 against the number of parts."""
    x, y = Axis("parts", whole=True), Axis("rank-1 (%)", better="high")
    panels = []
    for title, group in _comparable(rows, _without_parts).items():
        lines: dict[tuple[str, bool, tuple[str, ...]], list[Point]] = {}
        for row in group:
            point = _point(row, "parts", "rank1", link)
            if point is not None:
                key = (row.labels["architecture"], row.published is not None, row.reduced)
                lines.setdefault(key, []).append(point)
        mixed = len({published for _, published, _ in lines}) > 1
        series = []
        for (name, published, _), points in lines.items():
            points.sort(key=lambda point: point.x)
            source = f" ({'published' if published else MEASURED})" if mixed else ""
            series.append(Series(f"{name}{source}", tuple(points), line=True, hollow=published))
        if len({point.x for points in lines.values() for point in points}) > 1:
            panels.append(Panel(title, x, y, tuple(series)))
    return Figure("rank1-parts", "Rank-1 against parts", "", tuple(panels))


def _scatter(title: str, rows: Sequence[Row], x_key: str, y_key: str, x: Axis, y: Axis, link: Link) -> Panel:
    points: dict[str, list[Point]] = {source: [] for source in SOURCES}
    for row in rows:
        point = _point(row, x_key, y_key, link)
        if point is not None and point.x > 0:
            points.setdefault(row.published.paper if row.published is not None else MEASURED, []).append(point)
    series = [
        Series(name if name == MEASURED else f"{name} paper", tuple(found), hollow=name != MEASURED)
        for name, found in points.items()
    ]
    return Panel(title, x, y, joined(series), named=True)


def _point(row: Row, x_key: str, y_key: str, link: Link) -> Point | None:
    x, y = row.numbers.get(x_key), row.numbers.get(y_key)
    if x is None or y is None or x.value is None or y.value is None:
        return None
    return Point(x.value, y.value, row.labels["architecture"], link(row), y.deviation if row.records else None)


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
        protocol = row.labels.get("protocol")
        if protocol:
            # A reduced run is like none but those of its own protocol; parts alone may differ.
            title = _without_parts(protocol) if row.reduced else kin(protocol)
            found.setdefault(f"{title}{REDUCED if row.reduced else ''}", []).append(row)
    return found


def _kept(panels: Sequence[Panel]) -> tuple[Panel, ...]:
    """Leave out plots of one or two points."""
    return tuple(panel for panel in panels if len(panel.points) > 2)
