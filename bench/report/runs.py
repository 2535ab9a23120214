"""The details of every measured row: its records by seed, lineage, data, machine and config."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.records.record import Record
from bench.tables.rows import Row
from bench.tasks.metrics import METRICS


@dataclass(frozen=True)
class Relative:
    """A run that this one started from, or that started from this one.

    Attributes:
        place: the id of its record in the page; empty if the record is missing or is of another run.
    """

    role: str
    name: str
    place: str


@dataclass(frozen=True)
class Run:
    """A measured row's runs.

    Attributes:
        place: the id in the page.
        values: of each record, its metrics as texts in the order of `metrics`.
        machines: each environment that records were made in, with their names.
        config: the place of the config in the page.
    """

    place: str
    row: Row
    metrics: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    parents: tuple[Relative, ...]
    children: tuple[Relative, ...]
    machines: tuple[tuple[str, Mapping[str, Any]], ...]
    config: str

    @property
    def records(self) -> Sequence[Record]:
        return self.row.records

    @property
    def title(self) -> str:
        return f"{self.row.labels['architecture']} under {self.row.labels['protocol']}"


#: The words for what a parent gave and a child took.
ROLES = {"search": "architecture from", "weights": "weights from"}
USES = {"search": "architecture used by", "weights": "weights used by"}


def place_of(record: Record) -> str:
    """The id of a record's line in the page, unlike that of any other record; needs no escaping in a link."""
    return "run-" + re.sub(r"[^A-Za-z0-9_./-]", lambda found: f"~{ord(found[0]):x}~", record.name)


class Lineage:
    """The parents and children of all records in the page."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._records = {record.name: record for record in records}
        self._children: dict[str, list[tuple[str, Record]]] = {}
        for record in self._records.values():
            for parent in record.parents:
                if self._is(parent.record, parent.key):
                    self._children.setdefault(parent.record, []).append((parent.role, record))

    def _is(self, name: str, key: str) -> bool:
        return name in self._records and self._records[name].key == key

    def parents(self, record: Record, below: frozenset[str] = frozenset()) -> list[Relative]:
        """The runs that a record started from, each followed by its own parents.

        Args:
            below: the names of the records on the way here: a record made by hand may name itself as its parent.
        """
        found = []
        below |= {record.name}
        for parent in record.parents:
            here = self._is(parent.record, parent.key)
            place = place_of(self._records[parent.record]) if here else ""
            found.append(Relative(ROLES[parent.role], parent.record, place))
            # A retraining's search is the transfer's own, too.
            if here and parent.role == "weights" and parent.record not in below:
                known = {other.record for other in record.parents}
                older = self.parents(self._records[parent.record], below)
                found += [each for each in older if each.name not in known]
        return found

    def children(self, record: Record) -> list[Relative]:
        """The runs that started from a record."""
        found = self._children.get(record.name, ())
        return [Relative(USES[role], child.name, place_of(child)) for role, child in found]


def config_place(config: Mapping[str, Any]) -> str:
    """The id of a config in the page: runs of one config share it."""
    return "config-" + hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:12]


def runs(rows: Iterable[Row], lineage: Lineage) -> list[Run]:
    """The runs of the measured rows, in order; rows of the same records are one run."""
    measured = {row.records[0].name: row for row in rows if row.records}
    return [_run(row, lineage) for row in measured.values()]


def _run(row: Row, lineage: Lineage) -> Run:
    first = row.records[0]
    known = [metric for metric in METRICS[row.task] if any(metric.key in record.metrics for record in row.records)]
    values = tuple(
        tuple(f"{record.metrics[metric.key].value:.5g}" if metric.key in record.metrics else "" for metric in known)
        for record in row.records
    )
    titles = tuple(metric.title for metric in known)
    parents = {each: None for record in row.records for each in lineage.parents(record)}
    children = {each: None for record in row.records for each in lineage.children(record)}
    place, config = place_of(first), config_place(first.config)
    return Run(place, row, titles, values, tuple(parents), tuple(children), _machines(row.records), config)


def _machines(records: Iterable[Record]) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    """Seeds may have been run on different machines, or with different code."""
    found: dict[str, tuple[list[str], Mapping[str, Any]]] = {}
    for record in records:
        key = json.dumps(record.environment, sort_keys=True)
        found.setdefault(key, ([], record.environment))[0].append(f"seed{record.seed}")
    return tuple((", ".join(seeds), environment) for seeds, environment in found.values())
