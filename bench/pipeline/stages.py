"""Stages of a pipeline, and the sources of their architectures.

An architecture may be known only when other stages have ended: a search finds one, a selection chooses one. `found`
below holds the records of the stages that have ended, by title.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from backbones.errors import InputError
from backbones.genotype import Genotype
from backbones.pretrained import WeightCard
from bench.records.record import Record
from bench.runs.run import found_by
from bench.tasks.architectures import NamedArchitecture
from bench.tasks.contract import Protocol, Task, given

Found = Mapping[str, Record]

#: Metric of protocols with held-out images.
METRIC = "validation_error"

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Given:
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
class Searched:
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
        if self.max_skips is not None:
            return _variant(record, ("m", "M="), self.max_skips, _kept(record, "max_skips"))
        if self.stage is not None:
            by_stage = {str(place): genotype for place, genotype in enumerate(_kept(record, "stages"), start=1)}
            return _variant(record, ("stage", "stage "), self.stage, by_stage)
        return found_by(record)

    def seed(self, found: Found) -> int:
        return self.search.seed(found)


def _kept(record: Record, what: str) -> Any:
    if what not in record.resolved:
        raise InputError(f"{record.name}: has no genotypes by {what!r}; move the record away to search again")
    return record.resolved[what]


def _variant(record: Record, words: tuple[str, str], number: int, siblings: Mapping[str, Any]) -> NamedArchitecture:
    """The search's architecture with another genotype; equal genotypes share a name, so they are trained once.

    Args:
        words: the kind of variant, in names and in tables.
        siblings: genotypes of all variants of this kind, by number.
    """
    (kind, title), genotype = words, siblings.get(str(number))
    if genotype is None:
        raise InputError(f"{record.name}: the search has no genotype {kind}{number}")
    own, found = found_by(record), Genotype.from_json(genotype, where=record.name)
    if found.digest == own.design.digest:
        return own
    first = next(key for key, sibling in siblings.items() if sibling == genotype)
    return replace(own, name=f"{own.name[:90]}-{kind}{first}", design=found, method=f"{own.method}, {title}{first}")


@dataclass(frozen=True)
class Best:
    """The candidate with the least validation error; the first of equal ones.

    PC-DARTS ran its search five times "and used standalone validation to pick the best from the 5 runs", trained on
    45,000 images and validated on the other 5,000 (Table 1, footnote ‡).

    Attributes:
        candidates: stages of the validation runs.
    """

    name: str
    candidates: tuple[PipelineStage, ...]

    @property
    def label(self) -> str:
        return f"best of {len(self.candidates)} of {self.name}"

    @property
    def needs(self) -> tuple[str, ...]:
        return tuple(title for stage in self.candidates for title in (*stage.needs, stage.title))

    def chosen(self, found: Found) -> PipelineStage:
        return min(self.candidates, key=lambda stage: validation_error(found[stage.title]))

    def architecture(self, found: Found) -> NamedArchitecture:
        return given(self.chosen(found).architecture(found))

    def seed(self, found: Found) -> int:
        return self.chosen(found).seed(found)

    def report(self, found: Found) -> dict[str, Any]:
        """The chosen architecture and the candidates, as plain values."""
        return {
            "rule": "best by standalone validation",
            "of": self.name,
            "chosen": self.architecture(found).name,
            "candidates": {
                given(stage.architecture(found)).name: validation_error(found[stage.title]) for stage in self.candidates
            },
            "metric": METRIC,
            "protocol": self.candidates[0].protocol.name,
        }


def validation_error(record: Record) -> float:
    """Validation error of a run in %.

    Raises:
        InputError: the run has no held-out images.
    """
    if METRIC not in record.metrics:
        raise InputError(
            f"{record.name}: has no {METRIC} to select by; the protocol must hold images out (images.validation)"
        )
    return record.metrics[METRIC].value


def drawn(candidates: list[_Item], seed: int) -> _Item:
    """Draw one of the candidates uniformly, before any of them runs, so that the others need not run."""
    return candidates[random.Random(seed).randrange(len(candidates))]


#: A source of an evaluation's architecture. Its `label` stands in titles. Its `needs` are the titles of the stages that
#: must end before `architecture` and `seed` are known; `seed` is that of retraining and transfer if none is given.
ArchitectureSource = Given | Searched | Best


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
