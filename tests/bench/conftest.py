"""A miniature of the embedded digits, and protocols on it that train for seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

#: What makes a digits protocol run in seconds on the miniature data, by task.
TINY_OPTIONS = {
    "classification": ("embedded=None", "epochs=1", "batch_size=128", "channels=4", "layers=3"),
    "detection": (
        "embedded=None",
        "train_cfg.max_epochs=1",
        "model.backbone.channels=4",
        "model.backbone.layers=3",
    ),
    "reid": ("embedded=None", "epochs=1", "batch_size=64", "channels=4", "layers=3", "reduced_dim=8"),
    "zerocost": ("embedded=None", "batch.size=16", "channels=4", "layers=3"),
}

TINY_PROTOCOLS = {
    "classification": "classification/digits",
    "detection": "detection/digits_ssd",
    "reid": "reid/digits_p3",
    "zerocost": "zerocost/digits",
}


@pytest.fixture(scope="session")
def mini_digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits with few canvases; no manifest, so that it never passes for the embedded data."""
    from bench.digits.classification import write_classification
    from bench.digits.coco import write_coco
    from bench.digits.market1501 import write_market1501
    from bench.digits.source import load_split

    root = tmp_path_factory.mktemp("mini") / "digits"
    split = load_split(0)
    write_classification(root / "classification", split, 0)
    write_coco(root / "coco", split, 0, train_canvases=32, val_canvases=12)
    write_market1501(root / "market1501", split, 0)
    return root


@pytest.fixture
def on_mini_digits(mini_digits: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty working folder from which the digits protocols find the miniature data."""
    monkeypatch.setenv("WILDNAS_DIGITS", str(mini_digits))
    monkeypatch.chdir(tmp_path)
    return tmp_path
