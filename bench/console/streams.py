"""Standard streams as a run finds them: closed, lost in the middle, full, or for ASCII only; none of that ends it."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import Any, TextIO

#: What writing to a stream raises whose other end is gone, whose disk is full, or that is closed.
_LOST = (OSError, ValueError)


class Told(io.TextIOBase):
    """A text stream for what is told beside the results; what cannot be written is dropped.

    Args:
        stream: what is written to.
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
            # What is left in its buffer would be tried again as it is closed.
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
    """A stream of its own to where standard error goes now, whatever it is redirected to later."""
    try:
        descriptor = os.dup(descriptor)
    except OSError:
        descriptor = os.open(os.devnull, os.O_WRONLY)
    known = (getattr(sys.__stderr__, "encoding", None) or "utf-8").lower()
    ascii_only = known in ("ascii", "us-ascii", "ansi_x3.4-1968")
    encoding, errors = ("ascii", "replace") if ascii_only else ("utf-8", "backslashreplace")
    return Told(os.fdopen(descriptor, "w", encoding=encoding, errors=errors))


def settle() -> None:
    """Make the three standard streams usable: closed ones lead nowhere, and no letter is too much for them."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest free number: a file that is opened later would get it, and what libraries print with it.
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
    """Let what is still in the buffer of standard output go nowhere: the end of the process would fail at it again."""
    with contextlib.suppress(*_LOST):
        _point_nowhere(sys.stdout.fileno())
