"""Locks that keep two processes on one results folder from running the same thing.

The process that runs a stage holds an `flock` on a file below `<results>/locks/`; the kernel releases it when the
process ends. On NFS (NFSv4, or NFSv3 with lockd) Linux turns it into a lock on the server, so other machines see it.
Mounted with `nolock` or `local_lock` they do not: run one command at a time there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from backbones.errors import InputError


@contextlib.contextmanager
def alone(results: Path, name: str) -> Iterator[None]:
    """Hold the lock of a record's name during the block.

    Raises:
        InputError: another process holds it.
    """
    with locked(results, name, wait=False) as held:
        if not held:
            raise InputError(
                f"{name}: another process is running it on the same results folder {results}; "
                "wait for it, or give another results and work folder"
            )
        yield


@contextlib.contextmanager
def locked(results: Path, name: str, wait: bool) -> Iterator[bool]:
    """Hold the lock of a record's name during the block.

    Args:
        wait: whether to wait for another process that holds it.

    Yields:
        Whether the lock is held; False if another process holds it and `wait` is off.
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
    """Whether another process holds the lock now."""
    with locked(results, name, wait=False) as held:
        return not held
