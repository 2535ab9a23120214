"""Place the names of points beside them without overlap; a name without room is in its tooltip only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bench.report.panels import Point

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE = 7
#: Candidate positions of a name: its shift from the point in pixels, and its alignment.
_PLACES = (
    (6, 0, "left", "center"),
    (-6, 0, "right", "center"),
    (0, 7, "center", "bottom"),
    (0, -7, "center", "top"),
    (5, 6, "left", "bottom"),
    (5, -6, "left", "top"),
    (-5, 6, "right", "bottom"),
    (-5, -6, "right", "top"),
)
#: Half the width of a mark, in pixels.
_MARK = 4


def place_labels(axes: Axes, points: Sequence[Point]) -> None:
    """Write the points' names on axes whose scales and limits are set."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.transforms import Bbox

    figure = axes.get_figure(root=True)
    assert figure is not None
    # The positions of the axes and the lengths of names are known only after drawing.
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    places = [axes.transData.transform((point.x, point.y)) for point in points]
    taken = [Bbox.from_extents(x - _MARK, y - _MARK, x + _MARK, y + _MARK) for x, y in places]
    inside = axes.get_window_extent(renderer)
    named: dict[str, Any] = {}
    for point, place in zip(points, places, strict=True):
        # Two papers print the same number of the same network: one name is enough for both marks.
        if point.label in named and math.dist(named[point.label], place) < 3 * _MARK:
            continue
        for x, y, horizontal, vertical in _PLACES:
            style: dict[str, Any] = {"ha": horizontal, "va": vertical, "fontsize": _SIZE}
            text = axes.annotate(point.label, (point.x, point.y), (x, y), textcoords="offset pixels", **style)
            box = text.get_window_extent(renderer)
            fits = inside.x0 <= box.x0 and box.x1 <= inside.x1 and inside.y0 <= box.y0 and box.y1 <= inside.y1
            if fits and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                named[point.label] = place
                break
            text.remove()
