"""Live view of a pipeline: stages that are done, running with the time left, waiting or failed.

On a terminal it is a block that is redrawn; in a log, a line for every event.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from enum import Enum

from bench.console.progress import LIVE_INTERVAL, PLAIN_INTERVAL, Pace, Timetable, clock, terminal_size
from bench.console.streams import duplicate_of_standard_error


class State(Enum):
    """State of a stage, with its mark."""

    WAITING = "·"
    RUNNING = "▶"
    ELSEWHERE = "»"
    DONE = "✓"
    FAILED = "✗"
    BLOCKED = "-"


#: Order in which stages are shown if the view is too small for all.
_FIRST = (State.RUNNING, State.ELSEWHERE, State.FAILED, State.WAITING, State.BLOCKED, State.DONE)


class Board:
    """Show the stages on standard error.

    Args:
        expected: expected seconds of each stage, by title, in order; None is unknown.
        descriptor: descriptor of the stream.
    """

    def __init__(self, expected: Mapping[str, float | None], descriptor: int = 2) -> None:
        # A copy of the stream: while a stage runs here, standard error itself is redirected to a file.
        self._stream = duplicate_of_standard_error(descriptor)
        self._live = self._stream.isatty()
        self._expected = dict(expected)
        self._places = {title: place for place, title in enumerate(expected, start=1)}
        self._states = dict.fromkeys(expected, State.WAITING)
        self._texts = dict.fromkeys(expected, "")
        self._paces: dict[str, Pace] = {}
        self._shown = dict.fromkeys(expected, 0.0)
        self._table = Timetable()
        self._drawn = 0
        self._drawn_at = 0.0

    def start(self, title: str) -> None:
        self._paces[title] = Pace()
        self._shown[title] = self._paces[title].began
        self._set(title, State.RUNNING, "")
        left = self._left()
        self._line(title, f"started · {left}" if left else "started")

    def tell(self, title: str, fraction: float, doing: str) -> None:
        """Report a running stage's progress, 0 to 1, and its present activity."""
        pace = self._paces.setdefault(title, Pace())
        pace.tell(fraction)
        left = f"{clock(pace.left)} left" if pace.left is not None else ""
        self._texts[title] = " · ".join(part for part in (f"{100 * fraction:3.0f} %", doing, left) if part)
        now = time.monotonic()
        if self._live:
            self.draw()
        elif now - self._shown[title] >= PLAIN_INTERVAL:
            self._shown[title] = now
            whole = self._left() if pace.left is not None else ""
            self._line(title, " · ".join(part for part in (self._texts[title], whole) if part))

    def elsewhere(self, title: str, progress: tuple[float, str] | None) -> None:
        """Mark a stage that another process runs."""
        text = "runs elsewhere" if progress is None else f"runs elsewhere · {100 * progress[0]:3.0f} % · {progress[1]}"
        first = self._states[title] is not State.ELSEWHERE
        self._set(title, State.ELSEWHERE, text)
        if first or time.monotonic() - self._shown[title] >= PLAIN_INTERVAL:
            self._shown[title] = time.monotonic()
            self._line(title, text)

    def end(self, title: str, state: State, note: str) -> None:
        """Mark a stage as done, failed or blocked; shown once."""
        if self._states[title] is state:
            return
        pace = self._paces.pop(title, None)
        if pace is not None and state is State.DONE:
            self._table.ended(self._expected[title], pace)
        self._set(title, state, note)
        self._line(title, note)

    def close(self) -> None:
        """Leave the last state on the screen, and end it with a new line."""
        if self._live:
            self._erase()
            for line in self._lines(len(self._states) + 1):
                self._stream.write(line + "\n")
            self._drawn = 0
        self._stream.close()

    def draw(self) -> None:
        """Redraw the block, unless it was drawn less than `LIVE_INTERVAL` ago."""
        if not self._live or time.monotonic() - self._drawn_at < LIVE_INTERVAL:
            return
        self._drawn_at = time.monotonic()
        size = terminal_size(self._stream.fileno())
        self._erase()
        lines = [line[: max(20, size.columns - 1)] for line in self._lines(max(3, size.lines - 1))]
        self._stream.write("".join(line + "\n" for line in lines))
        self._stream.flush()
        self._drawn = len(lines)

    def _erase(self) -> None:
        if self._drawn:
            self._stream.write(f"\x1b[{self._drawn}F\x1b[J")

    def _lines(self, room: int) -> Iterator[str]:
        """A summary, and as many stages as there is room for, running ones first."""
        ranked = sorted(self._states, key=lambda title: (_FIRST.index(self._states[title]), self._places[title]))
        shown = set(ranked[: room - 1])
        counts = [
            f"{sum(state is each for state in self._states.values())} {each.name.lower()}"
            for each in State
            if any(state is each for state in self._states.values())
        ]
        yield " · ".join(part for part in (*counts, self._left()) if part)
        for title, state in self._states.items():
            if title in shown:
                text = self._texts[title]
                yield f" {state.value} {title}{' · ' + text if text else ''}"

    def _left(self) -> str:
        running = [title for title, state in self._states.items() if state is State.RUNNING]
        waiting = [self._expected[title] for title, state in self._states.items() if state is State.WAITING]
        known = 0.0
        for title in running:
            pace = self._paces[title]
            expected = self._expected[title]
            left = pace.left if pace.left is not None else (expected or 0) * self._table.speed
            known += left
        # Stages that run at the same time divide the remaining time among them.
        together = max(1, len(running))
        return self._table.left(known / together, waiting, together)

    def _set(self, title: str, state: State, text: str) -> None:
        self._states[title], self._texts[title] = state, text
        self._drawn_at = 0.0
        self.draw()

    def _line(self, title: str, text: str) -> None:
        if not self._live:
            self._stream.write(f"[{self._places[title]}/{len(self._places)}] {title} · {text}\n")
            self._stream.flush()
