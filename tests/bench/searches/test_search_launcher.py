"""`torchrun … -m bench search … --launcher pytorch`: one search over two processes, one record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[3]

CONFIG = """
task = 'search'
method = 'PC-DARTS'
proxy = dict(root={root!r}, image_size=8, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
nodes = 2
partial_channels = 2
edge_normalisation = True
stages = [dict(epochs=2, frozen_epochs=1, layers=3, channels=4)]
batch_size = {batch_size}
weights = dict(lr=0.05, weight_decay=3e-4)
architecture = dict(lr=0.01)
rule = 'pc-darts'
"""


def torchrun(folder: Path, batch_size: int = 4) -> subprocess.CompletedProcess[str]:
    """Run the search in two processes, in a folder that has `images` and gets everything else."""
    config = folder / "tiny.py"
    config.write_text(CONFIG.format(root=str(folder / "images"), batch_size=batch_size), encoding="utf-8")
    return subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"),
            *("-m", "bench", "search", str(config), "--launcher", "pytorch"),
        ],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    noise = np.random.default_rng(0)
    for label in range(2):
        place = tmp_path / "images" / f"class{label}"
        place.mkdir(parents=True)
        for number in range(8):
            Image.fromarray(noise.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(place / f"{number}.png")
    return tmp_path


def test_one_search_and_one_record(folder: Path) -> None:
    done = torchrun(folder)
    assert done.returncode == 0, done.stderr[-4000:]
    assert set(json.loads(done.stdout)) == {"normal", "normal_concat", "reduce", "reduce_concat"}
    assert done.stderr.count("record: ") == 1
    (file,) = (folder / "results" / "records").rglob("seed0.json")
    record = json.loads(file.read_text(encoding="utf-8"))
    assert record["environment"]["processes"] == 2
    # Both processes' time.
    seconds = record["cost"]["seconds"]
    assert record["metrics"]["search_cost"]["value"] == pytest.approx(2 * seconds / 86_400)


def test_a_mistake_is_told_by_the_first_process(folder: Path) -> None:
    done = torchrun(folder, batch_size=64)
    assert done.returncode != 0
    assert [line.startswith("wildnas: ") for line in done.stderr.splitlines()].count(True) == 1
    assert "batch_size=64" in done.stderr
    assert not (folder / "results").exists()
