"""The details of every measured row: its records by seed, lineage, data, machine and config."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.records.record import Parent, Record
from bench.tables.rows import Row
from bench.tasks.contract import Metric
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
    """A measured row's runs, and their relatives, each once."""

    row: Row
    parents: tuple[Relative, ...]
    children: tuple[Relative, ...]

    @property
    def records(self) -> Sequence[Record]:
        return self.row.records

    @property
    def title(self) -> str:
        return f"{self.row.labels['architecture']} under {self.row.labels['protocol']}"

    @property
    def metrics(self) -> list[Metric]:
        """Those that some record has."""
        known = {key for record in self.records for key in record.metrics}
        return [metric for metric in METRICS[self.row.task] if metric.key in known]

    @property
    def machines(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Each environment with the seeds that were run in it: machines and code may differ between them."""
        found: dict[str, tuple[list[str], Mapping[str, Any]]] = {}
        for record in self.records:
            key = json.dumps(record.environment, sort_keys=True)
            found.setdefault(key, ([], record.environment))[0].append(f"seed{record.seed}")
        return [(", ".join(seeds), environment) for seeds, environment in found.values()]


#: What a parent gives to its child.
_GIFTS = {"search": "architecture", "weights": "weights"}


def place_of(record: Record) -> str:
    """The id of a record's line in the page, unlike that of any other record; needs no escaping in a link."""
    return "run-" + re.sub(r"[^A-Za-z0-9_./-]", lambda found: f"~{ord(found[0]):x}~", record.name)


def config_place(config: Mapping[str, Any]) -> str:
    """The id of a config in the page: runs of one config share it."""
    return "config-" + hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:12]


class Lineage:
    """The parents and children of all records in the page."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._records = {record.name: record for record in records}
        self._children: dict[str, list[Relative]] = {}
        for record in self._records.values():
            for parent in record.parents:
                if self._find(parent) is not None:
                    child = Relative(f"{_GIFTS[parent.role]} used by", record.name, place_of(record))
                    self._children.setdefault(parent.record, []).append(child)

    def _find(self, parent: Parent) -> Record | None:
        """The parent's record; None where it is missing or of another run."""
        found = self._records.get(parent.record)
        return found if found is not None and found.key == parent.key else None

    def parents(self, record: Record, below: frozenset[str] = frozenset()) -> list[Relative]:
        """The runs that a record started from, each followed by its own parents.

        Args:
            below: the names of the records on the way here: a record made by hand may name itself as its parent.
        """
        found, known = [], {parent.record for parent in record.parents}
        below |= {record.name}
        for parent in record.parents:
            here = self._find(parent)
            found.append(Relative(f"{_GIFTS[parent.role]} from", parent.record, place_of(here) if here else ""))
            # A retraining's search is the transfer's own, too.
            if here and parent.role == "weights" and parent.record not in below:
                found += [each for each in self.parents(here, below) if each.name not in known]
        return found

    def runs(self, rows: Iterable[Row]) -> list[Run]:
        """The runs of the measured rows, in order; rows of the same records are one run."""
        measured = {row.records[0].name: row for row in rows if row.records}
        return [
            Run(
                row,
                tuple({each: None for record in row.records for each in self.parents(record)}),
                tuple({each: None for record in row.records for each in self._children.get(record.name, ())}),
            )
            for row in measured.values()
        ]
