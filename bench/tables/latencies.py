"""Latencies beside the rows of the networks that they were measured of; those of two devices never meet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from backbones.errors import InputError
from bench.records.record import Record
from bench.tables.numbers import Number
from bench.tables.rows import Row

#: The column's key in `Row.numbers`.
LATENCY = "latency_ms"


@dataclass(frozen=True)
class Runtime:
    """What latencies are measured in: a runtime on a device."""

    name: str
    device: str

    def __str__(self) -> str:
        return f"{self.name}, {self.device}"


def runtime_of(record: Record) -> Runtime:
    """Runtime and device of a record of latency."""
    return Runtime(str(record.config.get("runtime", "")), str(record.config.get("device", "")))


def choose_runtime(records: Iterable[Record], name: str, device: str) -> Runtime:
    """Find the only runtime on the only device that is meant.

    Args:
        device: a name or a pattern (`*`, `?`, `[…]`).

    Raises:
        InputError: there is none, or more than one; names them.
    """
    known = sorted({runtime_of(record) for record in records}, key=str)
    found = [each for each in known if each.name == name and fnmatchcase(each.device.lower(), device.lower())]
    if len(found) != 1:
        held = "; ".join(map(str, found or known)) or "none (`wildnas speed … --record` makes some)"
        problem = "several devices, whose latencies never share a column" if found else "no latency of these"
        raise InputError(f"latency: {name} on {device}: {problem}; there are {held}")
    return found[0]


def with_latencies(rows: Iterable[Row], records: Sequence[Record], runtime: Runtime) -> list[Row]:
    """The rows of records, with the latency of their network under their protocol where it was measured."""
    known = {
        (str(record.config.get("on")), _architecture(record)): record.metrics["latency"].value
        for record in records
        if runtime_of(record) == runtime and "latency" in record.metrics
    }
    found = []
    for row in rows:
        key = (row.text("protocol"), _architecture(row.records[0])) if row.records else None
        value = None if key is None else known.get(key)
        numbers = row.numbers if value is None else {**row.numbers, LATENCY: Number(value, f"{value:.2f}")}
        found.append(replace(row, numbers=numbers))
    return found


def latencies_of(network: Record, records: Iterable[Record]) -> dict[Runtime, Record]:
    """The latencies of a record's network under its protocol, by runtime and device."""
    of = (network.protocol, _architecture(network))
    alike = [each for each in records if (str(each.config.get("on")), _architecture(each)) == of]
    return {runtime_of(each): each for each in alike if "latency" in each.metrics}


def _architecture(record: Record) -> str | None:
    """What two runs of one network share, whatever weights they began with."""
    return record.architecture.digest or record.architecture.timm
