"""Locks by which two commands on one results folder do not run the same thing, and two pipelines share their stages.

Whoever runs a stage holds an `flock` on a file below `<results>/locks/`. The kernel lets go of it when the process
ends, however it ends. On NFS, Linux makes a lock on the server of it (NFSv4, or NFSv3 with lockd), so that machines see
each other's; mounted with `nolock` or `local_lock`, they do not, and one command at a time must run there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from backbones.errors import InputError


@contextlib.contextmanager
def alone(results: Path, name: str) -> Iterator[None]:
    """Hold the lock of a record's name for the time of the block.

    Raises:
        InputError: another process has it.
    """
    with locked(results, name, wait=False) as held:
        if not held:
            raise InputError(
                f"{name}: another process is running it, on the same results folder {results}; "
                "wait for that one, or give another --results and --work-dir"
            )
        yield


@contextlib.contextmanager
def locked(results: Path, name: str, wait: bool) -> Iterator[bool]:
    """Hold the lock of a record's name for the time of the block.

    Args:
        wait: whether to wait for another process that holds it.

    Yields:
        Whether it is held; not, without `wait`, where another process has it.
    """
    file = results / "locks" / f"{name}.lock"
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(file, timeout=-1 if wait else 0)
    try:
        lock.acquire()
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def held_elsewhere(results: Path, name: str) -> bool:
    """Whether somebody else has the lock at the moment."""
    with locked(results, name, wait=False) as held:
        return not held
