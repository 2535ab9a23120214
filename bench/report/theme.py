"""Replace the colours of pictures by variables of the page's style sheet, for light and dark mode."""

from __future__ import annotations

import re

#: The colours that matplotlib paints, and the variables that replace them.
_PLOT = {
    "#111111": "var(--ink)",
    "#777777": "var(--muted)",
    "#dddddd": "var(--line)",
    "#fefefe": "var(--paper)",
}
INK, MUTED, LINE, PAPER = _PLOT

#: The colours of series, by Okabe and Ito; the style sheet has lighter ones for dark mode.
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c564b")
_SERIES = {colour: f"var(--series-{place})" for place, colour in enumerate(SERIES, start=1)}

#: The colours of `backbones.drawing`: text and rims, and the fills of input, intermediate and output nodes.
_CELL = {
    "#222222": "var(--ink)",
    "#444444": "var(--muted)",
    "#ffffff": "var(--paper)",
    "#aaaaaa": "var(--muted)",
    "#dcedc8": "var(--cell-input)",
    "#dce9f7": "var(--cell-node)",
    "#fdf0c4": "var(--cell-output)",
}

_COLOUR = re.compile(r"#[0-9a-f]{6}\b")


def themed(svg: str) -> str:
    """Replace the colours of a picture, and leave its height to its width."""
    variables = {**_CELL, **_PLOT, **_SERIES}
    svg = _COLOUR.sub(lambda found: variables.get(found[0], found[0]), svg)
    svg = re.sub(r"'DejaVu Sans'[^;\"]*", "var(--sans)", svg)
    opening, rest = svg.split(">", 1)
    opening = re.sub(r' height="[^"]*"', "", opening)
    return f"{opening}>{rest}"
