"""Measure a run: seconds, peak memory, and a log of the libraries' output."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TextIO

from backbones.errors import InputError
from backbones.files import read_json, write_text
from bench.machine import environment
from search.training.progress import ProgressCallback

#: Seconds between two notes of how long a run has taken.
KEEP_INTERVAL = 10.0


@dataclass
class Measured:
    """Times and memory of a run; complete when the block of `measured` has ended.

    Attributes:
        keep: writes the seconds so far to a file, so that a killed run does not lose them.
    """

    started: str = ""
    finished: str = ""
    seconds: float = 0.0
    peak_memory: int = 0
    keep: Callable[[], None] = lambda: None

    def keeping(self, progress: ProgressCallback) -> ProgressCallback:
        """Pass progress on, and call `keep` every `KEEP_INTERVAL` seconds."""
        kept = time.monotonic()

        def tell(fraction: float, doing: str) -> None:
            nonlocal kept
            if time.monotonic() - kept >= KEEP_INTERVAL:
                kept = time.monotonic()
                self.keep()
            progress(fraction, doing)

        return tell


@contextlib.contextmanager
def measured(work_dir: Path) -> Iterator[Measured]:
    """Time a block, measure its peak memory, and redirect its output to `<work_dir>/output.log`.

    The seconds of interrupted runs in the same folder are added.
    """
    work_dir.mkdir(parents=True, exist_ok=True)
    spent_file = work_dir / "seconds.json"
    spent = _spent(spent_file)
    run = Measured(started=_now())
    environment.reset_peak_memory()
    start = time.monotonic()

    def seconds() -> float:
        return round(spent + time.monotonic() - start, 3)

    run.keep = lambda: write_text(spent_file, json.dumps(seconds()))
    try:
        with (work_dir / "output.log").open("a", encoding="utf-8") as log, redirected(log):
            yield run
    finally:
        run.seconds = seconds()
        run.peak_memory = environment.peak_memory()
        run.finished = _now()
        write_text(spent_file, json.dumps(run.seconds))


def _spent(file: Path) -> float:
    """Seconds of interrupted runs.

    Raises:
        InputError: the file holds no valid number of seconds.
    """
    if not file.exists():
        return 0.0
    seconds = read_json(file, largest=1 << 10)
    if type(seconds) not in (int, float) or not 0 <= seconds < 1e10:
        raise InputError(
            f"{file}: expected a number of seconds (got {str(seconds)[:40]}); remove it to count this run's time from 0"
        )
    return float(seconds)


@contextlib.contextmanager
def redirected(log: TextIO) -> Iterator[None]:
    """Redirect standard output and error to a file: Python's streams, and the descriptors that C libraries write to."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    try:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
            yield
    finally:
        try:
            log.flush()
        finally:
            # Even if the log's disk is full: the error message about it must reach the user.
            for descriptor, before in zip((1, 2), saved, strict=True):
                os.dup2(before, descriptor)
                os.close(before)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
