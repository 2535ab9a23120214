"""Does the proxy's order hold in the wild? Every proxy measurement against every downstream one, over architectures.

Only like is compared with like: measured numbers of one setting (protocol, config, data) with measured ones of another,
published numbers of one paper with others of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from bench.statistics.correlation import FEWEST, Correlation, correlate
from bench.tables.rows import MEASURED, Row, setting
from bench.tasks.contract import Metric
from bench.tasks.metrics import METRICS

#: By which metrics an architecture is judged: on the proxy, and downstream of it.
_PROXIES = {"search": ("supernet_accuracy",), "classification": ("top1_error",)}
_DOWNSTREAM = {"classification": ("top1_error",), "detection": ("ap",), "reid": ("rank1", "map")}


@dataclass
class Measurement:
    """One metric of one protocol, by architecture.

    Equal cells are one architecture, whatever their names: of several names, the mean counts. A name of which there are
    two numbers, such as one that was started from two files of weights, has none.

    Attributes:
        source: of which the numbers are: a paper, or `measured`.
        reduced: why the runs were not full ones.
    """

    protocol: str
    metric: Metric
    source: str
    reduced: tuple[str, ...] = ()
    _rows: dict[str, dict[str, Row | None]] = field(default_factory=dict)

    def add(self, architecture: str, name: str, row: Row) -> None:
        names = self._rows.setdefault(architecture, {})
        other = names.setdefault(name, row)
        # A search that two kinds of training followed has two rows of the same records.
        if other is not row and not (other is not None and row.records and other.records == row.records):
            names[name] = None

    def rows(self, architecture: str) -> list[Row]:
        """The rows that an architecture's number is from; none, where it has none."""
        return [row for row in self._rows.get(architecture, {}).values() if row is not None]

    @property
    def architectures(self) -> list[str]:
        return [architecture for architecture in self._rows if self.rows(architecture)]

    def value(self, architecture: str) -> float:
        values = [row.numbers[self.metric.key].value for row in self.rows(architecture)]
        return math.fsum(value for value in values if value is not None) / len(values)

    def score(self, architecture: str) -> float:
        """The value with the sign by which larger is better."""
        return self.value(architecture) * (1 if self.metric.higher_is_better else -1)

    @property
    def title(self) -> str:
        return f"{self.protocol} {self._metric}"

    @property
    def short(self) -> str:
        """The title for an axis, without the task."""
        return f"{self.protocol.partition('/')[2]} {self._metric}"

    @property
    def _metric(self) -> str:
        return f"{self.metric.label} ({self.metric.unit}){' †' if self.reduced else ''}"


@dataclass(frozen=True)
class Transfer:
    """A proxy and a downstream measurement, and the architectures that have both."""

    proxy: Measurement
    downstream: Measurement
    architectures: tuple[str, ...]

    @property
    def reduced(self) -> bool:
        return bool(self.proxy.reduced or self.downstream.reduced)

    @property
    def enough(self) -> bool:
        return len(self.architectures) >= FEWEST

    @cached_property
    def correlation(self) -> Correlation:
        sides = ([side.score(name) for name in self.architectures] for side in (self.proxy, self.downstream))
        return correlate(*sides)


def transfers(rows: Mapping[str, Sequence[Row]]) -> list[Transfer]:
    """Every pair of a proxy and a downstream measurement that at least two architectures have; most of them first.

    Args:
        rows: of each task, published and measured.
    """
    found = []
    proxies, downstream = list(_measurements(rows, _PROXIES)), list(_measurements(rows, _DOWNSTREAM))
    for proxy in proxies:
        for other in downstream:
            if proxy.source != other.source or not _comes_before(proxy, other):
                continue
            common = tuple(architecture for architecture in proxy.architectures if other.rows(architecture))
            if len(common) > 1:
                found.append(Transfer(proxy, other, common))
    return sorted(found, key=lambda each: -len(each.architectures))


def _comes_before(proxy: Measurement, other: Measurement) -> bool:
    """Whether the second is downstream of the first: of two classifications, one by their names' order.

    The names of the papers' protocols are in the order of their size: cifar10, cifar100, imagenet.
    """
    return proxy.protocol.partition("/")[0] != other.protocol.partition("/")[0] or proxy.protocol < other.protocol


def _measurements(rows: Mapping[str, Sequence[Row]], metrics: Mapping[str, tuple[str, ...]]) -> Iterator[Measurement]:
    for task, keys in metrics.items():
        for metric in METRICS[task]:
            if metric.key in keys:
                yield from _of_metric(rows.get(task, ()), metric)


def _of_metric(rows: Iterable[Row], metric: Metric) -> Iterable[Measurement]:
    found: dict[tuple[str, str], Measurement] = {}
    for row in rows:
        number = row.numbers.get(metric.key)
        protocol = row.labels.get("protocol", "")
        if number is None or number.value is None or not number.exact or not protocol:
            continue
        if row.published is not None:
            # Which rows of two tables are of one network, the rows say; without a word, those that print one name.
            architecture = row.labels.get("identity") or row.labels.get("zoo") or row.labels["architecture"]
            source: str = row.published.paper
            group = source
        else:
            first = row.records[0]
            architecture, source, group = row.digest or first.architecture.name, MEASURED, setting(first)
        new = Measurement(protocol, metric, source, row.reduced)
        # A paper names one network in two ways, not two networks of the same cells.
        name = row.labels["architecture"] if row.records else ""
        found.setdefault((protocol, group), new).add(architecture, name, row)
    return found.values()
