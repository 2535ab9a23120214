"""Stages of a pipeline, and the sources of their architectures.

An architecture may be known only when other stages have ended: a search finds one, a selection chooses one. `found`
below holds the records of the stages that have ended, by title.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from backbones.errors import InputError
from backbones.genotype import Genotype
from backbones.pretrained import WeightCard
from bench.records.record import Record
from bench.runs.run import found_by
from bench.tasks.architectures import NamedArchitecture
from bench.tasks.contract import Protocol, Task

Found = Mapping[str, Record]


class ArchitectureSource(abc.ABC):
    """Source of an evaluation's architecture."""

    @property
    @abc.abstractmethod
    def label(self) -> str:
        """Name in a title."""

    @property
    @abc.abstractmethod
    def needs(self) -> tuple[str, ...]:
        """Titles of the stages that must end before the architecture is known."""

    @abc.abstractmethod
    def architecture(self, found: Found) -> NamedArchitecture:
        """The architecture; `found` must hold all that it needs."""

    @abc.abstractmethod
    def seed(self, found: Found) -> int:
        """Seed of retraining and transfer if none is given."""


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
    """Genotype of a search: its own, that of another limit M, or that after an earlier stage."""

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
        raise InputError(f"{record.name}: has no genotypes by {what!r}; move the record away to search again")
    return record.resolved[what]


def _variant(
    record: Record, own: NamedArchitecture, genotype: Any, suffix: str, siblings: Mapping[str, Any]
) -> NamedArchitecture:
    """The search's architecture with another genotype; equal genotypes share a name, so they are trained once."""
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
    """One protocol with an architecture of a baseline, a search or a selection; a search has none.

    Attributes:
        source: None for a search.
        given_seed: None is that of the source.
        weights: initial weights: a stage, a file, or None.
        card: that of the file, if it was given by name.
    """

    title: str
    task: Task
    protocol: Protocol
    source: ArchitectureSource | None
    given_seed: int | None
    weights: PipelineStage | Path | None = None
    card: WeightCard | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        """Titles of the stages that must end before this one can start."""
        before = (self.weights.title,) if isinstance(self.weights, PipelineStage) else ()
        return (*(self.source.needs if self.source else ()), *before)

    def architecture(self, found: Found) -> NamedArchitecture | None:
        """The architecture; `found` must hold all that it needs."""
        return None if self.source is None else self.source.architecture(found)

    def seed(self, found: Found) -> int:
        if self.given_seed is not None:
            return self.given_seed
        assert self.source is not None, "a search has a seed of its own"
        return self.source.seed(found)
