"""What is left to be done of a pipeline, in hours: by finished runs of the same protocol, else by what its config says.

Where neither says anything, by multiply-adds, if the config has a reference (`bench.pipeline.arithmetic`); else nothing
is guessed.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

from bench.pipeline.arithmetic import Arithmetic
from bench.pipeline.assembly import Pipeline
from bench.pipeline.data_reports import PipelineData
from bench.pipeline.stages import PipelineStage
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.runs.run import determining
from search.configs import portable

Device = Literal["GPU", "CPU"]


class Basis(Enum):
    """What an estimate rests on, as the plan says it."""

    RUNS = "by finished runs"
    STATED = "as stated"
    ARITHMETIC = "by multiply-adds"


@dataclass(frozen=True)
class Estimate:
    """Hours of all of a run's devices together, of what kind they are, and where the number is from."""

    hours: float
    device: Device
    source: str
    basis: Basis

    def __str__(self) -> str:
        rough = "~" if self.basis is Basis.ARITHMETIC else ""
        return f"{rough}{hours_text(self.hours)} {self.device}-h ({self.source})"


class Estimator:
    """Knows the finished runs; of a protocol whose config was another, none counts.

    Args:
        found: the records of the pipeline's stages that are done, by title.
    """

    def __init__(self, pipeline: Pipeline, store: RecordStore, data: PipelineData, found: Mapping[str, Record]) -> None:
        self._expected = pipeline.expected
        self._arithmetic = Arithmetic(pipeline, data, found)
        self._runs: dict[str, list[Record]] = {}
        for record in store.read_all():
            if isinstance(record, Record):
                self._runs.setdefault(record.protocol, []).append(record)

    def of(self, stage: PipelineStage) -> Estimate | None:
        """What a stage takes from its beginning to its end; None: nobody knows."""
        return self._by_runs(stage) or self._stated(stage) or self._by_multiply_adds(stage)

    def _by_runs(self, stage: PipelineStage) -> Estimate | None:
        name = stage.protocol.name
        config = determining(stage_config(stage))
        for device in ("GPU", "CPU"):
            runs = [run for run in self._runs.get(name, []) if _same(run, config) and device_of(run) == device]
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


def stage_config(stage: PipelineStage) -> dict[str, Any]:
    """The config as a record has it."""
    config: dict[str, Any] = portable(stage.protocol.recorded)
    return config


def device_of(record: Record) -> Device:
    return "CPU" if record.environment.get("device") == "cpu" else "GPU"


def _same(record: Record, config: Mapping[str, Any]) -> bool:
    return determining(record.config) == config


def _hours(record: Record) -> float:
    return record.cost.seconds * int(record.environment.get("processes", 1)) / 3600


def total(estimates: Iterable[Estimate | None]) -> str:
    """The sum in words, by kind of device and by what it rests on; `at least` where some are unknown."""
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
