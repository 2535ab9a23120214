"""The line of a run on a narrow terminal, and where standard error is lost in the middle of a run."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import termios

import pytest

from bench.console import progress as progress_module
from bench.console.progress import Progress
from bench.console.streams import Told, duplicate_of_standard_error


def progress_on(descriptor: int, monkeypatch: pytest.MonkeyPatch) -> tuple[Progress, Told]:
    stream = duplicate_of_standard_error(descriptor)
    monkeypatch.setattr(progress_module, "duplicate_of_standard_error", lambda: stream)
    monkeypatch.setattr(progress_module, "LIVE_INTERVAL", 0.0)
    monkeypatch.setattr(progress_module, "PLAIN_INTERVAL", 0.0)
    return Progress(["classification/" + "a" * 60], [100.0]), stream


@pytest.mark.parametrize("columns", [20, 40])
def test_the_line_fits_into_a_narrow_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    progress, stream = progress_on(theirs, monkeypatch)
    with progress.stage(0):
        progress(0.5, "epoch 1 of 2\x1b[2J")
    stream.close()
    shown = b""
    # What is written arrives in pieces.
    while not shown.endswith(b"\r\n") and select.select([ours], [], [], 10.0)[0]:
        shown += os.read(ours, 10_000)
    os.close(theirs)
    os.close(ours)
    lines = shown.decode().replace("\r\n", "").split("\r\x1b[2K")[1:]
    assert len(lines) == 3
    assert {len(line) for line in lines} == {columns - 1}
    assert "\x1b" not in "".join(lines)


def test_a_reader_that_leaves_in_the_middle_ends_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    progress, stream = progress_on(writer, monkeypatch)
    with progress.stage(0):
        progress(0.1, "epoch 1 of 9")
        assert b"started" in os.read(reader, 10_000)
        os.close(reader)
        for epoch in range(2, 9):
            progress(epoch / 9, f"epoch {epoch} of 9")
    stream.close()
    os.close(writer)


def test_a_closed_standard_error_ends_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    os.close(writer)
    progress, stream = progress_on(writer, monkeypatch)
    with progress.stage(0):
        progress(0.5, "epoch 1 of 2")
    stream.close()
