"""The live view: lines in a log, a block on a terminal."""

from __future__ import annotations

import contextlib
import os
import pty
import re
from pathlib import Path

import pytest

from bench.console import progress as progress_module
from bench.pipeline import board as board_module
from bench.pipeline.board import Board, State
from tests.bench.console.test_progress import Clock


@pytest.fixture
def clock_at(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(progress_module, "time", made)
    monkeypatch.setattr(board_module, "time", made)
    return made


def test_lines_of_a_log(tmp_path: Path, clock_at: Clock) -> None:
    with (tmp_path / "log").open("w") as log:
        board = Board({"search/a": 100.0, "classification/b": 50.0, "reid/c": 50.0}, log.fileno())
        board.start("search/a")
        for second, fraction in ((1, 0.01), (10, 0.1), (40, 0.4)):
            clock_at.now = 1000.0 + second
            board.tell("search/a", fraction, "epoch 2 of 4")
        clock_at.now = 1200.0
        board.end("search/a", State.DONE, "done in 3:20")
        board.start("classification/b")
        board.end("classification/b", State.FAILED, "failed: no GPU")
        board.end("reid/c", State.BLOCKED, "not run: needs classification/b")
        # What has been told is not told again.
        board.end("reid/c", State.BLOCKED, "not run: needs classification/b")
        board.close()
    assert (tmp_path / "log").read_text().splitlines() == [
        "[1/3] search/a · started · all: about 3:20 left",
        # 0.01 to 0.4 took 39 s, so 0.6 take 60 s; what waits is expected to take 100 s.
        "[1/3] search/a ·  40 % · epoch 2 of 4 · 1:00 left · all: about 2:40 left",
        "[1/3] search/a · done in 3:20",
        # 100 s were expected and 200 s taken: 50 + 50 s are 200 s here.
        "[2/3] classification/b · started · all: about 3:20 left",
        "[2/3] classification/b · failed: no GPU",
        "[3/3] reid/c · not run: needs classification/b",
    ]


def test_what_runs_elsewhere_is_told_of_now_and_then(tmp_path: Path, clock_at: Clock) -> None:
    with (tmp_path / "log").open("w") as log:
        board = Board({"search/a": None}, log.fileno())
        for second in (0, 1, 14, 16, 17):
            clock_at.now = 1000.0 + second
            board.elsewhere("search/a", None if second == 0 else (second / 100, "epoch 2 of 4"))
        board.close()
    assert (tmp_path / "log").read_text().splitlines() == [
        "[1/1] search/a · runs elsewhere",
        "[1/1] search/a · runs elsewhere ·  16 % · epoch 2 of 4",
    ]


def screen(written: str) -> list[str]:
    """What a terminal shows in the end: every block is drawn over the one before it."""
    lines: list[str] = []
    for part in re.split(r"(\x1b\[\d+F\x1b\[J)", written.replace("\r", "")):
        up = re.fullmatch(r"\x1b\[(\d+)F\x1b\[J", part)
        if up:
            del lines[len(lines) - int(up[1]) :]
        else:
            lines += part.split("\n")[:-1]
    return lines


def read_all(descriptor: int) -> str:
    os.set_blocking(descriptor, False)
    parts = []
    with contextlib.suppress(BlockingIOError):
        while part := os.read(descriptor, 100_000):
            parts.append(part)
    return b"".join(parts).decode()


def test_a_block_on_a_terminal(clock_at: Clock) -> None:
    ours, theirs = pty.openpty()
    board = Board({"a": 10.0, "b": None, "c": 30.0, "d": 10.0}, theirs)
    board.end("d", State.DONE, "done before")
    board.start("a")
    board.tell("a", 0.5, "epoch 1 of 2")
    clock_at.now += 10
    board.tell("a", 0.75, "epoch 2 of 2")
    board.elsewhere("b", (0.25, "epoch 1 of 4"))
    assert screen(read_all(ours)) == [
        "1 waiting · 1 running · 1 elsewhere · 1 done · all: about 0:40 left",
        " ▶ a ·  75 % · epoch 2 of 2 · 0:10 left",
        " » b · runs elsewhere ·  25 % · epoch 1 of 4",
        " · c",
        " ✓ d · done before",
    ]
    board.close()
    os.close(theirs)
    os.close(ours)


def test_a_small_terminal_shows_the_running_stages_first(clock_at: Clock) -> None:
    board = Board({str(place): None for place in range(100)}, os.open(os.devnull, os.O_WRONLY))
    board.start("99")
    board.end("98", State.FAILED, "failed: x")
    assert list(board._lines(4)) == ["98 waiting · 1 running · 1 failed", " · 0", " ✗ 98 · failed: x", " ▶ 99"]
    board.close()


@pytest.mark.parametrize(("columns", "lines", "width", "height"), [(30, 5, 29, 4), (5, 1, 20, 3), (100, 24, 99, 6)])
def test_a_block_fits_its_terminal(
    columns: int, lines: int, width: int, height: int, clock_at: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board_module, "terminal_size", lambda descriptor: os.terminal_size((columns, lines)))
    ours, theirs = pty.openpty()
    board = Board(dict.fromkeys([letter * 200 for letter in "abcde"]), theirs)
    board.start("a" * 200)
    shown = screen(read_all(ours))
    assert len(shown) == height
    assert max(map(len, shown)) == width
    board.close()
    os.close(theirs)
    os.close(ours)


def test_a_block_is_not_drawn_too_often(clock_at: Clock) -> None:
    ours, theirs = pty.openpty()
    board = Board({"a": None}, theirs)
    board.start("a")
    read_all(ours)
    drawn = []
    for second in (0.1, 0.19, 0.2, 0.3, 0.45):
        clock_at.now = 1000.0 + second
        board.tell("a", second, "epoch 1")
        drawn.append(bool(read_all(ours)))
    assert drawn == [False, False, True, False, True]
    board.close()
    # The last state stays, once.
    assert read_all(ours).count("epoch 1") == 1
    os.close(theirs)
    os.close(ours)


def test_running_stages_share_what_is_left(clock_at: Clock) -> None:
    board = Board({"a": 100.0, "b": 60.0, "c": 40.0, "d": None}, os.open(os.devnull, os.O_WRONLY))
    board.end("d", State.BLOCKED, "")
    board.start("a")
    # What runs alone, and what waits.
    assert board._left() == "all: about 3:20 left"
    board.start("b")
    # At the same time: half of 160 s, and 40 s.
    assert board._left() == "all: about 2:00 left"
    board.end("a", State.FAILED, "failed: x")
    board.end("b", State.FAILED, "failed: y")
    # A failure says nothing of this machine's speed.
    assert board._left() == "all: about 0:40 left"
    board.start("c")
    assert board._left() == ""
    board.close()


def test_waiting_stages_will_run_at_the_same_time_too(clock_at: Clock) -> None:
    waiting: dict[str, float | None] = {"c": 60.0, "d": 40.0, "e": 40.0, "f": 20.0}
    board = Board({"a": 100.0, "b": 60.0, **waiting}, os.open(os.devnull, os.O_WRONLY))
    board.start("a")
    # 100 s and 220 s.
    assert board._left() == "all: about 5:20 left"
    board.start("b")
    # Half of 160 s and of 160 s.
    assert board._left() == "all: about 2:40 left"
    for title in ("d", "e", "f"):
        board.end(title, State.BLOCKED, "")
    # Half of 160 s, and c, which two do no sooner than one.
    assert board._left() == "all: about 2:20 left"
    board.close()
