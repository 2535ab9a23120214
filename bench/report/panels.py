"""The content of a plot, shared by its picture and its table of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.records.record import Record


@dataclass(frozen=True)
class Point:
    """A point.

    Attributes:
        label: its name.
        link: the target of a click; empty for none.
        deviation, x_deviation: of y and of x, over seeds.
    """

    x: float
    y: float
    label: str = ""
    link: str = ""
    deviation: float | None = None
    x_deviation: float | None = None


@dataclass(frozen=True)
class Series:
    """Points of one kind.

    Attributes:
        line: whether the points are joined.
        hollow: whether the marks are hollow, as those of published numbers.
    """

    name: str
    points: tuple[Point, ...]
    line: bool = False
    hollow: bool = False


@dataclass(frozen=True)
class Axis:
    """An axis.

    Attributes:
        better: `high`, `low` or empty.
        whole: whether ticks are whole numbers.
        from_zero: whether the axis includes 0.
    """

    title: str
    logarithmic: bool = False
    better: str = ""
    whole: bool = False
    from_zero: bool = False


@dataclass(frozen=True)
class Panel:
    """One plot.

    Attributes:
        marks: values of x at which something begins, such as a stage of a search.
        named: whether points have their names beside them, as far as there is room.
    """

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
