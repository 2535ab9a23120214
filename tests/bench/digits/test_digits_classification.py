from __future__ import annotations

from pathlib import Path

import pytest
from torchvision.datasets import ImageFolder

from bench.digits.source import load_split


@pytest.mark.parametrize(("part", "count"), [("train", 1293), ("val", 504)])
def test_image_folder_reads_it(digits_root: Path, part: str, count: int):
    folder = ImageFolder(str(digits_root / "classification" / part))
    assert len(folder) == count
    assert folder.classes == [str(label) for label in range(10)]
    image, _ = folder[0]
    assert (image.mode, image.size) == ("RGB", (32, 32))


def test_files_are_the_digits_of_the_split(digits_root: Path):
    split = load_split(0)
    for part, digits in (("train", split.train), ("val", split.val)):
        found = {(int(p.stem), int(p.parent.name)) for p in (digits_root / "classification" / part).rglob("*.png")}
        assert found == set(zip(digits.sources.tolist(), digits.labels.tolist(), strict=True))
