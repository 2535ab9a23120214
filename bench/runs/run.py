"""Running a job into a record, or finding that it has been run."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from backbones.files import file_digest
from bench.machine import environment
from bench.records.record import SCHEMA_VERSION, Checkpoint, Parent, Record, record_name
from bench.records.store import RecordStore, refuse_other_run
from bench.runs.recording import Measured, measured, redirected
from bench.tasks.architectures import Architecture
from bench.tasks.contract import DataReport, Job, Metric, Outcome, Protocol, Task
from search.configs import portable
from search.training.progress import ProgressCallback


@dataclass(frozen=True)
class Places:
    """Where records, logs and checkpoints go."""

    results: Path = field(default_factory=lambda: Path("results"))
    work: Path = field(default_factory=lambda: Path("work"))
    replace: bool = False

    @property
    def store(self) -> RecordStore:
        return RecordStore(self.results)

    def prepare(self) -> None:
        """Make both folders and see that they can be written, before hours of work end at one that cannot.

        Raises:
            OSError: one of them cannot.
        """
        for folder in (self.results, self.work):
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass


@dataclass(frozen=True)
class Evaluation:
    """One architecture under one protocol and seed, with what it starts from.

    Attributes:
        retrained: the run that gave the initial weights.
        weights_file: initial weights that no record tells of (`--weights FILE`).
        evaluate_only: whether these are scored as they are (`--eval-only`).
    """

    task: Task
    protocol: Protocol
    architecture: Architecture
    seed: int
    retrained: Record | None = None
    weights_file: Path | None = None
    evaluate_only: bool = False

    @property
    def name(self) -> str:
        return record_name(self.protocol.name, self.architecture.name, self.seed)

    @property
    def parents(self) -> list[Parent]:
        parents = []
        if self.architecture.search is not None:
            record, key = self.architecture.search
            parents.append(Parent(role="search", record=record, key=key))
        if self.retrained is not None:
            parents.append(Parent(role="weights", record=self.retrained.name, key=self.retrained.key))
        return parents

    def reasons(self, pretrained: bool, data: DataReport) -> list[str]:
        """Why the run is not a full one; weights of a reduced run make it reduced too."""
        inherited = () if self.retrained is None else self.retrained.reduced
        elsewhere = ["evaluated only; trained elsewhere"] if self.evaluate_only else []
        own = self.protocol.reasons(pretrained, data.counts)
        return [*own, *(f"weights: {reason}" for reason in inherited), *elsewhere]

    def initial_weights(self, file: Path) -> dict[str, Any]:
        """What a record says of the weights that the run started from."""
        return {"sha256": file_digest(file), "record": self.retrained.name if self.retrained else None}


def run_key(what: dict[str, Any]) -> str:
    """SHA-256 over all that determines a run's result, in canonical JSON."""
    canonical = json.dumps(what, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"


def determining(config: dict[str, Any]) -> dict[str, Any]:
    """The part of a config that a result depends on: without what is said about the run, and without the test part."""
    said = ("reduced", "expected")
    return {key: value for key, value in config.items() if key not in said and not key.startswith("test_")}


@dataclass(frozen=True)
class Planned:
    """An evaluation whose data have been looked at: its key, and its record if it has been run."""

    evaluation: Evaluation
    data: DataReport
    key: str
    record: Record | None


def plan(evaluation: Evaluation, places: Places, data: DataReport | None = None, weights: str | None = None) -> Planned:
    """Check an evaluation's data, unless that has been done, and look for its record.

    Args:
        weights: the digest of `weights_file`, where the file is not here.

    Raises:
        InputError: the data cannot be used, or a different run's record is in the way and may not be moved aside.
    """
    data = data or evaluation.task.check(evaluation.protocol)
    key = run_key(
        {
            "protocol": evaluation.protocol.name,
            "version": evaluation.task.version,
            "config": determining(portable(evaluation.protocol.recorded)),
            "genotype": evaluation.architecture.design.digest,
            "seed": evaluation.seed,
            "data": data.fingerprint,
            "parents": [parent.key for parent in evaluation.parents],
            "weights": weights or (file_digest(evaluation.weights_file) if evaluation.weights_file else None),
            **({"evaluate_only": True} if evaluation.evaluate_only else {}),
        }
    )
    existing = places.store.find(evaluation.name)
    refuse_other_run(places.store.path(evaluation.name), existing, key, places.replace)
    same = existing is not None and existing.key == key
    return Planned(evaluation, data, key, existing if same else None)


def evaluate(
    planned: Planned, places: Places, weights: Path | None, progress: ProgressCallback, parts: int = 1
) -> Record:
    """Run an evaluation into its record; what an interrupted try of the same key left is resumed.

    Args:
        parts: every batch is computed in so many times as many parts (`Task.divided`): the same run on a smaller GPU,
            which the record tells of under `resolved`.
    """
    evaluation = planned.evaluation
    places.prepare()
    work_dir = work_dir_of(planned, places, parts)
    with measured(work_dir) as run:
        outcome = evaluation.task.run(_job(evaluation, work_dir, weights, run.keeping(progress), parts))
    if parts > 1:
        outcome = replace(outcome, resolved={**outcome.resolved, "batch_parts": parts})
    record = _record(planned, places, weights, outcome, run)
    places.store.write(record, places.replace, outcome.curve)
    return record


def join(planned: Planned, places: Places, weights: Path | None, parts: int = 1) -> None:
    """Take part in an evaluation whose first process writes the record; what libraries print goes nowhere."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirected(nowhere):
        planned.evaluation.task.run(_job(planned.evaluation, work_dir_of(planned, places, parts), weights, parts=parts))


def work_dir_of(planned: Planned, places: Places, parts: int = 1) -> Path:
    """Where logs and checkpoints of an evaluation go."""
    from search.training.parallel import world_size

    # Each process normalises its own part of a batch: what one has left, several cannot go on with.
    processes = f"-x{world_size()}" if world_size() > 1 else ""
    divided = f"-p{parts}" if parts > 1 else ""
    return places.work / planned.evaluation.name / f"{planned.key[7:15]}{processes}{divided}"


def _job(
    evaluation: Evaluation,
    work_dir: Path,
    weights: Path | None,
    progress: ProgressCallback = lambda *told: None,
    parts: int = 1,
) -> Job:
    return Job(
        evaluation.protocol if parts == 1 else evaluation.task.divided(evaluation.protocol, parts),
        evaluation.architecture,
        evaluation.seed,
        work_dir,
        weights,
        evaluation.evaluate_only,
        progress,
    )


def _record(planned: Planned, places: Places, weights: Path | None, outcome: Outcome, run: Measured) -> Record:
    # Torch is imported when there is something to run.
    from search.training.parallel import world_size

    evaluation, data = planned.evaluation, planned.data
    return Record.model_validate(
        {
            "schema_version": SCHEMA_VERSION,
            "task": evaluation.task.name,
            "version": evaluation.task.version,
            "protocol": evaluation.protocol.name,
            "architecture": evaluation.architecture.to_json(),
            "method": evaluation.architecture.method,
            "seed": evaluation.seed,
            "key": planned.key,
            "reduced": evaluation.reasons(weights is not None, data),
            "config": portable(evaluation.protocol.recorded),
            "data": {
                "counts": dict(data.counts),
                "fingerprint": data.fingerprint,
                "per_class": {part: _same_for_all(counts) for part, counts in data.per_class.items()},
            },
            "environment": {**environment.describe(), "processes": world_size()},
            "parents": [parent.model_dump() for parent in evaluation.parents],
            "initial_weights": None if weights is None else evaluation.initial_weights(weights),
            "metrics": recorded_metrics(evaluation.task.metrics, outcome.metrics),
            "counts": dict(outcome.counts),
            "cost": {
                "seconds": run.seconds,
                "peak_memory": run.peak_memory,
                **outcome.cost.to_json(),
                "whole": None if outcome.whole is None else outcome.whole.to_json(),
                "unchanged": None if outcome.unchanged is None else outcome.unchanged.to_json(),
                **({} if outcome.pace is None else asdict(outcome.pace)),
            },
            "checkpoint": None if outcome.checkpoint is None else _checkpoint(outcome.checkpoint, places).model_dump(),
            "resolved": dict(outcome.resolved),
            "curve": None if outcome.curve is None else file_digest(outcome.curve),
            "started": run.started,
            "finished": run.finished,
        }
    )


def _same_for_all(counts: Mapping[str, int]) -> int | dict[str, int]:
    """The counts, or the one count that all of them are."""
    return next(iter(counts.values())) if len(set(counts.values())) == 1 else dict(counts)


def recorded_metrics(known: Sequence[Metric], values: Any) -> dict[str, dict[str, Any]]:
    """The metrics that came out, with unit and direction; one that is undefined on the data is left out."""
    return {
        metric.key: {"value": values[metric.key], "unit": metric.unit, "higher_is_better": metric.higher_is_better}
        for metric in known
        if metric.key in values
    }


def _checkpoint(file: Path, places: Places) -> Checkpoint:
    return Checkpoint(path=file.relative_to(places.work).as_posix(), sha256=file_digest(file))


def checkpoint_of(record: Record, places: Places) -> Path | None:
    """The weights that a record left, or None where the file is gone (a cleaned work folder) or another one."""
    if record.checkpoint is None:
        return None
    file = places.work / record.checkpoint.path
    there = file.is_file() and file_digest(file) == record.checkpoint.sha256
    return file if there else None
