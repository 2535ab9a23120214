"""Variance split into that of the search and that of the training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Components:
    """Variances, in the square of the metric's unit.

    Attributes:
        search: between searches that differ in nothing but their seed; 0 where the means of the searches differ by
            less than the noise of training alone would make them.
        training: between trainings of one architecture.
        searches, trainings: how many there are, trainings in all.
    """

    search: float
    training: float
    searches: int
    trainings: int

    @property
    def share(self) -> float | None:
        """Of the search in the variance of one training of one search's architecture; None where there is none."""
        total = self.search + self.training
        return self.search / total if total else None


def variance_components(groups: Sequence[Sequence[float]]) -> Components | None:
    """The components of a one-way random model, by the analysis of variance (Searle, Variance Components, 1992).

    Args:
        groups: of each search, the results of the trainings of what it has found.

    Returns:
        None with fewer than two searches, or where no architecture was trained twice.
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
    # Of equal sizes, this is the size.
    size = (total - float((sizes**2).sum()) / total) / (count - 1)
    return Components(max(0.0, (between - training) / size), training, count, total)
