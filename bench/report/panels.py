"""The content of a plot, shared by its picture and its table of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.records.record import Record


@dataclass(frozen=True)
class Point:
    """A point with its name, the target of a click, and the deviations of y and x over seeds."""

    x: float
    y: float
    label: str = ""
    link: str = ""
    deviation: float | None = None
    x_deviation: float | None = None


@dataclass(frozen=True)
class Series:
    """Points of one kind; marks of published numbers are hollow."""

    name: str
    points: tuple[Point, ...]
    line: bool = False
    hollow: bool = False


@dataclass(frozen=True)
class Axis:
    """An axis; `better` is `high`, `low` or empty, and `whole` gives whole numbers as ticks."""

    title: str
    logarithmic: bool = False
    better: str = ""
    whole: bool = False
    from_zero: bool = False


@dataclass(frozen=True)
class Panel:
    """One plot; at each of `marks` something begins, and `named` points have names beside them if there is room."""

    title: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    marks: tuple[float, ...] = ()
    named: bool = False

    @property
    def points(self) -> list[Point]:
        return [point for series in self.series for point in series.points]

    @property
    def description(self) -> str:
        """The plot in words, for screen readers."""
        points = self.points
        (low, high), (least, most) = ((min(v), max(v)) for v in ([p.x for p in points], [p.y for p in points]))
        return (
            f"{self.title}. {self.y.title} against {self.x.title}; {len(points)} points of "
            f"{', '.join(series.name for series in self.series)}. {self.x.title} from {low:g} to {high:g}, "
            f"{self.y.title} from {least:g} to {most:g}. The numbers are in the table below the plot."
        )


@dataclass(frozen=True)
class Figure:
    """Plots that belong together, under one heading."""

    key: str
    title: str
    note: str
    panels: tuple[Panel, ...]


#: Behind the title of what reduced runs are in.
REDUCED = " †"


def titled(record: Record) -> str:
    """The title of the plots that a record is in."""
    return f"{record.protocol}{REDUCED if record.reduced else ''}"


def joined(series: Sequence[Series]) -> tuple[Series, ...]:
    """The series that have points."""
    return tuple(each for each in series if each.points)
