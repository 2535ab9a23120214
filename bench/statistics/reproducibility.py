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


@dataclass(frozen=True)
class Gain:
    """Gain of a method's architectures over random ones under one setting.

    Attributes:
        architectures, random: number of architectures on each side.
        improvement: None if there are too few.
        seeds: number of seeds that shows the difference of the means with 80 % power, from `spread`; None if the spread
            is unknown, or no number is enough.
        spread: pooled standard deviation of the architectures; None if no side has two.
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
            return f"too few: {self.architectures} architecture; 2 or more give an interval"
        if self.improvement.low > 0:
            return "better than random"
        return "worse than random" if self.improvement.high < 0 else "undecided: the interval holds 0"


@dataclass(frozen=True)
class VarianceSplit:
    """The variance of one search protocol's results under one setting."""

    search: str
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
        return "no variance" if share is None else f"{100 * share:.0f} % of the variance is the search's"


def gains(frame: pd.DataFrame) -> list[Gain]:
    """Compute each method's gain over random architectures, under every setting with results of the method."""
    found = []
    for lines in judged(frame):
        first = lines.iloc[0]
        random = _of_architectures(lines[lines["method"] == RANDOM])
        for method, own in lines[lines["method"] != RANDOM].groupby("method", sort=True):
            values = _of_architectures(own)
            spread = _pooled(values, random)
            difference = float(np.mean(values) - np.mean(random)) if values and random else 0.0
            found.append(
                Gain(
                    str(first["protocol"]),
                    str(first["label"]),
                    bool(first["reduced"]),
                    str(method),
                    len(values),
                    len(random),
                    relative_improvement(values, random, alone=True),
                    None if spread is None else seeds_needed(difference, spread),
                    spread,
                )
            )
    return found


def splits(frame: pd.DataFrame) -> list[VarianceSplit]:
    """VarianceSplit the variance of each search protocol's results into that of searches and that of trainings."""
    found = []
    for lines in judged(frame):
        first = lines.iloc[0]
        searched = lines[lines["search"] != ""]
        protocols = searched["search"].str.split("/").str[:2].str.join("/")
        for protocol, own in searched.groupby(protocols, sort=True):
            groups = [group["value"].tolist() for _, group in own.groupby("search", sort=True)]
            found.append(
                VarianceSplit(
                    str(protocol),
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


def _pooled(*sides: list[float]) -> float | None:
    """Compute the pooled standard deviation of both sides, whose means may differ."""
    freedom = sum(max(len(side) - 1, 0) for side in sides)
    if not freedom:
        return None
    return float(np.sqrt(sum(np.var(side) * len(side) for side in sides if side) / freedom))
