"""What is left to be done of a pipeline, in hours: by finished runs of the same protocol, else by what its config says.

Where neither says anything, nothing is guessed.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bench.jobs import determining
from bench.pipeline.assembly import Pipeline
from bench.pipeline.stages import SearchStage, Stage
from bench.records import Record, RecordStore
from search.configs import portable

Device = Literal["GPU", "CPU"]


@dataclass(frozen=True)
class Estimate:
    """Hours of all of a run's devices together, of what kind they are, and where the number is from."""

    hours: float
    device: Device
    source: str


class Estimator:
    """Knows the finished runs; of a protocol whose config was another, none counts."""

    def __init__(self, pipeline: Pipeline, store: RecordStore) -> None:
        self._expected = pipeline.expected
        self._runs: dict[str, list[Record]] = {}
        for record in store.read_all():
            if isinstance(record, Record):
                self._runs.setdefault(record.protocol, []).append(record)

    def of(self, stage: Stage) -> Estimate | None:
        """What a stage takes from its beginning to its end; None: nobody knows."""
        name = stage.protocol.name
        config = determining(stage_config(stage))
        for device in ("GPU", "CPU"):
            runs = [run for run in self._runs.get(name, []) if _same(run, config) and device_of(run) == device]
            if runs and (device == "GPU" or name not in self._expected or self._expected[name].device == "CPU"):
                hours = statistics.median(_hours(run) for run in runs)
                many = "1 run" if len(runs) == 1 else f"median of {len(runs)} runs"
                return Estimate(hours, device, f"{many} on {runs[-1].environment.get('device')}")
        expected = self._expected.get(name)
        return None if expected is None else Estimate(expected.hours, expected.device, expected.source)


def stage_config(stage: Stage) -> dict[str, Any]:
    """The config as a record has it."""
    if isinstance(stage, SearchStage):
        return stage.protocol.portable()
    config: dict[str, Any] = portable(stage.protocol.recorded)
    return config


def device_of(record: Record) -> Device:
    return "CPU" if record.environment.get("device") == "cpu" else "GPU"


def _same(record: Record, config: Mapping[str, Any]) -> bool:
    return determining(record.config) == config


def _hours(record: Record) -> float:
    return record.cost.seconds * int(record.environment.get("processes", 1)) / 3600


def total(estimates: Iterable[Estimate | None]) -> str:
    """The sum in words, by kind of device; `at least` where some are unknown."""
    listed = list(estimates)
    unknown = sum(estimate is None for estimate in listed)
    sums: dict[str, float] = {}
    for estimate in listed:
        if estimate is not None:
            sums[estimate.device] = sums.get(estimate.device, 0.0) + estimate.hours
    known = " and ".join(f"{hours_text(hours)} {device}-hours" for device, hours in sorted(sums.items(), reverse=True))
    if not known:
        return "of unknown duration" if unknown else "nothing"
    return f"at least {known}; {unknown} of them of unknown duration" if unknown else f"about {known}"


def hours_text(hours: float) -> str:
    return f"{hours:,.0f}" if hours >= 100 else f"{hours:.1f}" if hours >= 1 else f"{hours:.2g}"
