"""Run one stage in several processes (DistributedDataParallel), one for each of its GPUs."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from torch.multiprocessing.spawn import spawn

from backbones.errors import InputError
from bench.pipeline.notes import noting
from bench.records.record import Record
from bench.runs.run import Places, Planned, evaluate, join
from search.training.parallel import is_main, process_group
from search.training.progress import ProgressCallback


def in_processes(
    planned: Planned,
    places: Places,
    weights: Path | None,
    processes: int,
    name: str,
    progress: ProgressCallback,
) -> Record:
    """Run a stage in several processes on this machine, and return the record that the first one has written.

    Raises:
        InputError: the task runs in one process only.
    """
    if not planned.evaluation.task.distributed:
        raise InputError(f"{planned.evaluation.task.name} runs in one process only; resources ask for {processes}")
    progress(0.0, f"{processes} processes")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # The children end with this process.
    spawn(_member, (planned, places, weights, processes, name, port), nprocs=processes)
    record = places.store.find(name)
    assert record is not None
    return record


def _member(
    rank: int,
    planned: Planned,
    places: Places,
    weights: Path | None,
    processes: int,
    name: str,
    port: int,
) -> None:
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    progress = noting(places.results, name, lambda fraction, doing: None)
    with process_group("pytorch"):
        if is_main():
            evaluate(planned, places, weights, progress)
        else:
            join(planned, places, weights)
