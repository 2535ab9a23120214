"""Progress line: the running stage, its progress, and the time left."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.console.streams import duplicate_of_standard_error
from bench.console.visible import visible

#: Seconds between two lines if the output is not a terminal.
PLAIN_INTERVAL = 15.0
#: A stage that starts at a larger fraction was resumed; its duration does not measure this machine's speed.
FRESH = 0.2
#: Seconds between two updates of the line on a terminal.
LIVE_INTERVAL = 0.2


@dataclass
class StageNote:
    """Text that a finished stage shows."""

    note: str = "done"


class Pace:
    """Speed of a running stage, and its time left.

    Attributes:
        fraction: progress from 0 to 1.
    """

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.fraction = 0.0
        #: Time and fraction of the first report.
        self._first: tuple[float, float] | None = None

    def tell(self, fraction: float) -> None:
        if self._first is None and fraction > 0:
            # A resumed stage starts in the middle; measure its pace from there.
            self._first = (time.monotonic(), fraction) if fraction < 1 else None
        self.fraction = fraction

    @property
    def left(self) -> float | None:
        """Seconds left, or None if unknown."""
        if self._first is None:
            return None
        began, at = self._first
        gained = self.fraction - at
        return (time.monotonic() - began) / gained * (1 - self.fraction) if gained > 0 else None

    @property
    def fresh(self) -> bool:
        """Whether the stage was not resumed, so that its duration measures this machine's speed."""
        return self._first is not None and self._first[1] < FRESH


class Timetable:
    """Compare expected and real durations of the ended stages, to predict the waiting ones."""

    def __init__(self) -> None:
        self._ended: list[tuple[float, float]] = []

    def ended(self, expected: float | None, pace: Pace) -> None:
        if expected and pace.fresh:
            self._ended.append((expected, time.monotonic() - pace.began))

    @property
    def speed(self) -> float:
        expected = sum(pair[0] for pair in self._ended)
        return sum(pair[1] for pair in self._ended) / expected if expected else 1.0

    def left(self, now: float, waiting: Sequence[float | None], together: int = 1) -> str:
        """Text such as `all: about 2:30 left`, for the running stages and those that wait, so many at the same time."""
        if not any(waiting):
            return ""
        listed = [seconds for seconds in waiting if seconds is not None]
        # No sooner than the longest one.
        known = max(sum(listed) / together, *listed) * self.speed
        sure = all(seconds is not None for seconds in waiting)
        return f"all: {'about' if sure else 'at least'} {clock(now + known)} left"


class Progress:
    """Show stages, one after another, on standard error: on one line that is redrawn, or line by line in a log.

    Args:
        titles: the stages in order.
        expected: seconds that each stage is expected to take, scaled by what the ended stages really took. If one is
            unknown, the time left is shown as "at least".
    """

    def __init__(self, titles: Sequence[str], expected: Sequence[float | None] | None = None) -> None:
        # A copy of the stream: while a stage runs, standard error itself is redirected to a file.
        self._stream = duplicate_of_standard_error()
        self._live = self._stream.isatty()
        self._titles = titles
        self._expected = list(expected or [None] * len(titles))
        self._table = Timetable()
        self._pace = Pace()
        self._place = 0
        self._shown = 0.0

    def __call__(self, fraction: float, doing: str) -> None:
        """Report the running stage's progress, 0 to 1, and its present activity."""
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
        """Show the stage with an index while the block runs; the note that the block sets stays in its line."""
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
            # The next output starts on a new line.
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
    """Show nothing; the default of calls from a program or a notebook."""

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
    """Columns and lines of a terminal; 100 and 24 if unknown."""
    try:
        size = os.get_terminal_size(descriptor)
    except OSError:
        size = os.terminal_size((0, 0))
    # Some terminals report 0.
    return os.terminal_size((size.columns or 100, size.lines or 24))
