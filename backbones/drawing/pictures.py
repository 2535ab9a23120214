"""Fixed matplotlib settings, so that the same content gives the same picture byte for byte."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Text stays text, which can be searched and is short.
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
}


@contextlib.contextmanager
def own_settings(changes: Mapping[Any, Any] | None = None) -> Iterator[None]:
    """Use matplotlib's defaults with these settings and `changes` in the block, whatever the user has set."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**_SETTINGS, **(changes or {})})
        yield


def svg_text(figure: Figure) -> str:
    """Write a figure as SVG text; call it in a block of `own_settings`."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    buffer = io.StringIO()
    # A date or a version would make the bytes differ.
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    FigureCanvasSVG(figure).print_svg(buffer, metadata=nothing)
    return buffer.getvalue()
