"""Proxies against what is downstream of them, as scatters."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import pandas as pd

from bench.report.panels import Axis, Figure, Panel, Point, Series
from bench.statistics.answers import Answer
from bench.statistics.transfer import Pair, Side
from bench.tables.rows import MEASURED

#: Returns the link to an architecture's runs under a protocol; empty where there is none.
RunLink = Callable[[str, str], str]
#: The axis is logarithmic where the largest score is more than so many times the smallest.
_WIDE = 100
_BARS = "Means over seeds; bars are one deviation over seeds, where there are several."


def proxies_figure(answers: Iterable[Answer], link: RunLink) -> Figure:
    """The scatters of the best predictor and of multiply-adds, where there are enough architectures."""
    panels = []
    for answer in answers:
        shown = [pair for pair in (answer.best, answer.plain) if pair is not None and pair.enough]
        panels += [_panel(pair, f"{pair.title}{_tau(pair)}", link) for pair in dict.fromkeys(shown)]
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
    (x, x_bars), (y, y_bars) = (_means(side, pair) for side in (proxy, downstream))
    measured = pair.source == MEASURED
    points = tuple(
        Point(
            float(x[name]),
            float(y[name]),
            downstream.names[name],
            link(downstream.protocol, name) if measured else "",
            _bar(y_bars[name]),
            _bar(x_bars[name]),
        )
        for name in pair.architectures
    )
    wide = bool((x > 0).all()) and x.max() > _WIDE * x.min()
    series = Series(pair.source, points, hollow=not measured)
    return Panel(title, _axis(proxy, wide), _axis(downstream), (series,), named=True)


def _tau(pair: Pair) -> str:
    kendall = pair.correlation.kendall
    return f": τ = {kendall.text}" if kendall else ""


def _axis(side: Side, logarithmic: bool = False) -> Axis:
    return Axis(side.title.partition("/")[2], logarithmic, better="high" if side.higher_is_better else "low")


def _means(side: Side, pair: Pair) -> tuple[pd.Series, pd.Series]:
    """Means and deviations over seeds, by architecture."""
    values = side.values.loc[list(pair.architectures)]
    return values.mean(axis=1), values.std(axis=1, ddof=1)


def _bar(deviation: float) -> float | None:
    return None if math.isnan(deviation) else float(deviation)
