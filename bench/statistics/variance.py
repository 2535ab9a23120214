"""Split variance into that of the search and that of the training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import f as fisher


@dataclass(frozen=True)
class Components:
    """Variances, in the square of the metric's unit.

    Attributes:
        search: between searches that differ only in their seed; 0 if the noise of training alone explains the
            differences of their means.
        training: between trainings of one architecture.
        searches, trainings: the numbers of searches, and of trainings in all.
        bounds: of the 95 % interval of `share`; None where trainings of one architecture do not differ.
    """

    search: float
    training: float
    searches: int
    trainings: int
    bounds: tuple[float, float] | None

    @property
    def share(self) -> float | None:
        """The search's share of the variance of a single training; None without variance."""
        total = self.search + self.training
        return self.search / total if total else None


def variance_components(groups: Sequence[Sequence[float]]) -> Components | None:
    """Estimate the components of a one-way random model by the analysis of variance (Searle 1992).

    Args:
        groups: for each search, the results of its architecture's trainings.

    Returns:
        None with fewer than two searches, or if no architecture was trained twice.
    """
    groups = [group for group in groups if len(group)]
    sizes = np.array([len(group) for group in groups], dtype=np.float64)
    count, total = len(groups), int(sizes.sum())
    if count < 2 or total == count:
        return None
    means = np.array([np.mean(group) for group in groups])
    grand = float((sizes * means).sum() / total)
    within = sum(float(((np.asarray(group) - mean) ** 2).sum()) for group, mean in zip(groups, means, strict=True))
    training = within / (total - count)
    between = float((sizes * (means - grand) ** 2).sum()) / (count - 1)
    # The size of the groups, if all are equal.
    size = (total - float((sizes**2).sum()) / total) / (count - 1)
    search = max(0.0, (between - training) / size)
    bounds = _bounds(between / training, size, count - 1, total - count) if training else None
    return Components(search, training, count, total, bounds)


def _bounds(ratio: float, size: float, between: int, within: int) -> tuple[float, float]:
    """The 95 % interval of the search's share, from the ratio of mean squares and their degrees of freedom.

    Exact if all groups have one size (Searle, Casella and McCulloch 1992, 3.6); a share below 0 is 0.
    """
    limits = (ratio / float(fisher.ppf(quantile, between, within)) - 1 for quantile in (0.975, 0.025))
    low, high = (max(0.0, limit / (limit + size)) for limit in limits)
    return low, high
