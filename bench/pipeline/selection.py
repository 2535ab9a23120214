"""Choose one of several architectures: the best by standalone validation, or a random one.

PC-DARTS ran its search five times "and used standalone validation to pick the best from the 5 runs", trained on 45,000
images and validated on the other 5,000 (Table 1, footnote ‡).
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, TypeVar

from backbones.errors import InputError
from bench.pipeline.stages import ArchitectureSource, Found, PipelineStage
from bench.records.record import Record
from bench.tasks.architectures import NamedArchitecture
from bench.tasks.contract import given

#: Metric of protocols with held-out images.
METRIC = "validation_error"

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Best(ArchitectureSource):
    """The candidate with the least validation error; the first of equal ones.

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
