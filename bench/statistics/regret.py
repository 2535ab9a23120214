"""Regret: the downstream loss from following a proxy's order."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def regret(proxy: Sequence[float], downstream: Sequence[float], first: int = 1) -> float:
    """Compute the distance of the best of the proxy's first architectures from the best of all, in downstream units.

    Larger is better in both. If equal proxy values leave the choice of the first open, the result is the mean over all
    choices.

    Args:
        first: number of the proxy's best architectures that are tried downstream.

    Raises:
        ValueError: there are fewer architectures than `first`, or the two have different lengths.
    """
    x, y = np.asarray(proxy, dtype=np.float64), np.asarray(downstream, dtype=np.float64)
    if len(x) != len(y) or not 1 <= first <= len(x):
        raise ValueError(
            f"{len(x)} and {len(y)} values, first={first}: expected equal numbers, and at most as many first"
        )
    border = np.sort(x)[-first]
    sure, tied = y[x > border], np.sort(y[x == border])[::-1]
    best_sure = float(sure.max()) if len(sure) else -math.inf
    taken, count = first - len(sure), len(tied)
    # The best of `taken` out of `count` has rank i in C(count - 1 - i, taken - 1) of the choices.
    ways = [math.comb(count - 1 - rank, taken - 1) for rank in range(count)]
    expected = sum(way * max(best_sure, float(value)) for way, value in zip(ways, tied, strict=True))
    return float(y.max()) - expected / math.comb(count, taken)
