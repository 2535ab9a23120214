"""Draw a cell of a genotype in the style of the papers (PC-DARTS, Fig. 2; P-DARTS, Fig. 3)."""

from __future__ import annotations

import io
import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from backbones.drawing.pictures import own_settings, svg_text
from backbones.drawing.placement import FONT_SIZE, Layout, Line, layout
from backbones.errors import InputError
from backbones.files import replacing
from backbones.zoo import GenotypeLike, genotype_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TITLES = {"normal": "normal cell", "reduce": "reduction cell"}
_TITLE_HEIGHT = 0.3
_PNG_DOTS_PER_INCH = 200

#: Colours of Okabe and Ito, which are distinct for people with any colour vision.
_COLOURS = {
    "skip": "#cc79a7",
    "max": "#009e73",
    "avg": "#009e73",
    "sep": "#0072b2",
    "dil": "#d55e00",
    "conv": "#56b4e9",
    "none": "#999999",
    "noise": "#f0e442",
}
_OUTPUT_COLOUR = "#aaaaaa"
_INPUT_FILL, _NODE_FILL, _OUTPUT_FILL = "#dcedc8", "#dce9f7", "#fdf0c4"
#: The length and half the width of an arrow's head, in inches.
_HEAD = (0.09, 0.035)


def draw(genotype: GenotypeLike, file: str | Path, cell: str | None = None) -> Path:
    """Write a picture of one or both cells as SVG or PNG by the file's suffix, and return the file.

    Args:
        genotype: the cells.
        file: ends in .svg or .png; missing folders are made.
        cell: "normal", "reduce", or None for both, one above the other.

    Raises:
        InputError: the suffix or the cell is unknown, or the file cannot be written.
    """
    file = Path(file)
    kind = file.suffix.lower()
    if kind not in (".svg", ".png"):
        raise InputError(f"{file}: unknown kind of picture; expected .svg or .png")
    content = svg(genotype, cell).encode() if kind == ".svg" else _png(genotype, cell)
    try:
        with replacing(file) as partial:
            partial.write_bytes(content)
    except OSError as error:
        raise InputError(f"{file}: cannot be written: {error.strerror}") from error
    return file


def svg(genotype: GenotypeLike, cell: str | None = None) -> str:
    """Draw as an `<svg>` element without ids or style sheet, so that a page may hold any number of them.

    Raises:
        InputError: `cell` is not "normal", "reduce" or None.
    """
    with own_settings():
        text = svg_text(_figure(genotype, cell))
    text = text[text.index("<svg") :]
    # A style sheet would apply to the whole page, and ids would clash; nothing refers to them.
    text = re.sub(r"<defs>.*?</defs>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r' (id="[^"]*"|transform="rotate\(-0 [^"]*")', "", text)
    # A hundredth of a point is exact enough.
    return re.sub(r"(\.\d\d)\d+", r"\1", text)


def _png(genotype: GenotypeLike, cell: str | None) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = io.BytesIO()
    with own_settings():
        figure = _figure(genotype, cell)
        figure.set_dpi(_PNG_DOTS_PER_INCH)
        FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()


def _figure(genotype: GenotypeLike, cell: str | None) -> Figure:
    from matplotlib.figure import Figure

    if cell is not None and cell not in _TITLES:
        raise InputError(f"{cell[:40]!r}: unknown cell; expected 'normal' or 'reduce'")
    genotype, cells = genotype_of(genotype), list(_TITLES) if cell is None else [cell]
    layouts = [layout(getattr(genotype, name), getattr(genotype, f"{name}_concat")) for name in cells]
    title_height = _TITLE_HEIGHT if cell is None else 0.0
    width = max(each.width for each in layouts)
    height = sum(each.height + title_height for each in layouts)
    figure = Figure(figsize=(width, height), dpi=72, facecolor="white")
    top = 0.0
    for name, each in zip(cells, layouts, strict=True):
        if cell is None:
            _write(figure, _TITLES[name], width / 2, top + title_height / 2, FONT_SIZE + 2)
        _add(figure, each, (width - each.width) / 2, top + title_height)
        top += title_height + each.height
    return figure


def _add(figure: Figure, cell: Layout, x: float, y: float) -> None:
    """Draw a cell; x and y, in inches, go from the figure's upper left corner to the cell's."""
    from matplotlib.patches import FancyBboxPatch, Patch, PathPatch, Polygon
    from matplotlib.path import Path as Curve
    from matplotlib.transforms import Affine2D

    place = Affine2D().translate(x, y).scale(1, -1).translate(0, figure.get_figheight()) + figure.dpi_scale_trans

    def put(patch: Patch) -> None:
        patch.set_transform(place)
        figure.add_artist(patch, clip=False)

    # Lines to the output are drawn below the edges.
    for line in sorted(cell.lines, key=lambda line: line.label is not None):
        colour = _OUTPUT_COLOUR if line.operation is None else _COLOURS[line.operation.split("_")[0]]
        width = 0.8 if line.operation is None else 1.4
        for part in _parts(line):
            vertices, codes = [part[0]], [Curve.MOVETO]
            for (left, upper), (right, lower) in pairwise(part):
                middle = (left + right) / 2
                vertices += [(right, lower)] if upper == lower else [(middle, upper), (middle, lower), (right, lower)]
                codes += [Curve.LINETO] if upper == lower else [Curve.CURVE4] * 3
            path = Curve(vertices, codes)
            # A white rim makes crossings readable.
            put(PathPatch(path, fill=False, edgecolor="white", linewidth=width + 1.8))
            put(PathPatch(path, fill=False, edgecolor=colour, linewidth=width))
        tip_x, tip_y = line.knots[-1]
        length, half = _HEAD
        head = [(tip_x, tip_y), (tip_x - length, tip_y - half), (tip_x - length, tip_y + half)]
        put(Polygon(head, closed=True, facecolor=colour, linewidth=0))
        if line.label:
            _write(figure, line.label.text, x + line.label.x, y + line.label.y)
    for number, node in enumerate(cell.nodes):
        fill = _INPUT_FILL if number < 2 else _OUTPUT_FILL if number == len(cell.nodes) - 1 else _NODE_FILL
        corner = (node.x - node.width / 2, node.y - node.height / 2)
        style = "round,pad=0,rounding_size=0.06"
        put(FancyBboxPatch(corner, node.width, node.height, style, facecolor=fill, edgecolor="#444444", linewidth=0.8))
        _write(figure, node.text, x + node.x, y + node.y)


def _parts(line: Line) -> list[list[tuple[float, float]]]:
    """Split a line into the pieces that are drawn, between its label and its arrow head."""
    *knots, (x, y) = line.knots
    knots.append((x - _HEAD[0] * 0.9, y))
    if line.label is None:
        return [knots]
    # The label is the last item before the target: its column's two knots come before the end.
    label = line.label
    before = [*knots[:-2], (label.x - label.width / 2, label.y)]
    return [before, [(label.x + label.width / 2, label.y), *knots[-2:]]]


def _write(figure: Figure, text: str, x: float, y: float, size: float = FONT_SIZE) -> None:
    # Centred between the middle of small letters and that of digits.
    baseline = y + 0.32 * size / 72
    figure.text(
        x,
        figure.get_figheight() - baseline,
        text,
        fontsize=size,
        ha="center",
        va="baseline",
        color="#222222",
        transform=figure.dpi_scale_trans,
        parse_math=False,
    )
