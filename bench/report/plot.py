"""Draw a panel as an SVG element of a page; points have tooltips and links."""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from backbones.drawing.pictures import own_settings, svg_text
from bench.report.labels import place_labels
from bench.report.panels import Axis, Panel, Point
from bench.report.theme import INK, LINE, MUTED, PAPER, SERIES, themed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import XAxis, YAxis

_SIZE = (4.8, 3.4)
# One more than there are colours, for the eight operations of a search.
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_STYLES = ("-", "--", "-.", ":")
#: The most series that are named beside the plot: of more, the names would take its place. Each mark has its name, and
#: the numbers below the plot have all of them.
_MOST_NAMED = 24
_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"

#: Settings beside those of every picture.
_SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "wildnas",
    "font.size": 8.5,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.facecolor": PAPER,
    "figure.facecolor": PAPER,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
}


def svg(panel: Panel, key: str) -> str:
    """The text of an `<svg>` element.

    Args:
        key: unlike that of every other picture in the page; its ids begin with it.
    """
    from matplotlib.figure import Figure

    with own_settings(_SETTINGS):
        figure = Figure(figsize=_SIZE, dpi=72, layout="constrained")
        named = _draw(figure.subplots(), panel)
        text = svg_text(figure)
    return themed(_for_page(text, panel, named, key))


def _draw(axes: Axes, panel: Panel) -> dict[str, Point]:
    """Draw; returns the points by the ids that their marks have."""
    named: dict[str, Point] = {}
    for place, series in enumerate(panel.series):
        colour, marker = SERIES[place % len(SERIES)], _MARKERS[place % len(_MARKERS)]
        line: dict[str, Any] = {"linestyle": _STYLES[place % len(_STYLES)] if series.line else "none", "linewidth": 1.3}
        look: dict[str, Any] = {"marker": marker, "markersize": 5 if series.line else 6, "markeredgecolor": colour}
        look["markerfacecolor"] = PAPER if series.hollow else colour
        # Drawn apart from the marks, each of which has an id of its own.
        if series.line:
            for part in _parts(series.points, panel.marks):
                axes.plot([p.x for p in part], [p.y for p in part], color=colour, **line)
        for point in series.points:
            name = f"point-{len(named)}"
            named[name] = point
            axes.plot([point.x], [point.y], linestyle="none", gid=name, **look)
            if point.deviation or point.x_deviation:
                bars: dict[str, Any] = {"xerr": point.x_deviation, "yerr": point.deviation}
                axes.errorbar([point.x], [point.y], **bars, color=colour, linewidth=0.9, capsize=2)
        axes.plot([], [], color=colour, label=series.name, **line, **look)
    for mark in panel.marks:
        axes.axvline(mark, color=MUTED, linewidth=0.8, linestyle=(0, (2, 2)))
    _scale(axes.xaxis, panel.x, [point.x for point in panel.points])
    _scale(axes.yaxis, panel.y, [point.y for point in panel.points])
    axes.set_ylabel(panel.y.title + {"high": ", more is better", "low": ", less is better"}.get(panel.y.better, ""))
    axes.margins(0.12 if panel.named else 0.06)
    if 1 < len(panel.series) <= _MOST_NAMED:
        columns = 3 if max(len(series.name) for series in panel.series) < 18 else 2
        look = {"fontsize": 7.5, "columnspacing": 1.2, "handletextpad": 0.5}
        axes.figure.legend(loc="outside upper left", ncols=columns, **look)
    if panel.named:
        place_labels(axes, panel.points)
    return named


def _parts(points: Sequence[Point], marks: Sequence[float]) -> list[list[Point]]:
    """Split the points at the marks: no line crosses one."""
    parts: list[list[Point]] = [[] for _ in range(len(marks) + 1)]
    for point in points:
        parts[bisect(marks, point.x)].append(point)
    return parts


def _scale(side: XAxis | YAxis, axis: Axis, values: Sequence[float]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    side.set_label_text(axis.title)
    decades = math.log10(max(values) / min(values)) if axis.logarithmic else 0
    if decades > 0.5:
        (side.axes.set_xscale if side.axis_name == "x" else side.axes.set_yscale)("log")
        side.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 1.5 else (1,), numticks=9))
        side.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        side.set_minor_formatter(NullFormatter())
    else:
        side.set_major_locator(MaxNLocator(nbins=7, integer=axis.whole))
        if axis.from_zero:
            side.set_data_interval(0, max(values))
        elif max(values) == min(values):
            # Else the ticks would be hundredths.
            side.set_data_interval(values[0] - 1, values[0] + 1)


def _for_page(text: str, panel: Panel, named: dict[str, Point], key: str) -> str:
    """Adapt a picture to the page: own ids, tooltips, links and a description."""
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _XLINK)
    root = ElementTree.fromstring(text)
    for style in root.findall(f".//{{{_SVG}}}defs/{{{_SVG}}}style/.."):
        root.remove(style)
    # Listed first: marks move into links as it goes on.
    for parent in list(root.iter()):
        for place, child in enumerate(list(parent)):
            point = named.get(child.get("id", ""))
            if point is not None:
                parent[place] = _hot(child, point, panel)
    for element in root.iter(f"{{{_SVG}}}g"):
        element.attrib.pop("id", None)
    # Ids that are referred to (marks, clipping) are of this picture alone.
    for element in root.iter():
        for name, value in list(element.attrib.items()):
            if name == "id":
                element.set(name, f"{key}-{value}")
            elif name.endswith("href") and value.startswith("#") and element.tag.endswith("}use"):
                element.set(name, f"#{key}-{value[1:]}")
            elif value.startswith("url(#"):
                element.set(name, f"url(#{key}-{value[5:]}")
    root.set("role", "img")
    root.set("aria-label", panel.description)
    return ElementTree.tostring(root, encoding="unicode")


def _hot(mark: ElementTree.Element, point: Point, panel: Panel) -> ElementTree.Element:
    """A mark with its tooltip, inside a link where it has one."""
    title = ElementTree.Element(f"{{{_SVG}}}title")
    spread = f" ± {point.deviation:.2f}" if point.deviation else ""
    title.text = f"{point.label}: {panel.y.title} {point.y:g}{spread}, {panel.x.title} {point.x:g}"
    mark.insert(0, title)
    if not point.link:
        return mark
    link = ElementTree.Element(f"{{{_SVG}}}a", {"href": point.link})
    link.append(mark)
    return link
