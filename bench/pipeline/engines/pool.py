"""Run stages in several processes of this machine, each with its share of the cores."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import cast

import torch

from backbones.errors import InputError
from bench.pipeline.notes import Failure, StorageError
from bench.pipeline.work import Outcome, Work, execute


class PoolEngine:
    """Run up to `jobs` stages at the same time; a process that is lost is replaced, and its stage has failed.

    Small networks keep several cores busier with a stage each than with one stage over all of them.
    """

    def __init__(self, jobs: int) -> None:
        self.slots: int | None = jobs
        self._threads = threads_of_each(jobs)
        self._free: list[tuple[SpawnProcess, Connection]] = []
        self._running: dict[Connection, tuple[SpawnProcess, Work]] = {}

    def start(self, work: Work) -> bool:
        process, connection = self._free.pop() if self._free else _started(self._threads)
        connection.send(work)
        self._running[connection] = (process, work)
        return True

    def ended(self, timeout: float) -> list[tuple[str, Outcome]]:
        if not self._running:
            time.sleep(timeout)
        ready = cast(list[Connection], wait(list(self._running), timeout))
        return [(self._running[connection][1].title, self._outcome(connection)) for connection in ready]

    def _outcome(self, connection: Connection) -> Outcome:
        process, work = self._running.pop(connection)
        try:
            outcome: Outcome | StorageError = connection.recv()
        except EOFError:
            process.join()
            lost = InputError(f"its process was lost (exit code {process.exitcode}); out of memory?")
            failure = Failure.of(lost, work.title, work.name, work.planned.key)
            failure.write(work.places.results)
            return failure
        self._free.append((process, connection))
        if isinstance(outcome, StorageError):
            raise outcome
        return outcome

    def close(self) -> None:
        """End all processes; a stage that was running resumes from its last checkpoint."""
        processes = [process for process, _ in (*self._free, *self._running.values())]
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()


def threads_of_each(jobs: int) -> int:
    """Number of threads of each process: an equal share of the cores, or `OMP_NUM_THREADS`."""
    if "OMP_NUM_THREADS" in os.environ:
        return torch.get_num_threads()
    return max(1, len(os.sched_getaffinity(0)) // jobs)


def _started(threads: int) -> tuple[SpawnProcess, Connection]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work_on, args=(theirs, threads))
    process.start()
    # Otherwise the pipe would not end with the process.
    theirs.close()
    return process, ours


def _work_on(connection: Connection, threads: int) -> None:
    """Run stages as they come, until the pipe ends; progress is written to files (`bench.pipeline.notes`)."""
    # Ctrl-C reaches all processes of a terminal; the parent ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(threads)
    while True:
        try:
            work: Work = connection.recv()
        except EOFError:
            return
        try:
            outcome: Outcome | StorageError = execute(work, lambda fraction, doing: None, wait=False)
        except StorageError as error:
            outcome = error
        try:
            connection.send(outcome)
        except BrokenPipeError:
            # The parent is gone; the record is written.
            return
