"""Engines that run the stages of a pipeline: in this process, in several of this machine, or as Ray tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from bench.pipeline.work import Outcome, Work

#: Called with a stage's title, the fraction that is done and the present activity.
Tell = Callable[[str, float, str], None]


class Engine(Protocol):
    """Interface of an engine, which runs stages that do not depend on each other.

    Attributes:
        slots: number of stages that it runs at the same time; None if it has a queue of its own.
    """

    slots: int | None

    def start(self, work: Work) -> bool:
        """Start a stage; False if the engine is busy or another process runs it."""

    def ended(self, timeout: float) -> list[tuple[str, Outcome]]:
        """Wait up to `timeout` seconds for a stage to end; return those that have ended, by title."""

    def close(self) -> None:
        """Stop what runs, and release the resources."""
