"""When a search stops before its last epoch, and which epoch's architecture it takes.

A rule reads the lines of `epochs.jsonl` so far, so that a resumed search decides as an uninterrupted one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from search.configs import Schema

#: The key of the largest eigenvalue in a line of `epochs.jsonl`.
EIGENVALUE = "eigenvalue"


class Curvature(Schema):
    """Stop when the Hessian of the validation loss for α grows fast (RobustDARTS, Zela et al., ICLR 2020, 4.3).

    λ(i) is the largest eigenvalue after epoch i, averaged over `window` epochs around i. The search stops when λ(i)
    exceeds `ratio` times λ(i − lag), if that is positive, and takes the architecture of epoch i − lag.
    """

    type: Literal["curvature"]
    #: An odd number of epochs.
    window: int = Field(default=5, ge=1)
    lag: int = Field(default=5, ge=1)
    ratio: float = Field(gt=1)
    #: The first epoch, from 1, whose architecture may be taken.
    first: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _has_a_middle(self) -> Curvature:
        if self.window % 2 == 0:
            raise ValueError(f"window={self.window}: expected an odd number of epochs")
        return self

    def chosen(self, lines: Sequence[Mapping[str, Any]]) -> int | None:
        """The epoch, from 1, whose architecture is taken if the search stops after these lines; None goes on."""
        half = self.window // 2
        values = [float(line[EIGENVALUE]) for line in lines]
        now = len(values) - half
        before = now - self.lag
        if before < self.first or before - half < 1:
            return None
        current, earlier = (fmean(values[middle - half - 1 : middle + half]) for middle in (now, before))
        return before if 0 < self.ratio * earlier < current else None


class SkipCount(Schema):
    """Stop as soon as the normal cell has `most` skip connections (DARTS+, Liang et al., 2019, criterion 1)."""

    type: Literal["skips"]
    most: int = Field(ge=1)
    #: The first epoch, from 1, that counts: α is random at first, and so is the number.
    first: int = Field(default=1, ge=1)

    def chosen(self, lines: Sequence[Mapping[str, Any]]) -> int | None:
        """As `Curvature.chosen`; the architecture is the last epoch's."""
        done = len(lines)
        return done if done >= self.first and lines[-1]["skip_count"] >= self.most else None


Stopping = Annotated[Curvature | SkipCount, Field(discriminator="type")]
