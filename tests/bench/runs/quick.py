"""A task that trains nothing, under the contract of all tasks: what becomes of a run is seen in milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from backbones.cost import Cost
from bench.tasks.architectures import NamedArchitecture
from bench.tasks.contract import DataReport, Job, Outcome, Protocol, Speed, Task, TrainingPace
from bench.tasks.metrics import METRICS, TITLES
from bench.tasks.workload import Workload

DATA = DataReport(
    {"train images": 20, "val images": 5},
    "sha256:" + "d" * 64,
    {"train": {"even": 10, "odd": 10}, "val": {"even": 2, "odd": 3}},
)


@dataclass
class QuickTask(Task):
    """Classification, of which the outcome is given.

    Attributes:
        jobs: what was run.
        outcome: changes of what comes out.
    """

    jobs: list[Job] = field(default_factory=list)
    outcome: dict[str, Any] = field(default_factory=dict)

    name = "classification"
    version = 7
    title = TITLES["classification"]
    metrics = METRICS["classification"]
    scores_weights = True

    def validate(self, config: Mapping[str, Any], where: str) -> dict[str, Any]:
        return dict(config)

    def divided(self, protocol: Protocol, parts: int) -> Protocol:
        return replace(protocol, config={**protocol.config, "parts": parts})

    def check(self, protocol: Protocol) -> DataReport:
        return DATA

    def run(self, job: Job) -> Outcome:
        print("what a library prints")
        self.jobs.append(job)
        job.progress(1.0, "done")
        checkpoint = job.work_dir / "checkpoint.pth"
        checkpoint.write_bytes(b"weights")
        curve = job.work_dir / "curve.jsonl"
        curve.write_text('{"epoch": 1}\n')
        made = Outcome(
            metrics={"top1_error": 12.5},
            counts={"val images": 5},
            cost=Cost(params=100, macs=1000, published_macs=1100),
            checkpoint=checkpoint,
            whole=Cost(params=200, macs=2000, published_macs=2200),
            pace=TrainingPace(2.0, 10.0),
            curve=curve,
            resolved={"channels": 46},
        )
        return replace(made, **self.outcome)

    def workload(
        self, protocol: Protocol, architecture: NamedArchitecture | None, counts: Mapping[str, int]
    ) -> Workload:
        raise NotImplementedError

    def speed(
        self, protocol: Protocol, architecture: NamedArchitecture | None, batch_size: int, repetitions: int = 5
    ) -> Speed:
        raise NotImplementedError


def quick_protocol(options: tuple[str, ...] = (), silent: tuple[str, ...] = (), **config: Any) -> Protocol:
    values = {"task": "classification", "epochs": 3, **config}
    return Protocol("classification/quick", Path("quick.py"), values, options, silent=silent)
