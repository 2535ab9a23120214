"""The progress line: which stage of how many is running, how far it is, how long is left."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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


class Progress:
    """Shows the stages of a run on standard error, on one line that is redrawn, or line by line in a log.

    Args:
        titles: the stages in order.
        expected: seconds that each stage is expected to take; they say how the stages compare, and the stages
            that have ended say how fast this machine is. A stage without one is not counted in what is left, which
            is then given as "at least".
    """

    def __init__(self, titles: Sequence[str], expected: Sequence[float | None] | None = None) -> None:
        # The libraries' output is redirected to a file while a stage runs; this stream stays where it was.
        self._stream = os.fdopen(os.dup(2), "w", encoding="utf-8")
        self._live = self._stream.isatty()
        self._titles = titles
        self._expected = list(expected or [None] * len(titles))
        self._pace: list[tuple[float, float]] = []
        self._place = 0
        self._shown = 0.0
        self._began = 0.0
        self._fraction = 0.0
        #: When the running stage first told how far it was, and how far that was.
        self._first: tuple[float, float] | None = None

    def __call__(self, fraction: float, doing: str) -> None:
        """Tell how far the running stage is, 0 to 1, and what it is doing."""
        now = time.monotonic()
        if self._first is None and fraction > 0:
            # A resumed stage begins somewhere in the middle; its pace counts from there.
            self._first = (now, fraction) if fraction < 1 else None
        self._fraction = fraction
        if now - self._shown < (LIVE_INTERVAL if self._live else PLAIN_INTERVAL):
            return
        self._shown = now
        left = self._stage_left(now)
        parts = [f"{100 * fraction:3.0f} %", doing]
        if left is not None:
            parts.append(f"{clock(left)} left")
            parts.append(self._all_left(left))
        self._show(" · ".join(part for part in parts if part))

    @contextlib.contextmanager
    def stage(self, place: int, done: bool = False) -> Iterator[StageNote]:
        """A stage runs, counted from 0, or is done already; the note that the block sets stays in its line."""
        self._place, self._began, self._fraction = place, time.monotonic(), 0.0
        self._first = None
        self._shown = 0.0 if self._live else self._began
        expected = self._expected[place]
        if not done:
            left = self._all_left(expected * self._speed()) if expected else ""
            self._show(f"started · {left}" if left else "started")
        stage = StageNote()
        try:
            yield stage
            if expected and self._first is not None and self._first[1] < FRESH:
                self._pace.append((expected, time.monotonic() - self._began))
            self._show(stage.note)
        finally:
            # Whatever is printed next begins on a line of its own.
            if self._live:
                self._stream.write("\n")
                self._stream.flush()

    def _stage_left(self, now: float) -> float | None:
        if self._first is None:
            return None
        began, at = self._first
        gained = self._fraction - at
        if gained <= 0:
            return None
        return (now - began) / gained * (1 - self._fraction)

    def _speed(self) -> float:
        """How many times the expected seconds the ended stages took."""
        expected = sum(pair[0] for pair in self._pace)
        return sum(pair[1] for pair in self._pace) / expected if expected else 1.0

    def _all_left(self, stage_left: float) -> str:
        waiting = self._expected[self._place + 1 :]
        if not any(waiting):
            return ""
        known = sum(seconds for seconds in waiting if seconds is not None) * self._speed()
        sure = all(seconds is not None for seconds in waiting)
        return f"all: {'about' if sure else 'at least'} {clock(stage_left + known)} left"

    def _show(self, text: str) -> None:
        line = f"[{self._place + 1}/{len(self._titles)}] {self._titles[self._place]} · {text}"
        if self._live:
            width = max(20, _columns(self._stream.fileno()))
            self._stream.write("\r\x1b[2K" + line[: width - 1])
        else:
            self._stream.write(line + "\n")
        self._stream.flush()


def clock(seconds: float) -> str:
    """Seconds as `m:ss` or `h:mm:ss`."""
    whole = max(0, round(seconds))
    hours, minutes = whole // 3600, whole % 3600 // 60
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def _columns(descriptor: int) -> int:
    try:
        return os.get_terminal_size(descriptor).columns
    except OSError:
        return 100
