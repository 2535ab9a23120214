"""Where the stages of a pipeline are run: here, one after another, or as Ray tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from bench.pipeline.work import Outcome, Work

#: Told a stage's title, the fraction that is done and what is being done.
Tell = Callable[[str, float, str], None]


class Engine(Protocol):
    """Runs stages that do not depend on each other."""

    def start(self, work: Work) -> bool:
        """Begin a stage; False: no room for it now, or another run has it in hand."""

    def ended(self, timeout: float) -> list[tuple[str, Outcome]]:
        """The stages that have ended, by title, after waiting for one of them for so many seconds at most."""

    def close(self) -> None:
        """Let go of what was needed; what runs is stopped."""
