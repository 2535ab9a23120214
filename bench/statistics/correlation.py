"""Rank correlation of two measurements of the same architectures."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import rankdata

#: The smallest number of architectures for a coefficient; with fewer, its interval would be the whole range.
FEWEST = 5
RESAMPLES = 2_000
#: Draws for the bound of a perfect order, and the number of values above which it is that of so many.
_DRAWS, _MOST_VALUES = 20_000, 200
#: Chunk size, in numbers, that bounds memory for many architectures.
_CHUNK = 4_000_000

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Coefficient:
    """A coefficient between -1 and 1, and the bounds of its 95 % interval: the bootstrap's, or `perfect_bounds`."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, value: float, resampled: Array) -> Coefficient:
        """Take the percentile interval of the resampled values, without those that are undefined (NaN)."""
        low, high = np.percentile(resampled[~np.isnan(resampled)], [2.5, 97.5])
        return cls(value, float(low), float(high))

    @classmethod
    def of_perfect(cls, value: float, low: float) -> Coefficient:
        """Take the bound for an agreement of +1, or its mirror image for −1."""
        return cls(value, low, 1.0) if value > 0 else cls(value, -1.0, -low)

    @property
    def text(self) -> str:
        return f"{signed(self.value)} [{signed(self.low)}, {signed(self.high)}]"


@dataclass(frozen=True)
class Correlation:
    """Spearman's ρ and Kendall's τ (τ-b, which allows ties) over a number of architectures.

    Both are None below `FEWEST` architectures, or if one side has the same value for all.
    """

    points: int
    spearman: Coefficient | None
    kendall: Coefficient | None

    @property
    def reading(self) -> str:
        """The conclusion in words."""
        if self.points < FEWEST:
            return f"too few (fewer than {FEWEST})"
        if self.spearman is None or self.kendall is None:
            return "no order: all equal"
        both = {"ρ's": self.spearman, "τ's": self.kendall}
        holding = [name for name, each in both.items() if each.low <= 0 <= each.high]
        if holding:
            return f"undecided: {holding[0] if len(holding) == 1 else 'the'} interval holds 0"
        return "same order, by and large" if self.spearman.low > 0 else "opposite order, by and large"


def correlate(first: Sequence[float], second: Sequence[float]) -> Correlation:
    """Correlate two measurements of the same architectures; larger is better in both.

    The interval is the bootstrap's percentile interval over architectures, with a fixed seed. Resamples with one value
    only have no coefficient and are left out. All resamples of a perfect order are perfect, however few architectures
    there are; its interval is that of `perfect_bounds`.
    """
    count = len(first)
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if count < FEWEST or np.ptp(x) == 0 or np.ptp(y) == 0:
        return Correlation(count, None, None)
    draws = np.random.default_rng(0).integers(count, size=(RESAMPLES, count))
    rho, tau = (_coefficient(statistic, x, y, draws) for statistic in (spearman, kendall))
    return Correlation(count, *with_perfect_bounds(rho, tau, min(len(np.unique(x)), len(np.unique(y)))))


def with_perfect_bounds(rho: Coefficient, tau: Coefficient, values: int) -> tuple[Coefficient, Coefficient]:
    """Give coefficients of a perfect order the interval of `perfect_bounds`, others as they are.

    Args:
        values: number of different values of the side that has fewer.
    """
    if abs(tau.value) < 1 - 1e-12:
        return rho, tau
    bounds = perfect_bounds(min(values, _MOST_VALUES))
    return Coefficient.of_perfect(rho.value, bounds[0]), Coefficient.of_perfect(tau.value, bounds[1])


@functools.cache
def perfect_bounds(count: int) -> tuple[float, float]:
    """Compute the ρ and τ of normal pairs of which `count` are in perfect order in 2.5 % of draws.

    They bound what a perfect order leaves possible, as Clopper and Pearson (1934) bound a share of 100 %. With
    y = r x + √(1 − r²) e, pairs in the order of x are in that of y if r / √(1 − r²) is above the largest −Δe / Δx of
    neighbours; its 2.5 % quantile over draws gives r, and r gives ρ = 6/π arcsin r/2 and τ = 2/π arcsin r.
    """
    rng = np.random.default_rng(0)
    steps = np.diff(np.sort(rng.normal(size=(_DRAWS, count)), axis=1), axis=1)
    slopes = (-np.diff(rng.normal(size=(_DRAWS, count)), axis=1) / steps).max(axis=1)
    slope = float(np.percentile(slopes, 2.5))
    r = slope / math.sqrt(1 + slope**2)
    return 6 / math.pi * math.asin(r / 2), 2 / math.pi * math.asin(r)


def _coefficient(statistic: Callable[[Array, Array], Array], x: Array, y: Array, draws: Any) -> Coefficient:
    return Coefficient.of(float(statistic(x[None], y[None])[0]), statistic(x[draws], y[draws]))


def spearman(x: Array, y: Array) -> Array:
    """Compute ρ of each row of `(R, N)`, Pearson's correlation of ranks with mean ranks for ties; NaN if undefined.

    Places that are NaN in both x and y are left out.
    """
    ranks = (rankdata(values, axis=1, nan_policy="omit") for values in (x, y))
    known = np.maximum((~np.isnan(x)).sum(axis=1, keepdims=True), 1)
    return _cosine(*(values - np.nansum(values, axis=1, keepdims=True) / known for values in ranks))


def kendall(x: Array, y: Array) -> Array:
    """Compute τ-b of each row of `(R, N)`; NaN if undefined. Places that are NaN in both x and y are left out."""
    one, other = np.triu_indices(x.shape[1], k=1)
    rows = max(1, _CHUNK // len(one))
    found = []
    for start in range(0, len(x), rows):
        parts = (values[start : start + rows] for values in (x, y))
        found.append(_cosine(*(np.sign(values[:, one] - values[:, other]) for values in parts)))
    return np.concatenate(found)


def _cosine(x: Array, y: Array) -> Array:
    total = functools.partial(np.nansum, axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray(total(x * y) / np.sqrt(total(x * x) * total(y * y)))


def signed(value: float) -> str:
    """Write a coefficient with its sign."""
    return f"{value:+.2f}".replace("-", "−").replace("+0.00", "0.00").replace("−0.00", "0.00")
