"""Numbers of a table: value, text and deviation."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

#: A number as a paper prints it: `2.50`, `~5`, `<12`, `≤0.15`. The zeros at its end are kept: they say how exact it is.
PRINTED = re.compile(r"([~<≤]?)(\d+(?:\.\d+)?)")


@dataclass(frozen=True)
class Number:
    """A number of a row.

    Attributes:
        value: of several seeds, their mean; None where only the text says something, such as a range.
        text: as it is shown, without the unit.
        deviation: of a sample, where there is one.
        exact: whether the value is one to compare with: not `about`, not a bound.
    """

    value: float | None
    text: str
    deviation: float | None = None
    exact: bool = True


#: No number.
HOLE = Number(None, "")


def mean_of(values: Sequence[float], write: Callable[[float], str] = "{:.2f}".format) -> Number:
    """The mean of seeds, and ± the standard deviation of the sample if there are two or more."""
    mean = fmean(values)
    if len(values) == 1:
        return Number(mean, write(mean))
    return Number(mean, f"{write(mean)} ± {write(stdev(values))}", stdev(values))


def quantity(value: float, digits: int = 2) -> str:
    """Write a size, cost or time with `digits` decimals; a small one with its first two digits that are not 0."""
    if value:
        digits = max(digits, 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f}"


def signed(value: float) -> str:
    """Write a difference: `+0.04`, `−0.30` or `0.00`."""
    text = f"{abs(value):.2f}"
    return text if float(text) == 0 else f"{'+' if value > 0 else '−'}{text}"


def printed(text: str, deviation: str = "") -> Number:
    """Read a number as a paper prints it, with its deviation if there is one.

    Raises:
        ValueError: the text is no such number.
    """
    found = PRINTED.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no number as a paper prints one, such as 2.50 or ~5")
    shown = f"{text} ± {deviation}" if deviation else text
    return Number(float(found[2]), shown, float(deviation) if deviation else None, exact=not found[1])
