"""Make standard streams safe: closed, lost, full or ASCII-only ones do not end a run."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import Any, TextIO

#: Errors of writing to a stream that is closed, has lost its reader, or whose disk is full.
_LOST = (OSError, ValueError)


class Told(io.TextIOBase):
    """Text stream for messages; text that cannot be written is dropped.

    Args:
        stream: the stream to write to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding

    def write(self, text: str) -> int:
        with contextlib.suppress(*_LOST):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except _LOST:
            # Closing the stream would try to write its buffer again.
            with contextlib.suppress(*_LOST):
                _point_nowhere(self._stream.fileno())

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        self.flush()
        with contextlib.suppress(*_LOST):
            self._stream.close()


def duplicate_of_standard_error(descriptor: int = 2) -> Told:
    """Copy standard error, so that a later redirection does not affect the copy."""
    try:
        descriptor = os.dup(descriptor)
    except OSError:
        descriptor = os.open(os.devnull, os.O_WRONLY)
    known = (getattr(sys.__stderr__, "encoding", None) or "utf-8").lower()
    ascii_only = known in ("ascii", "us-ascii", "ansi_x3.4-1968")
    encoding, errors = ("ascii", "replace") if ascii_only else ("utf-8", "backslashreplace")
    return Told(os.fdopen(descriptor, "w", encoding=encoding, errors=errors))


def settle() -> None:
    """Make the three standard streams usable: open closed ones on the null device, and escape unknown letters."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            # Take the free descriptor: a file opened later would get it, and with it what libraries print.
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the whole process
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the whole process
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if sys.stderr is sys.__stderr__ and sys.stderr is not None:
        told: Any = Told(sys.stderr)
        sys.stderr = told


def _point_nowhere(descriptor: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def give_up_standard_output() -> None:
    """Redirect standard output to the null device, so that the exit does not fail at its buffer again."""
    with contextlib.suppress(*_LOST):
        _point_nowhere(sys.stdout.fileno())
