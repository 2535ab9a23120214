"""The digits as an image folder: `train/<class>/<source>.png` and `val/<class>/<source>.png`."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from bench.digits.source import DigitsSplit

#: Height and width of an image.
IMAGE_SIZE = 32


def write_classification(folder: Path, split: DigitsSplit, seed: int) -> dict[str, int]:
    """Write every digit once, as 32x32 RGB; the seed only affects the split.

    Returns:
        The numbers of train and val images.
    """
    for part, digits in (("train", split.train), ("val", split.val)):
        for label in range(10):
            (folder / part / str(label)).mkdir(parents=True)
        for pixels, label, source in zip(digits.images, digits.labels, digits.sources, strict=True):
            image = Image.fromarray(pixels).resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BICUBIC)
            image.convert("RGB").save(folder / part / str(label) / f"{source:04d}.png")
    return {"train images": len(split.train), "val images": len(split.val)}
