"""Rank correlation of two measurements of the same architectures."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import rankdata

#: The smallest number of architectures for a coefficient; with fewer, its interval would be the whole range.
FEWEST = 5
RESAMPLES = 2_000
#: Chunk size, in numbers, that bounds memory for many architectures.
_CHUNK = 4_000_000

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Coefficient:
    """A coefficient between -1 and 1, and the bounds of its 95 % bootstrap interval."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, value: float, resampled: Array) -> Coefficient:
        """Take the percentile interval of the resampled values, without those that are undefined (NaN)."""
        low, high = np.percentile(resampled[~np.isnan(resampled)], [2.5, 97.5])
        return cls(value, float(low), float(high))

    @property
    def text(self) -> str:
        return f"{_signed(self.value)} [{_signed(self.low)}, {_signed(self.high)}]"


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
        if self.spearman is None:
            return "no order: all equal"
        if self.spearman.low > 0:
            return "same order, by and large"
        return "opposite order, by and large" if self.spearman.high < 0 else "undecided: the interval holds 0"


def correlate(first: Sequence[float], second: Sequence[float]) -> Correlation:
    """Correlate two measurements of the same architectures; larger is better in both.

    The interval is the bootstrap's percentile interval over architectures, with a fixed seed. Resamples with one value
    only have no coefficient and are left out.
    """
    count = len(first)
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if count < FEWEST or np.ptp(x) == 0 or np.ptp(y) == 0:
        return Correlation(count, None, None)
    draws = np.random.default_rng(0).integers(count, size=(RESAMPLES, count))
    return Correlation(count, *(_coefficient(statistic, x, y, draws) for statistic in (spearman, kendall)))


def _coefficient(statistic: Callable[[Array, Array], Array], x: Array, y: Array, draws: Any) -> Coefficient:
    return Coefficient.of(float(statistic(x[None], y[None])[0]), statistic(x[draws], y[draws]))


def spearman(x: Array, y: Array) -> Array:
    """Compute ρ of each row of `(R, N)`, Pearson's correlation of ranks with mean ranks for ties; NaN if undefined."""
    ranks = (rankdata(values, axis=1) for values in (x, y))
    return _cosine(*(values - values.mean(axis=1, keepdims=True) for values in ranks))


def kendall(x: Array, y: Array) -> Array:
    """Compute τ-b of each row of `(R, N)`; NaN if undefined."""
    one, other = np.triu_indices(x.shape[1], k=1)
    rows = max(1, _CHUNK // len(one))
    found = []
    for start in range(0, len(x), rows):
        parts = (values[start : start + rows] for values in (x, y))
        found.append(_cosine(*(np.sign(values[:, one] - values[:, other]) for values in parts)))
    return np.concatenate(found)


def _cosine(x: Array, y: Array) -> Array:
    total = functools.partial(np.sum, axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray(total(x * y) / np.sqrt(total(x * x) * total(y * y)))


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−").replace("+0.00", "0.00").replace("−0.00", "0.00")
