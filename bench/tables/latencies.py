"""Latencies beside the rows of the networks that they were measured of; those of two devices never meet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from backbones.errors import InputError
from bench.records.record import Record
from bench.tables.numbers import Number
from bench.tables.rows import Row

#: The tasks whose networks are timed.
TIMED = ("classification", "detection", "reid")

#: First parts of a config's keys that change a network or the size of its images.
_NETWORK = {"model", "network", "channels", "macs_limit", "layers", "images"}
_NETWORK |= {"parts", "height", "width", "last_stride", "reduced_dim"}

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
    found = []
    known: dict[tuple[str, str | None], list[Record]] = {}
    for record in records:
        if runtime_of(record) == runtime:
            known.setdefault(_network(record), []).append(record)
    for row in rows:
        timed = latencies_of(row.records[0], known.get(_network(row.records[0]), ())) if row.records else {}
        value = timed[runtime].metrics["latency"].value if timed else None
        numbers = row.numbers if value is None else {**row.numbers, LATENCY: Number(value, f"{value:.2f}")}
        found.append(replace(row, numbers=numbers))
    return found


def latencies_of(network: Record, records: Iterable[Record]) -> dict[Runtime, Record]:
    """The latencies of a record's network under its protocol, by runtime and device.

    A latency under changed options is that of a run with the same ones; options that change no network may differ.
    """
    alike = [each for each in records if _network(each) == _network(network) and _fits(each, network)]
    # Of several, the one with most of the run's options.
    alike.sort(key=lambda each: len(each.reduced))
    return {runtime_of(each): each for each in alike if "latency" in each.metrics}


def _network(record: Record) -> tuple[str, str | None]:
    """Protocol and architecture of a run, or of what was timed."""
    return str(record.config.get("on")) if record.task == "latency" else record.protocol, _architecture(record)


def _fits(timed: Record, run: Record) -> bool:
    """Whether what was timed is built as the run's network."""
    options, theirs = ({each for each in record.reduced if each.startswith("option ")} for record in (timed, run))
    changed = (option.removeprefix("option ").partition("=")[0] for option in theirs - options)
    return options <= theirs and not any(key.partition(".")[0] in _NETWORK for key in changed)


def _architecture(record: Record) -> str | None:
    """What two runs of one network share, whatever weights they began with."""
    return record.architecture.digest or record.architecture.timm
