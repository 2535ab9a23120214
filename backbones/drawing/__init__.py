"""Draw a cell as a picture; matplotlib is imported only then."""

from backbones.drawing.cell import draw, svg

__all__ = ["draw", "svg"]
