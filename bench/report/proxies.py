"""Each downstream metric against its best predictor and against plain multiply-adds, with error bars over seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import pandas as pd

from bench.report.panels import Axis, Figure, Panel, Point, Series
from bench.statistics.answers import Answer
from bench.statistics.transfer import Pair, Side
from bench.tables.rows import MEASURED

#: Gives the place in the page of an architecture's runs under a protocol; empty where there is none.
RunLink = Callable[[str, str], str]
#: Scores of which the largest is so many times the smallest are shown on a logarithmic axis.
_WIDE = 100


def proxies_figure(answers: Iterable[Answer], link: RunLink) -> Figure:
    """The scatters of the best predictor and of multiply-adds, where there are enough architectures."""
    panels = []
    for answer in answers:
        shown = [pair for pair in (answer.best, answer.plain) if pair is not None and pair.enough]
        panels += [_panel(pair, link) for pair in dict.fromkeys(shown)]
    note = "Means over seeds; bars are one deviation over seeds, where there are several."
    return Figure("proxies", "The best predictors, and plain multiply-adds", note, tuple(panels))


def _panel(pair: Pair, link: RunLink) -> Panel:
    proxy, downstream = pair.proxy, pair.downstream
    (x, x_bars), (y, y_bars) = (_means(side, pair) for side in (proxy, downstream))
    points = tuple(
        Point(
            float(x[name]),
            float(y[name]),
            downstream.names[name],
            link(downstream.protocol, name),
            _bar(y_bars[name]),
            _bar(x_bars[name]),
        )
        for name in pair.architectures
    )
    wide = bool((x > 0).all()) and x.max() > _WIDE * x.min()
    kendall = pair.correlation.kendall
    title = f"{pair.title}{f': τ = {kendall.text}' if kendall else ''}"
    return Panel(title, _axis(proxy, wide), _axis(downstream), (Series(MEASURED, points),), named=True)


def _axis(side: Side, logarithmic: bool = False) -> Axis:
    return Axis(side.title.partition("/")[2], logarithmic, better="high" if side.higher_is_better else "low")


def _means(side: Side, pair: Pair) -> tuple[pd.Series, pd.Series]:
    """Means and deviations over seeds, by architecture."""
    values = side.values.loc[list(pair.architectures)]
    return values.mean(axis=1), values.std(axis=1, ddof=1)


def _bar(deviation: float) -> float | None:
    return None if math.isnan(deviation) else float(deviation)
