"""Reproducibility of results: gains over random architectures, variance, and the number of seeds needed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.statistics.measurements import of_metric
from bench.statistics.variance import Components, variance_components
from bench.tables.improvement import Improvement, accuracy, relative_improvement
from bench.tables.power import seeds_needed
from bench.tasks.metrics import JUDGED, RANDOM

#: An interval of the search's share, in % of the variance, that leaves nearly everything possible.
_WIDE = 80


@dataclass(frozen=True)
class Gain:
    """Gain of a method's architectures over random ones under one setting.

    Attributes:
        architectures, random: number of architectures on each side.
        improvement: None if there are too few.
        seeds: number of architectures a side that shows the difference of the means with 80 % power, from `spread`;
            None if the spread is unknown, or no number is enough.
        spread: standard deviation of the architectures, of both sides alike; None if no side has two.
    """

    protocol: str
    label: str
    reduced: bool
    method: str
    architectures: int
    random: int
    improvement: Improvement | None
    seeds: int | None
    spread: float | None

    @property
    def reading(self) -> str:
        """The conclusion in words, or the number of runs that is needed."""
        if self.random < 2:
            return f"too few: {self.random} random architectures; 2 or more are needed"
        if self.improvement is None:
            return "no relative improvement: random architectures have an accuracy of 0"
        if self.improvement.low is None or self.improvement.high is None:
            return "undecided: no interval, since each side's architectures have the same value"
        if self.improvement.low > 0:
            return "better than random"
        return "worse than random" if self.improvement.high < 0 else "undecided: the interval holds 0"


@dataclass(frozen=True)
class VarianceSplit:
    """The variance of one search protocol's results under one setting.

    Attributes:
        method: sets apart the variants that a search gives, such as its cells of other stages.
    """

    search: str
    method: str
    protocol: str
    label: str
    unit: str
    reduced: bool
    searches: int
    trainings: int
    components: Components | None

    @property
    def reading(self) -> str:
        if self.components is None:
            if self.searches < 2:
                return f"too few: {self.searches} search; 2 or more are needed, each retrained twice or more"
            return "too few: no architecture was trained twice; 2 seeds each are needed"
        share = self.components.share
        if share is None:
            return "no variance"
        bounds = self.components.bounds
        if bounds is None:
            return f"{100 * share:.0f} % of the variance is the search's"
        low, high = (100 * bound for bound in bounds)
        said = f"{100 * share:.0f} % [{low:.0f}, {high:.0f}] of the variance is the search's"
        # Means closer than trainings would have them give an interval of 0 alone.
        return said if high and high - low < _WIDE else f"too few to say, more searches are needed: {said}"


def gains(frame: pd.DataFrame) -> list[Gain]:
    """Compute each method's gain over random architectures, under every setting with results of the method."""
    found = []
    for lines in judged(frame):
        first = lines.iloc[0]
        random = _of_architectures(lines[lines["method"] == RANDOM])
        for method, own in lines[lines["method"] != RANDOM].groupby("method", sort=True):
            values = _of_architectures(own)
            spread = _spread(values, random)
            difference = float(np.mean(values) - np.mean(random)) if values and random else 0.0
            found.append(
                Gain(
                    str(first["protocol"]),
                    str(first["label"]),
                    bool(first["reduced"]),
                    str(method),
                    len(values),
                    len(random),
                    relative_improvement(values, random),
                    None if spread is None else seeds_needed(difference, spread),
                    spread,
                )
            )
    return found


def splits(frame: pd.DataFrame) -> list[VarianceSplit]:
    """Split the variance of each search protocol's results into that of searches and that of trainings.

    A search may give several architectures, such as those of its stages, whose `method` says which: each kind is split
    by itself.
    """
    found = []
    for lines in judged(frame):
        first = lines.iloc[0]
        searched = lines[lines["search"] != ""]
        protocols = searched["search"].str.split("/").str[:2].str.join("/")
        for (protocol, method), own in searched.groupby([protocols, "method"], sort=True):
            groups = [group["value"].tolist() for _, group in own.groupby(["search", "architecture"], sort=True)]
            found.append(
                VarianceSplit(
                    str(protocol),
                    str(method),
                    str(first["protocol"]),
                    str(first["label"]),
                    str(first["unit"]),
                    bool(first["reduced"]),
                    len(groups),
                    len(own),
                    variance_components(groups),
                )
            )
    return found


def judged(frame: pd.DataFrame) -> list[pd.DataFrame]:
    """Select the lines of the judged metrics, by setting."""
    return [lines for task, metric in JUDGED.items() for lines in of_metric(frame, task, metric)]


def _of_architectures(lines: pd.DataFrame) -> list[float]:
    """Compute each architecture's accuracy in %, the mean over its runs."""
    if lines.empty:
        return []
    first = lines.iloc[0]
    means = lines.groupby("architecture", sort=True)["value"].mean()
    found = [accuracy(float(value), str(first["unit"]), bool(first["higher_is_better"])) for value in means]
    return [value for value in found if value is not None]


def _spread(*sides: list[float]) -> float | None:
    """Compute the deviation that, on two sides of equal size, gives their difference the variance it has.

    A side with one architecture has the other's.
    """
    variances = [float(np.var(side, ddof=1)) for side in sides if len(side) > 1]
    return float(np.sqrt(np.mean(variances))) if variances else None
