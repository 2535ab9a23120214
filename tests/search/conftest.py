"""What the tests of the search share: a folder of noise images and a search that takes a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from search.settings import SearchSettings


@pytest.fixture(scope="session")
def make_images() -> Callable[..., Path]:
    """Write `<root>/<class>/<n>.png`, uniform noise."""

    def make(root: Path, classes: int = 2, each: int = 8, size: int = 8) -> Path:
        noise = np.random.default_rng(0)
        for label in range(classes):
            folder = root / f"class{label}"
            folder.mkdir(parents=True)
            for number in range(each):
                pixels = noise.integers(0, 256, (size, size, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
        return root

    return make


@pytest.fixture(scope="session")
def tiny_search(
    tmp_path_factory: pytest.TempPathFactory, make_images: Callable[..., Path]
) -> Callable[..., SearchSettings]:
    """Settings of a P-DARTS search in two stages, with changes."""
    root = make_images(tmp_path_factory.mktemp("search") / "images")

    def settings(**changes: Any) -> SearchSettings:
        values: dict[str, Any] = {
            "task": "search",
            "method": "P-DARTS",
            "proxy": {
                "root": str(root),
                "image_size": 8,
                "mean": [0.5, 0.5, 0.5],
                "std": [0.25, 0.25, 0.25],
                "augmentation": {"crop_padding": 1, "flip": True, "cutout": 2},
            },
            "nodes": 2,
            "stages": [
                {"epochs": 3, "frozen_epochs": 2, "layers": 3, "channels": 4},
                {"epochs": 3, "frozen_epochs": 2, "layers": 3, "channels": 4, "keep": 3, "skip_dropout": 0.4},
            ],
            "batch_size": 4,
            "weights": {"lr": 0.05, "weight_decay": 3e-4},
            "architecture": {"lr": 0.01},
            "rule": "p-darts",
            "max_skips": 1,
        }
        return SearchSettings.model_validate({**values, **changes})

    return settings
