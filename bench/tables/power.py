"""Number of seeds that a t-test needs to find a difference."""

from __future__ import annotations

import math
from bisect import bisect_left

import numpy as np
from scipy.stats import nct
from scipy.stats import t as student

POWER = 0.8
LEVEL = 0.05
#: The largest number of seeds that is computed.
MOST = 10_000


def seeds_needed(difference: float, deviation: float, paired: bool = False) -> int | None:
    """Compute the seeds on each side with which a two-sided t-test at 5 % has a power of 80 %.

    Args:
        difference: difference of the means.
        deviation: standard deviation of one run, or of the differences seed by seed if the test is `paired`.

    Returns:
        Two or more; None if it is more than `MOST`, or if there is no difference.
    """
    if difference == 0 or not (math.isfinite(difference) and math.isfinite(deviation)):
        return None
    if deviation == 0:
        return 2
    effect = abs(difference) / deviation
    counts = range(2, MOST + 1)
    # More seeds never have less power.
    index = bisect_left(counts, POWER, key=lambda seeds: power_of(effect, seeds, paired))
    return next(iter(counts[index:]), None)


def power_of(effect: float, seeds: int, paired: bool = False) -> float:
    """Compute the power of the t-test with two or more seeds on each side.

    Args:
        effect: the difference in standard deviations (Cohen's d).
    """
    freedom = seeds - 1 if paired else 2 * (seeds - 1)
    shift = effect * math.sqrt(seeds if paired else seeds / 2)
    limit = float(student.ppf(1 - LEVEL / 2, freedom))
    power = nct.sf(limit, freedom, shift) + nct.cdf(-limit, freedom, shift)
    # SciPy's distribution returns NaN for very large effects.
    return 1.0 if np.isnan(power) else float(power)


def needed_text(seeds: int | None) -> str:
    return f">{MOST:,}" if seeds is None else str(seeds)
