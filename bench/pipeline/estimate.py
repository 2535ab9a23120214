"""Estimate the hours of a pipeline's stages.

An estimate rests on finished runs of the same protocol, else on the hours in the pipeline's config, else on
multiply-adds if the config has a reference (`bench.pipeline.arithmetic`). Otherwise the duration is unknown.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from bench.pipeline.arithmetic import Arithmetic
from bench.pipeline.assembly import Pipeline
from bench.pipeline.stages import PipelineStage
from bench.pipeline.survey import PipelineData
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.runs.run import determining
from search.configs import portable

Device = Literal["GPU", "CPU"]


class Basis(Enum):
    """Basis of an estimate, as shown in a plan."""

    RUNS = "by finished runs"
    STATED = "as stated"
    ARITHMETIC = "by multiply-adds"


@dataclass(frozen=True)
class Estimate:
    """Hours of a run, summed over its devices, with the kind of device and the source of the number."""

    hours: float
    device: Device
    source: str
    basis: Basis

    def __str__(self) -> str:
        rough = "~" if self.basis is Basis.ARITHMETIC else ""
        return f"{rough}{hours_text(self.hours)} {self.device}-h ({self.source})"


class Estimator:
    """Estimates stages; a finished run counts only if its config is the same.

    Args:
        found: records of the pipeline's stages that are done, by title.
    """

    def __init__(self, pipeline: Pipeline, store: RecordStore, data: PipelineData, found: Mapping[str, Record]) -> None:
        self._expected = pipeline.expected
        self._arithmetic = Arithmetic(pipeline, data, found)
        self._runs: dict[str, list[Record]] = {}
        for record in store.read_all():
            if isinstance(record, Record):
                self._runs.setdefault(record.protocol, []).append(record)

    def of(self, stage: PipelineStage) -> Estimate | None:
        """Hours of a whole stage; None if unknown."""
        return self._by_runs(stage) or self._stated(stage) or self._by_multiply_adds(stage)

    def _by_runs(self, stage: PipelineStage) -> Estimate | None:
        name = stage.protocol.name
        config = determining(portable(stage.protocol.recorded))
        for device in ("GPU", "CPU"):
            runs = [
                run
                for run in self._runs.get(name, [])
                if determining(run.config) == config and device_of(run) == device
            ]
            if runs and (device == "GPU" or name not in self._expected or self._expected[name].device == "CPU"):
                hours = statistics.median(_hours(run) for run in runs)
                many = "1 run" if len(runs) == 1 else f"median of {len(runs)} runs"
                return Estimate(hours, device, f"{many} on {runs[-1].environment.get('device')}", Basis.RUNS)
        return None

    def _stated(self, stage: PipelineStage) -> Estimate | None:
        expected = self._expected.get(stage.protocol.name)
        if expected is None:
            return None
        return Estimate(expected.hours, expected.device, expected.source, Basis.STATED)

    def _by_multiply_adds(self, stage: PipelineStage) -> Estimate | None:
        found = self._arithmetic.of(stage)
        if found is None:
            return None
        hours, reference = found
        return Estimate(hours, reference.device, f"by multiply-adds, from {reference.source}", Basis.ARITHMETIC)


def device_of(record: Record) -> Device:
    return "CPU" if record.environment.get("device") == "cpu" else "GPU"


def _hours(record: Record) -> float:
    return record.cost.seconds * int(record.environment.get("processes", 1)) / 3600


def total(estimates: Iterable[Estimate | None]) -> str:
    """Sum in words, by kind of device and basis; `at least` if some are unknown."""
    listed = list(estimates)
    known = [estimate for estimate in listed if estimate is not None]
    unknown = len(listed) - len(known)
    if not known:
        return "of unknown duration" if unknown else "nothing"
    parts = [
        f"{_sum(of_basis)} {basis.value} ({len(of_basis)} {'stage' if len(of_basis) == 1 else 'stages'})"
        for basis in Basis
        if (of_basis := [estimate for estimate in known if estimate.basis is basis])
    ]
    said = f"{'at least' if unknown else 'about'} {_sum(known)}: {', '.join(parts)}"
    return f"{said}; {unknown} of them of unknown duration" if unknown else said


def _sum(estimates: Iterable[Estimate]) -> str:
    sums: dict[str, float] = {}
    for estimate in estimates:
        sums[estimate.device] = sums.get(estimate.device, 0.0) + estimate.hours
    return " and ".join(f"{hours_text(hours)} {device}-hours" for device, hours in sorted(sums.items(), reverse=True))


def hours_text(hours: float) -> str:
    return f"{hours:,.0f}" if hours >= 100 else f"{hours:.1f}" if hours >= 1 else f"{hours:.2g}"
