"""How far results would hold if everything was done again: gains over random, variance, and seeds that are missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.statistics.judged import JUDGED, RANDOM
from bench.statistics.over_random import Improvement, accuracy, relative_improvement
from bench.statistics.power import seeds_needed
from bench.statistics.variance import Components, variance_components


@dataclass(frozen=True)
class Gain:
    """What a method's architectures gain over random ones under one setting.

    Attributes:
        architectures, random: how many there are.
        improvement: None where there are too few.
        seeds: by which the difference of the means would be seen with 80 % power, from the spread of single trainings
            and architectures on both sides; None where that spread is not known, or no number of seeds would do.
        spread: the deviation that this stands on; None where no side has two architectures.
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
        """What can be said, in words, or what would be enough."""
        if self.random < 2:
            return f"too few: {self.random} random architectures; 2 or more would do"
        if self.improvement is None:
            return "no relative improvement: random architectures get nothing"
        if self.improvement.low is None or self.improvement.high is None:
            return f"too few: {self.architectures} architecture; 2 or more give an interval"
        if self.improvement.low > 0:
            return "better than random"
        return "worse than random" if self.improvement.high < 0 else "undecided: the interval holds 0"


@dataclass(frozen=True)
class Split:
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
                return f"too few: {self.searches} search; 2 or more, each retrained twice or more, would do"
            return "too few: no architecture was trained twice; 2 seeds each would do"
        share = self.components.share
        return "no variance" if share is None else f"{100 * share:.0f} % of the variance is the search's"


def gains(frame: pd.DataFrame) -> list[Gain]:
    """Each method's gain over random architectures, under every setting that has results of both or of the method."""
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
                    relative_improvement(values, random),
                    None if spread is None else seeds_needed(difference, spread),
                    spread,
                )
            )
    return found


def splits(frame: pd.DataFrame) -> list[Split]:
    """The variance of what each search protocol led to, split into that of searches and that of trainings."""
    found = []
    for lines in judged(frame):
        first = lines.iloc[0]
        searched = lines[lines["search"] != ""]
        protocols = searched["search"].str.split("/").str[:2].str.join("/")
        for protocol, own in searched.groupby(protocols, sort=True):
            groups = [group["value"].tolist() for _, group in own.groupby("search", sort=True)]
            found.append(
                Split(
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
    """The lines of the judged metrics, by setting."""
    found = []
    for task, metric in JUDGED.items():
        kept = frame[(frame["task"] == task) & (frame["metric"] == metric)]
        found += [lines for _, lines in kept.groupby(["protocol", "setting"], sort=True)]
    return found


def _of_architectures(lines: pd.DataFrame) -> list[float]:
    """Each architecture's accuracy in %, the mean over its runs."""
    if lines.empty:
        return []
    first = lines.iloc[0]
    means = lines.groupby("architecture", sort=True)["value"].mean()
    found = [accuracy(float(value), str(first["unit"]), bool(first["higher_is_better"])) for value in means]
    return [value for value in found if value is not None]


def _pooled(*sides: list[float]) -> float | None:
    """The pooled deviation of both sides, whose means may differ."""
    freedom = sum(max(len(side) - 1, 0) for side in sides)
    if not freedom:
        return None
    return float(np.sqrt(sum(np.var(side) * len(side) for side in sides if side) / freedom))
