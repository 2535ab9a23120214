"""What became of one input: used, refused in a line, or one of the three ways that count as failures."""

from __future__ import annotations

import contextlib
import importlib
import io
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

from backbones.errors import InputError
from bench.commands.cli import main
from bench.tasks.registry import get_task

#: Seconds of work after which an input counts as one that hangs, and of waiting, of which a busy machine needs more.
PATIENCE, WAITING = 10.0, 40.0

USED, LINE, TRACEBACK, HANG, SILENT = "used", "clear line", "traceback", "hang", "silent"
FAILURES = (TRACEBACK, HANG, SILENT)


@dataclass(frozen=True)
class Row:
    """An input of one kind.

    Attributes:
        make: writes the input into an empty folder and gives what reads it: a call whose value is whatever was read,
            or the text of what was said of it.
        refused: whether the input must end in a line; False leaves it open.
    """

    kind: str
    name: str
    make: Callable[[Path], Callable[[], Any]]
    refused: bool = True

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}"


class _Patience(BaseException):
    """The time is up; no `except Exception` stops it."""


@contextlib.contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    def end(number: int, frame: FrameType | None) -> None:
        raise _Patience

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def outcome_of(row: Row, folder: Path) -> tuple[str, str]:
    """Make the input, have it read in this process, and say what became of it and what was said."""
    warm()
    read = row.make(folder)
    began, worked = time.monotonic(), time.process_time()
    try:
        with _at_most(WAITING), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            said = read()
    except _Patience:
        return HANG, f"more than {WAITING:.0f} s"
    except InputError as error:
        found = LINE if str(error).strip() and len(str(error).splitlines()) == 1 else TRACEBACK
        said = str(error)
    except Exception as error:  # Whatever else comes out of a reader is a fault, and that is what is looked for.
        return TRACEBACK, f"{type(error).__name__}: {error}"[:300]
    else:
        if isinstance(said, Refused):
            found = TRACEBACK if said.code == 70 or "Traceback" in said else LINE if said.strip() else SILENT
        else:
            found = SILENT if row.refused else USED
    if time.monotonic() - began > WAITING or time.process_time() - worked > PATIENCE:
        return HANG, f"{time.monotonic() - began:.0f} s, then: {said}"
    return found, str(said)[:300]


@cache
def warm() -> None:
    """Import what the readers import when they are first called, which takes longer than any input may."""
    for module in (
        "timm",
        "bench.detection.components",
        "bench.detection.coco_data",
        "bench.detection.test_dev",
        "bench.reid.checkpoints",
        "bench.reid.data_sets",
        "bench.classification.training",
        "bench.searches.task",
        "bench.pipeline.run",
        "bench.report.page",
        "bench.tasks.registry",
        "search.training.resuming",
        "search.run",
    ):
        importlib.import_module(module)
    for name in ("classification", "detection", "reid"):
        get_task(name)


class Refused(str):
    """What a command said on standard error, or a reader beside what it read."""

    code: int


def refused(text: str, code: int = 2) -> Refused:
    said = Refused(text)
    said.code = code
    return said


def command(*arguments: str | Path) -> Callable[[], Any]:
    """A command line in this process; its value is what it said on standard error if it was not content."""

    def run() -> Any:
        out, err = io.StringIO(), io.StringIO()
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = main([str(argument) for argument in arguments])
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else 1
        lines = [line for line in err.getvalue().splitlines() if line.strip()]
        named = [line for line in (*lines, *out.getvalue().splitlines()) if "left out: " in line or "broken: " in line]
        if code == 0 and not named:
            return out.getvalue()
        # The last line: a progress line may stand before it.
        return refused("\n".join(named or lines[-1:]), code)

    return run
