"""Values that change from epoch to epoch."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from search.configs import Schema


class Schedule(Schema):
    """A value that moves from `start` in a stage's first epoch towards `end`."""

    start: float
    end: float
    #: `linear` adds the same difference each epoch, `exponential` multiplies by the same factor.
    shape: Literal["linear", "exponential"] = "linear"
    #: Whether the last epoch has `end`; otherwise the epoch that would follow it has.
    reached: bool = True

    @model_validator(mode="after")
    def _can_be_computed(self) -> Schedule:
        if self.shape == "exponential" and not (self.start > 0 and self.end > 0):
            raise ValueError(f"start={self.start}, end={self.end}: an exponential schedule needs both above 0")
        return self

    def at(self, epoch: int, epochs: int) -> float:
        """The value in an epoch, counted from 0, of a stage of so many epochs."""
        intervals = epochs - 1 if self.reached else epochs
        share = epoch / intervals if intervals else 0.0
        if self.shape == "linear":
            # Exact at both ends.
            return self.start * (1 - share) + self.end * share
        return float(self.start * (self.end / self.start) ** share)

    @property
    def is_zero(self) -> bool:
        """Whether the value is 0 in every epoch."""
        return self.start == self.end == 0
