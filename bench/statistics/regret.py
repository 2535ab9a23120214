"""Regret: what is lost downstream by trusting a proxy's order."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def regret(proxy: Sequence[float], downstream: Sequence[float], first: int = 1) -> float:
    """How far the best of the proxy's first architectures is from the best of all, in the downstream metric's unit.

    Larger is better in both. Where equal proxy values leave open which architectures are the first, the mean over all
    ways to choose is taken.

    Args:
        first: how many of the proxy's best are tried downstream.

    Raises:
        ValueError: there are fewer architectures than `first`, or the two have different lengths.
    """
    x, y = np.asarray(proxy, dtype=np.float64), np.asarray(downstream, dtype=np.float64)
    if len(x) != len(y) or not 1 <= first <= len(x):
        raise ValueError(f"{len(x)} and {len(y)} values, first={first}: expected as many, and first of these at most")
    border = np.sort(x)[-first]
    sure, open_places = y[x > border], np.sort(y[x == border])[::-1]
    best_sure = float(sure.max()) if len(sure) else -math.inf
    taken, count = first - len(sure), len(open_places)
    # The best of `taken` out of `count` is the one of rank i in C(count - 1 - i, taken - 1) of the ways.
    ways = [math.comb(count - 1 - rank, taken - 1) for rank in range(count)]
    expected = sum(way * max(best_sure, float(value)) for way, value in zip(ways, open_places, strict=True))
    return float(y.max()) - expected / math.comb(count, taken)
