"""The stages of a pipeline, and where an evaluation's architecture comes from.

What a stage is of may be known only when the stages that it needs have ended: a search finds a genotype, a selection
chooses one. `found` below holds the records of the stages that have ended, by title.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from backbones.errors import InputError
from backbones.genotype import Genotype
from bench.records.record import Record
from bench.runs.run import found_by
from bench.tasks.architectures import NamedArchitecture
from bench.tasks.contract import Protocol, Task

Found = Mapping[str, Record]


class ArchitectureSource(abc.ABC):
    """Where an evaluation's architecture comes from."""

    @property
    @abc.abstractmethod
    def label(self) -> str:
        """Its name in a title."""

    @property
    @abc.abstractmethod
    def needs(self) -> tuple[str, ...]:
        """Titles of the stages that have to end before it is known."""

    @abc.abstractmethod
    def architecture(self, found: Found) -> NamedArchitecture:
        """The architecture, as soon as all that is needed is found."""

    @abc.abstractmethod
    def seed(self, found: Found) -> int:
        """The seed of retraining and transfer where none is given."""


@dataclass(frozen=True)
class Given(ArchitectureSource):
    """A baseline."""

    given: NamedArchitecture
    own_seed: int

    @property
    def label(self) -> str:
        return self.given.name

    @property
    def needs(self) -> tuple[str, ...]:
        return ()

    def architecture(self, found: Found) -> NamedArchitecture:
        return self.given

    def seed(self, found: Found) -> int:
        return self.own_seed


@dataclass(frozen=True)
class Searched(ArchitectureSource):
    """What a search finds: its genotype, the one of another M, or the one after an earlier stage."""

    search: PipelineStage
    max_skips: int | None = None
    stage: int | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.search.title,)

    @property
    def label(self) -> str:
        what = f", M={self.max_skips}" if self.max_skips is not None else ""
        what += f", after stage {self.stage}" if self.stage is not None else ""
        return f"{self.search.title.removeprefix('search/')}{what}"

    def architecture(self, found: Found) -> NamedArchitecture:
        record = found[self.search.title]
        own = found_by(record)
        if self.max_skips is not None:
            by_limit = _kept(record, "max_skips")
            return _variant(record, own, by_limit.get(str(self.max_skips)), f"m{self.max_skips}", by_limit)
        if self.stage is not None:
            by_stage = {str(place): genotype for place, genotype in enumerate(_kept(record, "stages"), start=1)}
            return _variant(record, own, by_stage.get(str(self.stage)), f"stage{self.stage}", by_stage)
        return own

    def seed(self, found: Found) -> int:
        return self.search.seed(found)


def _kept(record: Record, what: str) -> Any:
    if what not in record.resolved:
        raise InputError(f"{record.name}: the record has no genotypes by {what!r}; move it away to search again")
    return record.resolved[what]


def _variant(
    record: Record, own: NamedArchitecture, genotype: Any, suffix: str, siblings: Mapping[str, Any]
) -> NamedArchitecture:
    """The search's architecture with another genotype; equal genotypes are one architecture, to be trained once."""
    if genotype is None:
        raise InputError(f"{record.name}: the search has no genotype {suffix}")
    found = Genotype.from_json(genotype, where=record.name)
    if found.digest == own.design.digest:
        return own
    kind = suffix.rstrip("0123456789")
    first = next(key for key, sibling in siblings.items() if sibling == genotype)
    title = {"m": "M=", "stage": "stage "}[kind]
    return replace(own, name=f"{own.name[:90]}-{kind}{first}", design=found, method=f"{own.method}, {title}{first}")


@dataclass(frozen=True)
class PipelineStage:
    """One protocol with the architecture that a baseline, a search or a selection gives; a search has none.

    Attributes:
        source: None: the task needs no architecture, it finds one.
        given_seed: None: that of the source.
        weights: the stage whose weights it starts from, the file that has them, or None.
    """

    title: str
    task: Task
    protocol: Protocol
    source: ArchitectureSource | None
    given_seed: int | None
    weights: PipelineStage | Path | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        """Titles of the stages that have to end before this one can begin."""
        before = (self.weights.title,) if isinstance(self.weights, PipelineStage) else ()
        return (*(self.source.needs if self.source else ()), *before)

    def architecture(self, found: Found) -> NamedArchitecture | None:
        """The architecture, as soon as all that is needed is found."""
        return None if self.source is None else self.source.architecture(found)

    def seed(self, found: Found) -> int:
        if self.given_seed is not None:
            return self.given_seed
        assert self.source is not None, "a search is given its seed"
        return self.source.seed(found)
