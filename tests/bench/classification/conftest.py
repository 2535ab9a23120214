"""What the tests of classification share: images of three colours with noise, and a protocol that takes a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from backbones.genotype import Genotype
from bench.runs.recording import redirected
from bench.tasks.architectures import NamedArchitecture
from bench.tasks.contract import Job, Outcome, Protocol
from bench.tasks.registry import get_task
from search.training.progress import ProgressCallback

CLASSES = ("blue", "green", "red")

#: Two nodes a cell: operations with weights, without, and one that drop-path leaves alone.
EDGES = (("sep_conv_3x3", 0), ("skip_connect", 1), ("max_pool_3x3", 0), ("dil_conv_3x3", 2))
SMALL = NamedArchitecture("small", Genotype(EDGES, (2, 3), EDGES, (2, 3)), "given")


def draw(root: Path, each: int, size: int, seed: int) -> None:
    """Write `<root>/<class>/<n>.png`: a class is the channel that is brighter than the other two."""
    noise = np.random.default_rng(seed)
    for label, name in enumerate(CLASSES):
        (root / name).mkdir(parents=True)
        for number in range(each):
            pixels = noise.integers(0, 156, (size, size, 3))
            pixels[..., 2 - label] += 50
            Image.fromarray(pixels.astype(np.uint8)).save(root / name / f"{number:02d}.png")


@pytest.fixture
def make_folders() -> Callable[..., Path]:
    """Write `train` and `val` below a folder, and return that."""

    def make(root: Path, each: int = 8, val: int = 4, size: int = 8) -> Path:
        draw(root / "train", each, size, seed=0)
        draw(root / "val", val, size, seed=1)
        return root

    return make


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 images to train on and 12 to validate on, 8 x 8."""
    root = tmp_path_factory.mktemp("colours")
    draw(root / "train", 8, 8, seed=0)
    draw(root / "val", 4, 8, seed=1)
    return root


@pytest.fixture
def config(folders: Path) -> Callable[..., dict[str, Any]]:
    """A protocol's keys, with changes; those of `images`, `optimiser` and `execution` are merged."""

    def make(**changes: Any) -> dict[str, Any]:
        values: dict[str, Any] = {
            "task": "classification",
            "network": "cifar",
            "channels": 4,
            "layers": 3,
            "auxiliary_weight": None,
            "epochs": 3,
            "batch_size": 8,
        }
        parts: dict[str, dict[str, Any]] = {
            "images": {
                "train": str(folders / "train"),
                "val": str(folders / "val"),
                "image_size": 8,
                "mean": [0.5, 0.5, 0.5],
                "std": [0.25, 0.25, 0.25],
            },
            "optimiser": {"lr": 0.05, "weight_decay": 3e-4},
            "execution": {},
        }
        merged = {name: {**part, **changes.pop(name, {})} for name, part in parts.items()}
        return {**values, **merged, **changes}

    return make


@pytest.fixture
def protocol(config: Callable[..., dict[str, Any]]) -> Callable[..., Protocol]:
    """The protocol of these keys."""

    def make(**changes: Any) -> Protocol:
        return Protocol(
            "classification/tiny",
            Path("tiny.py"),
            get_task("classification").validate(config(**changes), "tiny.py"),
        )

    return make


@pytest.fixture
def train(protocol: Callable[..., Protocol]) -> Callable[..., Outcome]:
    """Run a job of these keys in a folder."""

    def run(
        folder: Path,
        progress: ProgressCallback = lambda fraction, doing: None,
        architecture: NamedArchitecture = SMALL,
        seed: int = 0,
        weights: Path | None = None,
        evaluate_only: bool = False,
        **changes: Any,
    ) -> Outcome:
        folder.mkdir(parents=True, exist_ok=True)
        job = Job(protocol(**changes), architecture, seed, folder, weights, evaluate_only, progress)
        with (folder / "output.log").open("a", encoding="utf-8") as log, redirected(log):
            return get_task("classification").run(job)

    return run
