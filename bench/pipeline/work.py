"""Run one stage under its lock, in one process or several, and return its record or its failure."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch.multiprocessing.spawn import spawn

from backbones.errors import InputError
from bench.console.interruption import interrupted
from bench.pipeline.memory import advice, evaluate_in_memory
from bench.pipeline.notes import Failure, confirm_storage, forget, noting, progress_file
from bench.pipeline.settings import Resources
from bench.pipeline.survey import Seen
from bench.records.record import Record
from bench.runs.locks import locked
from bench.runs.run import Places, Planned, checkpoint_of, evaluate, join
from search.training.parallel import is_main, process_group
from search.training.progress import ProgressCallback


@dataclass(frozen=True)
class Work:
    """A stage that is ready to run; it can be sent to another machine with the same folders.

    Attributes:
        name: name of the record.
        weights: initial weights: a record with a checkpoint, or a file.
        again: whether it runs for its weights though it has a record.
    """

    title: str
    name: str
    planned: Planned
    weights: Record | Path | None
    again: bool
    places: Places
    resources: Resources
    auto_batch: bool = False

    @classmethod
    def of(cls, seen: Seen, places: Places, resources: Resources, auto_batch: bool) -> Work:
        assert seen.planned is not None
        again = seen.record is not None
        return cls(seen.title, seen.name, seen.planned, seen.weights, again, places, resources, auto_batch)


Outcome = Record | Failure | None


def execute(work: Work, progress: ProgressCallback, wait: bool) -> Outcome:
    """Run a stage.

    Returns:
        Its record, even if another process has just written it; its failure; or None if another process runs it.

    Raises:
        StorageError: a folder cannot be written.
    """
    with locked(work.places.results, work.name, wait) as held:
        if not held:
            return None
        record = _done(work)
        if record is not None:
            return record
        try:
            record = _run(work, noting(work.places.results, work.name, progress))
        except Exception as error:  # Whatever the error, stages that do not need this one go on.
            if interrupted():
                raise KeyboardInterrupt from error
            confirm_storage(work.places)
            failure = Failure.of(error, work.title, work.name, work.planned.key)
            lacks_memory = isinstance(error, torch.OutOfMemoryError)
        else:
            forget(work.places.results, work.name)
            return record
        finally:
            progress_file(work.places.results, work.name).unlink(missing_ok=True)
        if lacks_memory:
            failure = replace(failure, reason=f"{failure.reason}{advice(work.planned.evaluation)}")
        failure.write(work.places.results)
        return failure


def _done(work: Work) -> Record | None:
    """The record, if another process has written it in the meantime."""
    record = work.places.store.find_run(work.name, work.planned.key)
    if record is None or (work.again and checkpoint_of(record, work.places) is None):
        return None
    return record


def _run(work: Work, progress: ProgressCallback) -> Record:
    confirm_storage(work.places)
    weights = starting_weights(work)
    if work.resources.processes > 1:
        return in_processes(work, weights, progress)
    return evaluate_in_memory(work.planned, work.places, weights, progress, work.auto_batch)


def starting_weights(work: Work) -> Path | None:
    """File of a stage's initial weights.

    Raises:
        InputError: it is missing.
    """
    if not isinstance(work.weights, Record):
        return work.weights
    weights = checkpoint_of(work.weights, work.places)
    if weights is None:
        raise InputError(f"{work.weights.name}: its weights are missing in the work folder")
    return weights


def in_processes(work: Work, weights: Path | None, progress: ProgressCallback) -> Record:
    """Run a stage in several processes on this machine (DistributedDataParallel), one for each of its GPUs.

    Returns:
        The record that the first process has written.

    Raises:
        InputError: the task runs in one process only.
    """
    task, processes = work.planned.evaluation.task, work.resources.processes
    if not task.distributed:
        raise InputError(f"{task.name} runs in one process only; resources ask for {processes}")
    progress(0.0, f"{processes} processes")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # The children end with this process.
    spawn(_member, (work, weights, port), nprocs=processes)
    record = work.places.store.find(work.name)
    assert record is not None
    return record


def _member(rank: int, work: Work, weights: Path | None, port: int) -> None:
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(work.resources.processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    with process_group("pytorch"):
        if is_main():
            progress = noting(work.places.results, work.name, lambda fraction, doing: None)
            evaluate(work.planned, work.places, weights, progress)
        else:
            join(work.planned, work.places, weights)
