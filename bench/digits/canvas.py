"""Draw an image for detection: digits of several sizes on an uneven, noisy grey."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.digits.source import Digits

#: Height and width of a canvas.
CANVAS_SIZE = 128

#: Smallest and largest height of a digit, in pixels.
DIGIT_HEIGHTS = (20, 64)

#: The largest share of the smaller of two boxes that the other may cover. It keeps their IoU below 0.09; a limit on the
#: IoU itself would allow a small digit inside a large one.
MAX_COVER = 0.15

#: The smallest opacity of a pixel that counts as ink and lies in its digit's box.
INK_OPACITY = 0.25

_PLACEMENT_ATTEMPTS = 50

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Instance:
    """A digit on a canvas.

    Attributes:
        box: (x, y, width, height) of its ink.
        label: 0 to 9.
        source: its index in `sklearn.datasets.load_digits`.
    """

    box: Box
    label: int
    source: int


@dataclass(frozen=True)
class Canvas:
    """Pixels (128, 128, 3) and the digits on them."""

    pixels: NDArray[np.uint8]
    instances: tuple[Instance, ...]


def draw_canvas(digits: Digits, count: int, rng: np.random.Generator) -> Canvas:
    """Place `count` different digits, or fewer if there is no room."""
    scene = _background(rng)
    instances: list[Instance] = []
    for position in rng.choice(len(digits), size=count, replace=False):
        opacity = _opacity(digits.images[position], rng)
        left, top, width, height = _ink_box(opacity)
        corner = _free_corner(opacity.shape[0], (left, top, width, height), [i.box for i in instances], rng)
        if corner is None:
            continue
        x, y = corner
        ink = rng.uniform(176, 255, size=3)
        patch = scene[y : y + opacity.shape[0], x : x + opacity.shape[1]]
        patch += opacity[..., None] * (ink - patch)
        box = (x + left, y + top, width, height)
        instances.append(Instance(box, int(digits.labels[position]), int(digits.sources[position])))
    scene += rng.normal(0, 4, size=(CANVAS_SIZE, CANVAS_SIZE, 1))
    return Canvas(np.rint(scene.clip(0, 255)).astype(np.uint8), tuple(instances))


def _background(rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw a dark grey gradient in a random direction, with a slight tint: (128, 128, 3)."""
    angle = rng.uniform(0, 2 * np.pi)
    ramp = np.linspace(-1, 1, CANVAS_SIZE)
    slope: NDArray[np.float64] = np.cos(angle) * ramp[None, :] + np.sin(angle) * ramp[:, None]
    tint = rng.uniform(32, 56) + rng.uniform(-6, 6, size=3)
    return rng.uniform(0, 16) * slope[..., None] + tint


def _opacity(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float64]:
    """Enlarge the digit to a random height; the result is square, from 0 for no ink to 1 for full ink."""
    # A margin around the 8x8, so that strokes at its edge end softly. Each digit fills all 8 rows, so the height of the
    # ink is that of the 8x8. Heights are uniform in the logarithm, so that all sizes are equally frequent.
    padded = np.pad(image, 1)
    low, high = DIGIT_HEIGHTS
    height = np.exp(rng.uniform(np.log(low), np.log(high)))
    side = round(height * padded.shape[0] / image.shape[0])
    enlarged = Image.fromarray(padded).resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(enlarged).astype(np.float64) / 255


def _ink_box(opacity: NDArray[np.float64]) -> Box:
    rows = np.flatnonzero((opacity >= INK_OPACITY).any(axis=1))
    columns = np.flatnonzero((opacity >= INK_OPACITY).any(axis=0))
    return int(columns[0]), int(rows[0]), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1


def _free_corner(side: int, ink: Box, taken: list[Box], rng: np.random.Generator) -> tuple[int, int] | None:
    """Find a corner (x, y) for a square of `side` whose ink covers no other box too much; None if there is none."""
    for _ in range(_PLACEMENT_ATTEMPTS):
        x, y = (int(v) for v in rng.integers(0, CANVAS_SIZE - side + 1, size=2))
        box = (x + ink[0], y + ink[1], ink[2], ink[3])
        if all(_cover(box, other) <= MAX_COVER for other in taken):
            return x, y
    return None


def _cover(a: Box, b: Box) -> float:
    """Return the share of the smaller box that the other covers."""
    width = max(0, min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0]))
    height = max(0, min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1]))
    return width * height / min(a[2] * a[3], b[2] * b[3])
