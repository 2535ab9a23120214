"""Running one stage, wherever that is: under its lock, into its record or into a failure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from backbones.errors import InputError
from bench.console.interruption import interrupted
from bench.pipeline.failure import Failure, confirm_storage, forget
from bench.pipeline.memory import advice, evaluate_in_memory
from bench.pipeline.notes import noting, progress_file
from bench.pipeline.processes import in_processes
from bench.pipeline.settings import Resources
from bench.pipeline.survey import Seen
from bench.records.record import Record
from bench.runs.locks import locked
from bench.runs.run import Places, Planned, checkpoint_of
from search.training.progress import ProgressCallback


@dataclass(frozen=True)
class Work:
    """A stage that is ready to be run; it can be sent to another machine that sees the same folders.

    Attributes:
        name: of the record.
        weights: the record whose checkpoint, or the file, that it starts from.
        again: it is run for its weights, though there is a record.
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
        Its record, also where another run has just made it; why it failed; or None where another run has it in hand.

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
        except Exception as error:  # Whatever a stage fails of, the independent rest of the pipeline goes on.
            if interrupted():
                raise KeyboardInterrupt from error
            confirm_storage(work.places)
            failure = Failure.of(error, work.title, work.name, work.planned.key, _hint(error, work))
            failure.write(work.places.results)
            return failure
        finally:
            progress_file(work.places.results, work.name).unlink(missing_ok=True)
        forget(work.places.results, work.name)
        return record


def _done(work: Work) -> Record | None:
    """The record that another run has made in the meantime."""
    record = work.places.store.find_run(work.name, work.planned.key)
    if record is None or (work.again and checkpoint_of(record, work.places) is None):
        return None
    return record


def _run(work: Work, progress: ProgressCallback) -> Record:
    confirm_storage(work.places)
    weights = starting_weights(work)
    if work.resources.processes > 1:
        return in_processes(work.planned, work.places, weights, work.resources.processes, work.name, progress)
    return evaluate_in_memory(work.planned, work.places, weights, progress, work.auto_batch)


def starting_weights(work: Work) -> Path | None:
    """The file that a stage starts from.

    Raises:
        InputError: it is gone.
    """
    if not isinstance(work.weights, Record):
        return work.weights
    weights = checkpoint_of(work.weights, work.places)
    if weights is None:
        raise InputError(f"{work.weights.name}: left no weights to start from")
    return weights


def _hint(error: Exception, work: Work) -> str:
    if not isinstance(error, torch.OutOfMemoryError):
        return ""
    return advice(work.planned.evaluation)
