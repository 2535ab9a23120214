"""Noise of seeds: the ceiling of any prediction, and pairs of architectures that are ties within noise.

Scores are `(architectures, seeds)`; larger is better, and NaN means that there was no run.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import t as student

from bench.statistics.correlation import FEWEST, RESAMPLES, Coefficient, kendall, spearman, with_perfect_bounds

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Ceiling:
    """Correlation between one seed's order and another's: the mean over pairs, with 95 % intervals.

    Attributes:
        architectures: number of architectures that both seeds of a pair have, the smallest over the pairs.
        seeds: number of seeds.
        ideal_spearman, ideal_kendall: ρ and τ between all architectures' true scores and the means over their runs.
    """

    architectures: int
    seeds: int
    spearman: Coefficient
    kendall: Coefficient
    ideal_spearman: Coefficient
    ideal_kendall: Coefficient


def noise_ceiling(scores: Array) -> Ceiling | None:
    """Compute the noise ceiling; None with fewer than two seeds that share `FEWEST` architectures of unequal scores.

    The interval is over architectures, as in `correlate`.
    """
    pairs = [
        (first, second)
        for first, second in itertools.combinations(range(scores.shape[1]), 2)
        if _is_enough(scores[:, [first, second]])
    ]
    if not pairs:
        return None
    rho, tau = (_coefficient(statistic, scores, pairs) for statistic in (spearman, kendall))
    shared = [scores[_both(scores[:, list(pair)])][:, list(pair)] for pair in pairs]
    rho, tau = with_perfect_bounds(rho, tau, min(len(np.unique(column)) for kept in shared for column in kept.T))
    seeds = len({seed for pair in pairs for seed in pair})
    # The variance of a mean of k runs is 1 / k of a run's, so that the mean of 1 / k counts.
    runs = (~np.isnan(scores)).sum(axis=1)
    usual = 1 / float((1 / runs[runs > 0]).mean())
    ideal = (
        Coefficient(*(bound(value, usual) for value in (found.value, found.low, found.high)))
        for found, bound in ((rho, attainable), (tau, attainable_kendall))
    )
    return Ceiling(min(map(len, shared)), seeds, rho, tau, *ideal)


def attainable(reliability: float, seeds: float) -> float:
    """Estimate the correlation of true scores with the mean of k seeds, from the correlation r between two seeds.

    √(k r / (1 + (k − 1) r)), the root of the reliability of a mean (Spearman 1910, Brown 1910), by which noise
    attenuates a correlation (Spearman 1904). It is larger than r, which has noise on both sides.
    """
    kept = max(reliability, 0.0)
    return math.sqrt(seeds * kept / (1 + (seeds - 1) * kept))


def attainable_kendall(reliability: float, seeds: float) -> float:
    """Estimate the τ of true scores with the mean of k seeds, from the τ between two seeds, for normal scores.

    τ = 2 / π arcsin r, by which Pearson's r follows from τ and back (Greiner 1909, Kendall 1949).
    """
    return 2 / math.pi * math.asin(attainable(math.sin(math.pi / 2 * reliability), seeds))


def has_shared_seeds(scores: Array) -> bool:
    """Whether two seeds share `FEWEST` architectures."""
    pairs = itertools.combinations(range(scores.shape[1]), 2)
    return any(_both(scores[:, list(pair)]).sum() >= FEWEST for pair in pairs)


def _both(columns: Array) -> Any:
    return ~np.isnan(columns).any(axis=1)


def _is_enough(columns: Array) -> bool:
    kept = columns[_both(columns)]
    return len(kept) >= FEWEST and bool((np.ptp(kept, axis=0) > 0).all())


def _coefficient(statistic: Any, scores: Array, pairs: list[tuple[int, int]]) -> Coefficient:
    # The same architectures are drawn for all pairs of seeds; those without one of the two are left out after that.
    scores = scores[np.any([_both(scores[:, list(pair)]) for pair in pairs], axis=0)]
    draws = np.random.default_rng(0).integers(len(scores), size=(RESAMPLES, len(scores)))
    found, resampled = [], []
    for first, second in pairs:
        columns = np.where(_both(scores[:, [first, second]])[:, None], scores[:, [first, second]], np.nan)
        found.append(float(statistic(columns[None, :, 0], columns[None, :, 1])[0]))
        resampled.append(statistic(columns[draws, 0], columns[draws, 1]))
    values = np.stack(resampled)
    defined = ~np.isnan(values).all(axis=0)
    return Coefficient.of(math.fsum(found) / len(found), np.nanmean(values[:, defined], axis=0))


@dataclass(frozen=True)
class Ties:
    """Pairs of architectures whose means over seeds differ by no more than noise.

    Attributes:
        deviation: standard deviation of one run, pooled over architectures.
        tied: `(architectures, architectures)`, whether a pair is a tie.
    """

    deviation: float
    tied: Any

    @property
    def pairs(self) -> int:
        count = len(self.tied)
        return count * (count - 1) // 2

    @property
    def count(self) -> int:
        return int(np.triu(self.tied, k=1).sum())

    def agreement(self, proxy: Array, means: Array) -> float | None:
        """Compute the share of untied pairs that the proxy orders right; equal proxy values count half."""
        one, other = np.triu_indices(len(means), k=1)
        kept = ~self.tied[one, other]
        if not kept.any():
            return None
        signs = np.sign(proxy[one] - proxy[other]) * np.sign(means[one] - means[other])
        return float(((1 + signs[kept]) / 2).mean())


def ties_within_noise(scores: Array, level: float = 0.05) -> Ties | None:
    """Find ties by a two-sided t-test with the pooled deviation of all runs; None if no architecture has two seeds.

    The level holds for each pair alone: among many equal architectures some pairs differ significantly.
    """
    runs = (~np.isnan(scores)).sum(axis=1)
    freedom = int((runs - 1).clip(min=0).sum())
    if freedom == 0:
        return None
    means = np.nanmean(scores, axis=1)
    deviation = math.sqrt(np.nansum((scores - means[:, None]) ** 2) / freedom)
    limit = student.ppf(1 - level / 2, freedom) * deviation * np.sqrt(1 / runs[:, None] + 1 / runs[None, :])
    return Ties(deviation, np.abs(means[:, None] - means[None, :]) <= limit)
