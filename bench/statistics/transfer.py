"""Compare proxies with downstream metrics: correlation, regret and certainty."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from bench.statistics.correlation import FEWEST, Correlation, correlate
from bench.statistics.measurements import by_seed, of_metric, scores, starts, unambiguous
from bench.statistics.noise import Ceiling, Ties, noise_ceiling, ties_within_noise
from bench.statistics.regret import regret
from bench.statistics.shared_weights import SharedWeights, shared_weights
from bench.tasks.metrics import METRICS

#: Metrics of each task, as a proxy and downstream.
PROXIES: Mapping[str, tuple[str, ...]] = {
    "zerocost": tuple(metric.key for metric in METRICS["zerocost"]),
    "search": ("supernet_accuracy",),
    "classification": ("top1_error",),
}
DOWNSTREAM: Mapping[str, tuple[str, ...]] = {
    "classification": ("top1_error",),
    "detection": ("ap",),
    "reid": ("rank1", "map"),
}
#: Number of the proxy's best architectures that are tried downstream.
FIRST = 3


@dataclass(frozen=True, eq=False)
class Side:
    """One metric of one setting.

    Attributes:
        source: `measured`, or a paper.
        values: a row for each architecture and a column for each seed; NaN means that there was no run.
        scores: the same, with the sign changed if smaller is better.
        starts: the record of the run whose weights each run started from; empty or NaN if there is none.
        names: a name of each architecture.
    """

    source: str
    task: str
    protocol: str
    metric: str
    label: str
    unit: str
    higher_is_better: bool
    reduced: bool
    values: pd.DataFrame
    scores: pd.DataFrame
    starts: pd.DataFrame
    names: Mapping[str, str]

    @property
    def title(self) -> str:
        unit = f" ({self.unit})" if self.unit else ""
        return f"{self.protocol} {self.label}{unit}{' †' if self.reduced else ''}"

    @cached_property
    def ceiling(self) -> Ceiling | None:
        """The noise ceiling: how well one seed's order predicts another's."""
        return noise_ceiling(self.scores.to_numpy())


@dataclass(frozen=True, eq=False)
class Pair:
    """A proxy and a downstream metric over the architectures with both; means over seeds are compared."""

    proxy: Side
    downstream: Side
    architectures: tuple[str, ...]

    @property
    def title(self) -> str:
        return f"{self.proxy.title} → {self.downstream.title}"

    @cached_property
    def means(self) -> tuple[np.ndarray, np.ndarray]:
        """Means over seeds of proxy and downstream metric, `(architectures,)` each; larger is better."""
        first, second = (
            side.scores.loc[list(self.architectures)].mean(axis=1).to_numpy() for side in (self.proxy, self.downstream)
        )
        return first, second

    @cached_property
    def correlation(self) -> Correlation:
        first, second = self.means
        return correlate(first.tolist(), second.tolist())

    @cached_property
    def shared_weights(self) -> SharedWeights | None:
        """What of the agreement is that of weights which both sides have in common."""
        proxy, downstream = self.proxy, self.downstream
        return shared_weights(proxy.scores, downstream.scores, downstream.starts, proxy.protocol)

    @property
    def source(self) -> str:
        return self.downstream.source

    @property
    def reduced(self) -> bool:
        return self.proxy.reduced or self.downstream.reduced

    @property
    def enough(self) -> bool:
        return len(self.architectures) >= FEWEST

    def regret(self, first: int = 1) -> float | None:
        """Compute the regret in downstream units; None if all are tried, or the proxy is the same for all."""
        proxy, downstream = self.means
        if len(proxy) <= first or np.ptp(proxy) == 0:
            return None
        return regret(proxy.tolist(), downstream.tolist(), first)

    @cached_property
    def chance(self) -> float:
        """The regret of a random architecture, for comparison with the proxy's."""
        downstream = self.means[1]
        return float(downstream.max() - downstream.mean())

    @cached_property
    def ties(self) -> Ties | None:
        """Pairs of architectures that are ties within the noise of the downstream runs."""
        return ties_within_noise(self.downstream.scores.loc[list(self.architectures)].to_numpy())

    @property
    def agreement(self) -> float | None:
        """The share of untied pairs that the proxy orders right."""
        return None if self.ties is None else self.ties.agreement(*self.means)


def sides(frame: pd.DataFrame, metrics: Mapping[str, tuple[str, ...]]) -> list[Side]:
    """Split a frame of `measurements` by metric and setting, in the order of tasks, metrics and protocols."""
    return [side for task, keys in metrics.items() for key in keys for side in _of_metric(frame, task, key)]


def _of_metric(frame: pd.DataFrame, task: str, key: str) -> Iterator[Side]:
    for lines in map(unambiguous, of_metric(frame, task, key)):
        if lines.empty:
            continue
        first = lines.iloc[0]
        names = lines.drop_duplicates("architecture").set_index("architecture")["name"].to_dict()
        yield Side(
            str(first["source"]),
            task,
            str(first["protocol"]),
            key,
            str(first["label"]),
            str(first["unit"]),
            bool(first["higher_is_better"]),
            bool(first["reduced"]),
            by_seed(lines),
            scores(lines),
            starts(lines),
            names,
        )


def pairs(frame: pd.DataFrame) -> list[Pair]:
    """List every pair of a proxy and a downstream metric, of one source, that two architectures have.

    Pairs are sorted by downstream metric, and then with the best predictor first. Of two classifications, the proxy is
    the one whose name comes first, since the names' order is that of the data sets' sizes.
    """
    found = []
    proxies = sides(frame, PROXIES)
    for downstream in sides(frame, DOWNSTREAM):
        own = []
        for proxy in proxies:
            after = proxy.task != downstream.task or proxy.protocol < downstream.protocol
            if proxy.source != downstream.source or not after:
                continue
            common = tuple(name for name in downstream.scores.index if name in proxy.scores.index)
            if len(common) > 1:
                own.append(Pair(proxy, downstream, common))
        found += sorted(own, key=_strength, reverse=True)
    return found


def _strength(pair: Pair) -> float:
    kendall = pair.correlation.kendall
    return -2.0 if kendall is None else kendall.value


def as_frame(found: list[Pair]) -> pd.DataFrame:
    """Arrange pairs in a frame, one line each; undefined values are NaN, and `reading` gives the reason."""
    return pd.DataFrame([_line(pair) for pair in found], columns=list(_COLUMNS))


_COLUMNS = (
    "source",
    "proxy",
    "proxy_metric",
    "downstream",
    "downstream_metric",
    "unit",
    "reduced",
    "architectures",
    *(f"{name}{end}" for name in ("spearman", "kendall") for end in ("", "_low", "_high")),
    "regret_first",
    f"regret_best_of_{FIRST}",
    "regret_random",
    "ceiling_kendall",
    "ceiling_kendall_low",
    "ceiling_kendall_high",
    "ceiling_spearman",
    "ceiling_seeds",
    *(f"ideal_{name}{end}" for name in ("spearman", "kendall") for end in ("", "_low", "_high")),
    "kendall_same_weights",
    "kendall_other_weights",
    "tied_pairs",
    "all_pairs",
    "agreement",
    "reading",
)


def _line(pair: Pair) -> dict[str, object]:
    ceiling, ties = pair.downstream.ceiling, pair.ties
    line: dict[str, object] = {
        "source": pair.source,
        "proxy": pair.proxy.protocol,
        "proxy_metric": pair.proxy.metric,
        "downstream": pair.downstream.protocol,
        "downstream_metric": pair.downstream.metric,
        "unit": pair.downstream.unit,
        "reduced": pair.reduced,
        "architectures": len(pair.architectures),
        "regret_first": pair.regret(),
        f"regret_best_of_{FIRST}": pair.regret(FIRST),
        "regret_random": pair.chance,
        "agreement": pair.agreement,
        "reading": pair.correlation.reading,
    }
    for name in ("spearman", "kendall"):
        coefficient = getattr(pair.correlation, name)
        if coefficient is not None:
            line |= {name: coefficient.value, f"{name}_low": coefficient.low, f"{name}_high": coefficient.high}
    if ceiling is not None:
        line |= {
            "ceiling_kendall": ceiling.kendall.value,
            "ceiling_kendall_low": ceiling.kendall.low,
            "ceiling_kendall_high": ceiling.kendall.high,
            "ceiling_spearman": ceiling.spearman.value,
            "ceiling_seeds": ceiling.seeds,
        }
        for name, ideal in (("spearman", ceiling.ideal_spearman), ("kendall", ceiling.ideal_kendall)):
            line |= {f"ideal_{name}": ideal.value, f"ideal_{name}_low": ideal.low, f"ideal_{name}_high": ideal.high}
    if pair.shared_weights is not None:
        line |= {"kendall_same_weights": pair.shared_weights.same, "kendall_other_weights": pair.shared_weights.other}
    if ties is not None:
        line |= {"tied_pairs": ties.count, "all_pairs": ties.pairs}
    return line
