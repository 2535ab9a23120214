"""matplotlib with settings of its own, so that one content is one picture, byte for byte, whoever draws it."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Text stays text: it can be searched, and is short.
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
}


@contextlib.contextmanager
def own_settings(changes: Mapping[Any, Any] | None = None) -> Iterator[None]:
    """matplotlib's own settings, these and `changes`, whatever the user has set, for the time of the block."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**_SETTINGS, **(changes or {})})
        yield


def svg_text(figure: Figure) -> str:
    """The text of a figure as an SVG file; in a block of `own_settings`."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    buffer = io.StringIO()
    # A date or a version would make the bytes differ.
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    FigureCanvasSVG(figure).print_svg(buffer, metadata=nothing)
    return buffer.getvalue()
