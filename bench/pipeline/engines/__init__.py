"""Engines that run the stages of a pipeline: in this process (the default), or as Ray tasks."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from bench.pipeline.work import Outcome, Work, execute

#: Called with a stage's title, the fraction that is done and the present activity.
Tell = Callable[[str, float, str], None]


class Engine(Protocol):
    """Interface of an engine, which runs stages that do not depend on each other."""

    def start(self, work: Work) -> bool:
        """Start a stage; False if the engine is busy or another process runs it."""

    def ended(self, timeout: float) -> list[tuple[str, Outcome]]:
        """Wait up to `timeout` seconds for a stage to end; return those that have ended, by title."""

    def close(self) -> None:
        """Stop what runs, and release the resources."""


class LocalEngine:
    """Run one stage after another in this process, each within `start`, so that it has ended when `start` returns."""

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
