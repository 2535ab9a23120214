"""Default engine: one stage after another in this process."""

from __future__ import annotations

import time

from bench.pipeline.engines import Tell
from bench.pipeline.work import Outcome, Work, execute


class LocalEngine:
    """Run each stage within `start`, so that it has ended when `start` returns."""

    slots: int | None = 1

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._ended: list[tuple[str, Outcome]] = []

    def start(self, work: Work) -> bool:
        if self._ended:
            return False
        outcome = execute(work, lambda fraction, doing: self._tell(work.title, fraction, doing), wait=False)
        if outcome is None:
            return False
        self._ended.append((work.title, outcome))
        return True

    def ended(self, timeout: float) -> list[tuple[str, Outcome]]:
        if not self._ended:
            time.sleep(timeout)
        ended, self._ended = self._ended, []
        return ended

    def close(self) -> None:
        """Do nothing, since nothing runs between two calls."""
