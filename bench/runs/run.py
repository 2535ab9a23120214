"""Plan one evaluation or search, run it, and write its record; a run that has its record is not repeated."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from backbones.errors import InputError
from backbones.files import file_digest
from backbones.genotype import Genotype
from backbones.pretrained import WeightCard
from bench.machine import environment
from bench.records.record import SCHEMA_VERSION, Parent, Record, record_name
from bench.records.store import RecordStore, read_record, refuse_other_run
from bench.runs.locks import alone
from bench.runs.recording import Measured, measured, redirected
from bench.tasks.architectures import NamedArchitecture, save_found
from bench.tasks.contract import DataReport, Job, Metric, Outcome, Protocol, Task, given
from search.configs import portable
from search.training.progress import ProgressCallback


@dataclass(frozen=True)
class Places:
    """Folders of records, logs and checkpoints; `replace` allows to move a different run's record aside."""

    results: Path = field(default_factory=lambda: Path("results"))
    work: Path = field(default_factory=lambda: Path("work"))
    replace: bool = False

    @property
    def store(self) -> RecordStore:
        return RecordStore(self.results)

    def prepare(self) -> None:
        """Make both folders and check that they can be written, before hours of work are lost.

        Raises:
            OSError: one of them cannot be written.
        """
        for folder in (self.results, self.work):
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass


@dataclass(frozen=True)
class Evaluation:
    """One protocol under one seed, with an architecture and initial weights; a search has neither.

    Attributes:
        architecture: None for a search.
        retrained: the run that gave the initial weights.
        weights_file: initial weights without a record (`--weights FILE`).
        card: that of the initial weights, if they have one.
        remark: a line that the user should know of its weights, or an empty text.
        evaluate_only: whether the weights are scored without training (`--eval-only`).
    """

    task: Task
    protocol: Protocol
    architecture: NamedArchitecture | None
    seed: int
    retrained: Record | None = None
    weights_file: Path | None = None
    evaluate_only: bool = False
    card: WeightCard | None = None
    remark: str = ""

    @property
    def title(self) -> str:
        """Title in a progress display."""
        architecture = "" if self.architecture is None else f"{self.architecture.name} · "
        return f"{self.protocol.name} · {architecture}seed {self.seed}"

    def architecture_name(self, key: str) -> str:
        """Name of the architecture; a search's is made of protocol, seed and key.

        The key keeps searches with other configs or data apart.
        """
        if self.architecture is not None:
            return self.architecture.name
        return f"{self.protocol.name.partition('/')[2].replace('/', '-')}-s{self.seed}-{key[7:15]}"

    def name(self, key: str) -> str:
        """Name of the record."""
        return record_name(self.protocol.name, self.architecture_name(key), self.seed)

    def key(self, data: DataReport, weights: str | None = None) -> str:
        """Digest over all that determines the result.

        Args:
            weights: the digest of `weights_file`, if the file is missing here.
        """
        what = {
            "protocol": self.protocol.name,
            "version": self.task.version,
            "config": determining(portable(self.protocol.recorded)),
            "seed": self.seed,
            "data": data.fingerprint,
        }
        if self.architecture is not None:
            what["genotype"] = self.architecture.design.digest
            what["parents"] = [parent.key for parent in self.parents]
            what["weights"] = weights or (file_digest(self.weights_file) if self.weights_file else None)
        if self.evaluate_only:
            what["evaluate_only"] = True
        return run_key(what)

    def earlier(self, store: RecordStore) -> Iterator[Record]:
        """Records of this protocol, architecture and seed with any key, the newest first.

        Raises:
            InputError: a record is malformed.
        """
        architecture = "*" if self.architecture is None else self.architecture.name
        files = (store.root / self.protocol.name).glob(f"{architecture}/seed{self.seed}.json")
        for file in sorted(files, key=lambda file: file.stat().st_mtime_ns, reverse=True):
            yield read_record(file)

    @property
    def parents(self) -> list[Parent]:
        parents = []
        if self.architecture is not None and self.architecture.search is not None:
            record, key = self.architecture.search
            parents.append(Parent(role="search", record=record, key=key))
        if self.retrained is not None:
            parents.append(Parent(role="weights", record=self.retrained.name, key=self.retrained.key))
        return parents

    def reasons(self, pretrained: bool, data: DataReport) -> list[str]:
        """Reasons why the run is reduced, those of the run that gave the weights included."""
        inherited = () if self.retrained is None else self.retrained.reduced
        elsewhere = ["evaluated only; trained elsewhere"] if self.evaluate_only else []
        own = self.protocol.reasons(pretrained, data.counts)
        return [*own, *(f"weights: {reason}" for reason in inherited), *elsewhere]

    def initial_weights(self, file: Path) -> dict[str, Any]:
        """Digest and record of the initial weights, as a record holds them."""
        record = self.retrained.name if self.retrained else None
        return {"sha256": file_digest(file), "record": record, "card": self.card.name if self.card else None}


def run_key(what: dict[str, Any]) -> str:
    """SHA-256 of values in canonical JSON."""
    canonical = json.dumps(what, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"


def determining(config: dict[str, Any]) -> dict[str, Any]:
    """Part of a config that a result depends on: without the notes on the run and without the test part."""
    notes = ("reduced", "expected")
    return {key: value for key, value in config.items() if key not in notes and not key.startswith("test_")}


@dataclass(frozen=True)
class Planned:
    """An evaluation whose data are checked, with its key, and its record if it has been run."""

    evaluation: Evaluation
    data: DataReport
    key: str
    record: Record | None

    @property
    def name(self) -> str:
        """Name of the record."""
        return self.evaluation.name(self.key)


def plan(evaluation: Evaluation, places: Places, data: DataReport | None = None, weights: str | None = None) -> Planned:
    """Check an evaluation's data and look for its record.

    Args:
        data: the data, if they are checked already.
        weights: the digest of `weights_file`, if the file is missing here.

    Raises:
        InputError: the data cannot be used, or a different run's record has the same name and may not be moved aside.
    """
    data = data or evaluation.task.check(evaluation.protocol)
    key = evaluation.key(data, weights)
    name = evaluation.name(key)
    existing = places.store.find(name)
    refuse_other_run(places.store.path(name), existing, key, places.replace)
    same = existing is not None and existing.key == key
    return Planned(evaluation, data, key, existing if same else None)


def evaluate(
    planned: Planned, places: Places, weights: Path | None, progress: ProgressCallback, parts: int = 1
) -> Record:
    """Run an evaluation and write its record; an interrupted run of the same key is resumed.

    Args:
        parts: factor by which every batch is divided further (`Task.divided`), for a smaller GPU; the key stays the
            same, and the record has it as `resolved.batch_parts`.
    """
    evaluation = planned.evaluation
    places.prepare()
    work_dir = work_dir_of(planned, places, parts)
    with measured(work_dir) as run:
        outcome = evaluation.task.run(_job(evaluation, work_dir, weights, run.keeping(progress), parts))
    if parts > 1:
        outcome = replace(outcome, resolved={**outcome.resolved, "batch_parts": parts})
    record = _record(planned, places, weights, outcome, run)
    if outcome.genotype is not None:
        save_found(work_dir, found_by(record))
    places.store.write(record, places.replace, outcome.curve)
    return record


def found_by(record: Record) -> NamedArchitecture:
    """Architecture that the search of this record has found."""
    genotype = Genotype.from_json(record.architecture.genotype, where=record.name)
    return NamedArchitecture(record.architecture.name, genotype, record.method, (record.name, record.key))


def evaluate_alone(planned: Planned, places: Places, weights: Path | None, progress: ProgressCallback) -> Record:
    """Run an evaluation under its lock, unless another command has finished it since it was planned.

    The other processes of the group call `join_unless_done`.

    Raises:
        InputError: another command is running it.
    """
    # Torch is imported late, when there is something to run.
    from search.training.parallel import from_main, main_first

    with contextlib.ExitStack() as lock:
        with main_first():
            lock.enter_context(alone(places.results, planned.name))
            done = places.store.find_run(planned.name, planned.key)
        from_main(int(done is None))
        return done or evaluate(planned, places, weights, progress)


def join_unless_done(planned: Planned, places: Places, weights: Path | None) -> None:
    """Take part in an evaluation that the first process runs by `evaluate_alone`, if that runs it."""
    # Torch is imported late, when there is something to run.
    from search.training.parallel import from_main, main_first

    with main_first():
        runs = from_main(0)
    if runs:
        join(planned, places, weights)


def join(planned: Planned, places: Places, weights: Path | None, parts: int = 1) -> None:
    """Take part in an evaluation as another process than the first, which writes the record; output is dropped."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirected(nowhere):
        planned.evaluation.task.run(_job(planned.evaluation, work_dir_of(planned, places, parts), weights, parts=parts))


def work_dir_of(planned: Planned, places: Places, parts: int = 1) -> Path:
    """Folder of an evaluation's logs and checkpoints."""
    from search.training.parallel import world_size

    evaluation = planned.evaluation
    if evaluation.architecture is None:
        # This folder can be given as ARCH; the architecture's name includes the key already.
        return places.work / evaluation.protocol.name / evaluation.architecture_name(planned.key)
    # Each process normalises its own part of a batch, so several processes cannot resume a run of one.
    processes = f"-x{world_size()}" if world_size() > 1 else ""
    divided = f"-p{parts}" if parts > 1 else ""
    return places.work / planned.name / f"{planned.key[7:15]}{processes}{divided}"


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
        new_classifier=evaluation.card is not None,
    )


def _record(planned: Planned, places: Places, weights: Path | None, outcome: Outcome, run: Measured) -> Record:
    # Torch is imported late, when there is something to run.
    from search.training.parallel import world_size

    evaluation, data = planned.evaluation, planned.data
    architecture = evaluation.architecture
    if outcome.genotype is not None:
        method = evaluation.task.method(evaluation.protocol)
        architecture = NamedArchitecture(evaluation.architecture_name(planned.key), outcome.genotype, method)
    checkpoint, counts, index = outcome.checkpoint, data.counts, None
    if outcome.drawn is not None:
        counts, index = outcome.drawn.counts, outcome.drawn.index
    metrics = {**outcome.metrics, **evaluation.task.spent(run.seconds * world_size())}
    return Record.model_validate(
        {
            "schema_version": SCHEMA_VERSION,
            "task": evaluation.task.name,
            "version": evaluation.task.version,
            "protocol": evaluation.protocol.name,
            "architecture": given(architecture).to_json(),
            "method": given(architecture).method,
            "seed": evaluation.seed,
            "key": planned.key,
            "reduced": evaluation.reasons(weights is not None, data),
            "config": portable(evaluation.protocol.recorded),
            "data": {
                "counts": dict(counts),
                "fingerprint": data.fingerprint,
                "index": index,
                "per_class": {part: _same_for_all(counts) for part, counts in data.per_class.items()},
            },
            "environment": {**environment.describe(), "processes": world_size()},
            "parents": [parent.model_dump() for parent in evaluation.parents],
            "initial_weights": None if weights is None else evaluation.initial_weights(weights),
            "metrics": _metrics(evaluation.task.metrics, metrics),
            "counts": dict(outcome.counts),
            "cost": {
                "seconds": run.seconds,
                "peak_memory": max(run.peak_memory, outcome.peak_memory),
                **outcome.cost.to_json(),
                "whole": None if outcome.whole is None else outcome.whole.to_json(),
                "unchanged": None if outcome.unchanged is None else outcome.unchanged.to_json(),
                **({} if outcome.pace is None else asdict(outcome.pace)),
            },
            "checkpoint": checkpoint
            and {
                "path": checkpoint.relative_to(places.work).as_posix(),
                "sha256": file_digest(checkpoint),
            },
            "resolved": dict(outcome.resolved),
            "curve": None if outcome.curve is None else file_digest(outcome.curve),
            "started": run.started,
            "finished": run.finished,
        }
    )


def _same_for_all(counts: Mapping[str, int]) -> int | dict[str, int]:
    """One count if all are equal, else all of them."""
    return next(iter(counts.values())) if len(set(counts.values())) == 1 else dict(counts)


def _metrics(known: Sequence[Metric], values: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    """The metrics with unit and direction; one that is undefined on the data is missing."""
    return {
        metric.key: {"value": values[metric.key], "unit": metric.unit, "higher_is_better": metric.higher_is_better}
        for metric in known
        if metric.key in values
    }


def starting_file(evaluation: Evaluation, places: Places) -> Path | None:
    """File of an evaluation's initial weights, or None if it starts from scratch.

    Raises:
        InputError: the checkpoint of the run that gave them is missing or changed.
    """
    if evaluation.retrained is None:
        return evaluation.weights_file
    file = checkpoint_of(evaluation.retrained, places)
    if file is None:
        raise InputError(
            f"{evaluation.retrained.name}: its checkpoint is missing or changed in {places.work}; run it again"
        )
    return file


def checkpoint_of(record: Record, places: Places) -> Path | None:
    """Checkpoint file of a record, or None if it is missing (a cleaned work folder) or has another digest."""
    if record.checkpoint is None:
        return None
    file = places.work / record.checkpoint.path
    return file if file.is_file() and file_digest(file) == record.checkpoint.sha256 else None
