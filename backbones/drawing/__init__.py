"""Draw a cell as a picture. Matplotlib is imported when something is drawn."""

from backbones.drawing.cell import draw, svg

__all__ = ["draw", "svg"]
