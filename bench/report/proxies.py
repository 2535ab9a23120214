"""Proxies against what is downstream of them, as scatters."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from bench.report.panels import Axis, Figure, Panel, Point, Series
from bench.statistics.answers import Answer
from bench.statistics.transfer import Pair, Side
from bench.tables.rows import MEASURED

#: Returns the link to an architecture's runs under a protocol; empty where there is none.
RunLink = Callable[[str, str], str]
#: An axis is logarithmic where the largest number is more than so many times the smallest.
_WIDE = 10
_BARS = "Means over seeds; bars are one deviation over seeds, where there are several."


def proxies_figure(answers: Iterable[Answer], link: RunLink) -> Figure:
    """The scatters of the best predictor and of multiply-adds, where there are enough architectures."""
    panels = []
    for answer in answers:
        for pair in dict.fromkeys((answer.best, answer.plain)):
            if pair is not None and pair.enough:
                kendall = pair.correlation.kendall
                panels.append(_panel(pair, pair.title + (f": τ = {kendall.text}" if kendall else ""), link))
    return Figure("proxies", "The best predictors, and plain multiply-adds", _BARS, tuple(panels))


def transfer_figure(pairs: Iterable[Pair], link: RunLink) -> Figure:
    """Each pair as a scatter, where there are enough architectures for a correlation."""
    panels = [
        _panel(pair, f"{pair.proxy.protocol} → {pair.downstream.protocol} ({pair.source})", link)
        for pair in pairs
        if pair.correlation.spearman is not None
    ]
    return Figure("transfer", "Proxy against downstream", _BARS, tuple(panels))


def _panel(pair: Pair, title: str, link: RunLink) -> Panel:
    proxy, downstream = pair.proxy, pair.downstream
    x, y = (side.values.loc[list(pair.architectures)].agg(["mean", "std"], axis=1) for side in (proxy, downstream))
    measured = pair.source == MEASURED
    points = tuple(
        Point(
            float(x["mean"][name]),
            float(y["mean"][name]),
            downstream.names[name],
            link(downstream.protocol, name) if measured else "",
            *(None if math.isnan(side["std"][name]) else float(side["std"][name]) for side in (y, x)),
        )
        for name in pair.architectures
    )
    series = Series(pair.source, points, hollow=not measured)
    horizontal, vertical = _axis(proxy, [p.x for p in points]), _axis(downstream, [p.y for p in points])
    return Panel(title, horizontal, vertical, (series,), named=True)


def _axis(side: Side, values: Sequence[float]) -> Axis:
    wide = min(values) > 0 and max(values) > _WIDE * min(values)
    return Axis(side.title.partition("/")[2], wide, better="high" if side.higher_is_better else "low")
