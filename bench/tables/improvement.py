"""Relative improvement over the mean of random architectures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: The smallest number of random architectures for a mean.
FEWEST_RANDOM = 2


@dataclass(frozen=True)
class Improvement:
    """Relative improvement in %, with the bounds of its 95 % interval if both sides have two values or more.

    Attributes:
        count, random: number of values on each side.
    """

    value: float
    low: float | None
    high: float | None
    count: int
    random: int

    @property
    def text(self) -> str:
        shown = [f"{each:+.2f}".replace("-", "−") for each in (self.value, self.low, self.high) if each is not None]
        return shown[0] if len(shown) == 1 else f"{shown[0]} [{shown[1]}, {shown[2]}]"


def relative_improvement(
    accuracies: Sequence[float], random: Sequence[float], alone: bool = False
) -> Improvement | None:
    """Compute 100 × (accuracy − accuracy of random) / accuracy of random, of means.

    Yang et al., NAS evaluation is frustratingly hard (ICLR 2020), section 3. The interval is Student's for a ratio of
    means (delta method) with Welch and Satterthwaite's degrees of freedom.

    Args:
        accuracies: those of the method's runs or architectures; larger is better.
        random: those of random architectures, one value each.
        alone: whether a single value has an interval, too. It is that of Student's pooled test: one more random
            architecture would deviate from the mean of n by √(1 + 1/n) standard deviations.

    Returns:
        None with fewer than `FEWEST_RANDOM` random architectures, without accuracies, or if the random mean is not
        positive.
    """
    if len(random) < FEWEST_RANDOM or not accuracies:
        return None
    own, base = float(np.mean(accuracies)), float(np.mean(random))
    if base <= 0:
        return None
    value = 100 * (own / base - 1)
    if len(accuracies) < 2:
        if not alone:
            return Improvement(value, None, None, len(accuracies), len(random))
        half = _half_of_one(random)
        return Improvement(value, value - half, value + half, len(accuracies), len(random))
    parts = (
        (100 / base) ** 2 * float(np.var(accuracies, ddof=1)) / len(accuracies),
        (100 * own / base**2) ** 2 * float(np.var(random, ddof=1)) / len(random),
    )
    total = sum(parts)
    if total == 0:
        return Improvement(value, value, value, len(accuracies), len(random))
    # Imported here because it takes a second, which a table without random architectures does not need.
    from scipy.stats import t as student

    freedom = total**2 / (parts[0] ** 2 / (len(accuracies) - 1) + parts[1] ** 2 / (len(random) - 1))
    half = float(student.ppf(0.975, freedom)) * math.sqrt(total)
    return Improvement(value, value - half, value + half, len(accuracies), len(random))


def _half_of_one(random: Sequence[float]) -> float:
    from scipy.stats import t as student

    count, spread = len(random), float(np.std(random, ddof=1))
    return 100 / float(np.mean(random)) * float(student.ppf(0.975, count - 1)) * spread * math.sqrt(1 + 1 / count)


def accuracy(value: float, unit: str, higher_is_better: bool) -> float | None:
    """Convert a metric to an accuracy in %, 100 minus an error; None for a metric that is not in %."""
    if unit != "%":
        return None
    return value if higher_is_better else 100 - value
