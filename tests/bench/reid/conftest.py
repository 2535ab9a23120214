"""A protocol on a Market-1501 folder of a few coloured stripes, made within a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bench.reid.task import ReidTask
from bench.tasks.contract import Protocol

TRAIN_IDENTITIES = range(1, 7)
TEST_IDENTITIES = range(11, 15)
CAMERAS = range(1, 4)
DISTRACTORS = 3

#: Makes a protocol with some keys changed.
MakeProtocol = Callable[..., Protocol]


def make_market1501(root: Path) -> Path:
    """Write the three folders below `root/market1501/` and return the folder that holds them."""
    rng = np.random.default_rng(0)
    folder = root / "market1501" / "Market-1501-v15.09.15"
    frame = 0
    for name, identities, shots in (
        ("bounding_box_train", TRAIN_IDENTITIES, 2),
        ("query", TEST_IDENTITIES, 1),
        ("bounding_box_test", [*TEST_IDENTITIES, *[0] * DISTRACTORS, -1], 1),
    ):
        (folder / name).mkdir(parents=True)
        for identity in identities:
            for camera in CAMERAS:
                for _ in range(shots):
                    frame += 1
                    text = f"{identity:04d}" if identity >= 0 else "-1"
                    image = _shot(identity, camera, rng)
                    image.save(folder / name / f"{text}_c{camera}s1_{frame:06d}_00.jpg")
    # Market-1501 has such files, too.
    (folder / "query" / "Thumbs.db").write_bytes(b"\0")
    return folder


def _shot(identity: int, camera: int, rng: np.random.Generator) -> Image.Image:
    """One person: three stripes in the colours of the identity, in the light of the camera, `(64, 32)`."""
    colours = np.random.default_rng(identity + 1).integers(0, 256, (3, 1, 1, 3))
    stripes = np.broadcast_to(colours, (3, 22, 32, 3)).reshape(66, 32, 3)[:64]
    lit = stripes * (0.7 + 0.1 * camera) + rng.normal(0, 12, stripes.shape)
    return Image.fromarray(lit.clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="session")
def market1501_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root with a Market-1501 data set in it. Leave it as it is: others read it too."""
    root = tmp_path_factory.mktemp("market")
    make_market1501(root)
    return root


@pytest.fixture
def tiny_protocol(market1501_root: Path) -> MakeProtocol:
    """Make a protocol that trains within a second or two; keys can be changed."""

    def make(**changes: Any) -> Protocol:
        config = {
            "task": "reid",
            "reduced": ["made data"],
            "dataset": "market1501",
            "data_root": str(market1501_root),
            "parts": 2,
            "height": 32,
            "width": 16,
            "channels": 4,
            "layers": 5,
            "reduced_dim": 8,
            "batch_size": 12,
            "epochs": 2,
            "learning_rate": 0.05,
            "milestones": [1],
            "transforms": ["random_flip", "random_crop", "random_erase"],
            "workers": 0,
        }
        return Protocol("reid/tiny", Path("reid/tiny.py"), ReidTask().validate(config | changes, "reid/tiny.py"))

    return make
