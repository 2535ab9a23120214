"""The progress line: which stage of how many is running, how far it is, how long is left."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.console.streams import duplicate_of_standard_error
from bench.console.visible import visible

#: Seconds between two lines where the output is not a terminal.
PLAIN_INTERVAL = 15.0
#: A stage that first told of a larger fraction was resumed: how long it took says nothing about this machine.
FRESH = 0.2
#: Seconds between two updates of the line on a terminal.
LIVE_INTERVAL = 0.2


@dataclass
class StageNote:
    """How a stage ended, in words."""

    note: str = "done"


class Pace:
    """How fast a running stage goes, and how long is left of it.

    Attributes:
        fraction: how far it is, 0 to 1.
    """

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.fraction = 0.0
        #: When the stage first told how far it was, and how far that was.
        self._first: tuple[float, float] | None = None

    def tell(self, fraction: float) -> None:
        if self._first is None and fraction > 0:
            # A resumed stage begins somewhere in the middle; its pace counts from there.
            self._first = (time.monotonic(), fraction) if fraction < 1 else None
        self.fraction = fraction

    @property
    def left(self) -> float | None:
        """Seconds, or None as long as nothing is known."""
        if self._first is None:
            return None
        began, at = self._first
        gained = self.fraction - at
        return (time.monotonic() - began) / gained * (1 - self.fraction) if gained > 0 else None

    @property
    def fresh(self) -> bool:
        """Whether it began at its beginning, so that what it takes says how fast this machine is."""
        return self._first is not None and self._first[1] < FRESH


class Timetable:
    """What the stages are expected to take, and how many times that the ended ones took."""

    def __init__(self) -> None:
        self._ended: list[tuple[float, float]] = []

    def ended(self, expected: float | None, pace: Pace) -> None:
        if expected and pace.fresh:
            self._ended.append((expected, time.monotonic() - pace.began))

    @property
    def speed(self) -> float:
        expected = sum(pair[0] for pair in self._ended)
        return sum(pair[1] for pair in self._ended) / expected if expected else 1.0

    def left(self, now: float, waiting: Sequence[float | None]) -> str:
        """`about 2:30 left` of all: what is left of the running stages, and what waits behind them."""
        if not any(waiting):
            return ""
        known = sum(seconds for seconds in waiting if seconds is not None) * self.speed
        sure = all(seconds is not None for seconds in waiting)
        return f"all: {'about' if sure else 'at least'} {clock(now + known)} left"


class Progress:
    """Shows stages, one after another, on standard error: on one line that is redrawn, or line by line in a log.

    Args:
        titles: the stages in order.
        expected: seconds that each stage is expected to take; they say how the stages compare, and the stages
            that have ended say how fast this machine is. A stage without one is not counted in what is left, which
            is then given as "at least".
    """

    def __init__(self, titles: Sequence[str], expected: Sequence[float | None] | None = None) -> None:
        # The libraries' output is redirected to a file while a stage runs; this stream stays where it was.
        self._stream = duplicate_of_standard_error()
        self._live = self._stream.isatty()
        self._titles = titles
        self._expected = list(expected or [None] * len(titles))
        self._table = Timetable()
        self._pace = Pace()
        self._place = 0
        self._shown = 0.0

    def __call__(self, fraction: float, doing: str) -> None:
        """Tell how far the running stage is, 0 to 1, and what it is doing."""
        now = time.monotonic()
        self._pace.tell(fraction)
        if now - self._shown < (LIVE_INTERVAL if self._live else PLAIN_INTERVAL):
            return
        self._shown = now
        left = self._pace.left
        parts = [f"{100 * fraction:3.0f} %", doing]
        if left is not None:
            parts.append(f"{clock(left)} left")
            parts.append(self._all_left(left))
        self._show(" · ".join(part for part in parts if part))

    @contextlib.contextmanager
    def stage(self, place: int, done: bool = False) -> Iterator[StageNote]:
        """A stage runs, counted from 0, or is done already; the note that the block sets stays in its line."""
        self._place, self._pace = place, Pace()
        self._shown = 0.0 if self._live else self._pace.began
        expected = self._expected[place]
        if not done:
            left = self._all_left(expected * self._table.speed) if expected else ""
            self._show(f"started · {left}" if left else "started")
        stage = StageNote()
        try:
            yield stage
            self._table.ended(expected, self._pace)
            self._show(stage.note)
        finally:
            # Whatever is printed next begins on a line of its own.
            if self._live:
                self._stream.write("\n")
                self._stream.flush()

    def _all_left(self, stage_left: float) -> str:
        return self._table.left(stage_left, self._expected[self._place + 1 :])

    def _show(self, text: str) -> None:
        line = visible(f"[{self._place + 1}/{len(self._titles)}] {self._titles[self._place]} · {text}")
        if self._live:
            width = max(20, terminal_size(self._stream.fileno()).columns)
            self._stream.write("\r\x1b[2K" + line[: width - 1])
        else:
            self._stream.write(line + "\n")
        self._stream.flush()


class Silent(Progress):
    """Shows nothing: what a call from a program or a notebook has."""

    def __init__(self, titles: Sequence[str]) -> None:
        self._titles = titles

    def __call__(self, fraction: float, doing: str) -> None:
        pass

    @contextlib.contextmanager
    def stage(self, place: int, done: bool = False) -> Iterator[StageNote]:
        yield StageNote()


def clock(seconds: float) -> str:
    """Seconds as `m:ss` or `h:mm:ss`."""
    whole = max(0, round(seconds))
    hours, minutes = whole // 3600, whole % 3600 // 60
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def terminal_size(descriptor: int) -> os.terminal_size:
    """Columns and lines of a terminal, or what an ordinary one has."""
    try:
        size = os.get_terminal_size(descriptor)
    except OSError:
        size = os.terminal_size((0, 0))
    # Some say that they have none.
    return os.terminal_size((size.columns or 100, size.lines or 24))
