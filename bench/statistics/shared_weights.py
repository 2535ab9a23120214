"""How much of an agreement comes from weights that the proxy's run and the downstream run share.

A detector or re-identifier may start from the very weights whose classification error is the proxy. Then both have
their noise in common, and agree more than the architectures do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.statistics.correlation import FEWEST, Array, kendall


@dataclass(frozen=True)
class SharedWeights:
    """Mean τ between the proxy of one seed and the downstream runs of one seed.

    Attributes:
        same: the runs start from the weights that have the proxy's value.
        other: they start from the weights of another seed.
    """

    same: float
    other: float


def shared_weights(
    proxy: pd.DataFrame, downstream: pd.DataFrame, starts: pd.DataFrame, protocol: str
) -> SharedWeights | None:
    """Compare the agreement of runs with the weights they start from, and with those of other seeds.

    Args:
        proxy, downstream: scores `(architectures, seeds)`, NaN without a run; larger is better.
        starts: the record whose weights each downstream run started from.
        protocol: the proxy's.

    Returns:
        None if downstream runs do not start from the proxy's, or if `FEWEST` architectures with two seeds are missing.
    """
    names = proxy.index.intersection(downstream.index)
    values = proxy.loc[names]
    same, other = [], []
    for seed in downstream:
        scores = downstream.loc[names, seed]
        start = starts.loc[names, seed].map(lambda name: _seed(name, protocol))
        for each in values:
            same_seed = start == each
            same.append(_kendall(values[each].where(same_seed), scores))
            other.append(_kendall(values[each].where(start.notna() & ~same_seed), scores))
    means = _mean(same), _mean(other)
    return None if means[0] is None or means[1] is None else SharedWeights(means[0], means[1])


def _seed(record: object, protocol: str) -> int | None:
    """The seed of a run of the protocol, from its name `task/protocol/architecture/seedN`."""
    found = re.fullmatch(rf"{re.escape(protocol)}/[^/]+/seed(\d{{1,18}})", record) if isinstance(record, str) else None
    return int(found[1]) if found else None


def _kendall(first: pd.Series, second: pd.Series) -> float | None:
    x, y = first.to_numpy(np.float64), second.to_numpy(np.float64)
    both: Array = ~(np.isnan(x) | np.isnan(y))
    if both.sum() < FEWEST or np.ptp(x[both]) == 0 or np.ptp(y[both]) == 0:
        return None
    return float(kendall(x[None, both], y[None, both])[0])


def _mean(found: Iterable[float | None]) -> float | None:
    told = [value for value in found if value is not None]
    return sum(told) / len(told) if told else None
