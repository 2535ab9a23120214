"""One training over two processes on the CPU, through gloo."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

ROOT = Path(__file__).resolve().parents[3]
WORKER = Path(__file__).with_name("worker_classification.py")
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")

Config = Callable[..., dict[str, Any]]


def start(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        # One thread each.
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture
def states(config: Config, tmp_path: Path) -> dict[str, list[dict[str, Any]]]:
    """What one process, and what each of two has come to under the same protocol."""
    # At a rate that is clipped.
    values = config(epochs=4, batch_size=8, optimiser={"lr": 0.2, "weight_decay": 0.01, "clip_norm": 1.0})
    found = {}
    for name, launcher, processes in (("one", (), 1), ("two", TORCHRUN, 2)):
        folder = tmp_path / name
        folder.mkdir()
        done = start(*launcher, str(WORKER), json.dumps(values), str(folder), cwd=folder)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        files = [folder / f"rank{rank}.pth" for rank in range(processes)]
        found[name] = [torch.load(file, weights_only=True) for file in files]
    return found


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_two_processes_are_one(states: dict[str, list[dict[str, Any]]], tmp_path: Path) -> None:
    (alone,), (first, second) = states["one"], states["two"]
    # The batch of 8 is 4 and 4, or four times 2: the same gradients, but for the order of a sum.
    for accumulate in (1, 2):
        one, two, other = (state[f"bare{accumulate}"] for state in (alone, first, second))
        assert equal(two["weights"], other["weights"])
        assert one["metrics"] == two["metrics"] == other["metrics"]
        # The curve's losses are those of all images, not of the first process' own.
        mine, theirs = (
            [json.loads(line)["loss"] for line in (tmp_path / name / f"bare{accumulate}/curve.jsonl").open()]
            for name in ("one", "two")
        )
        assert theirs == pytest.approx(mine, rel=1e-4)
        for name, value in one["weights"].items():
            torch.testing.assert_close(two["weights"][name], value, rtol=1e-4, atol=1e-5, msg=name)
    # With BatchNorm, which sees other images, drop-path, an auxiliary head and a moving average: equal to each other.
    assert equal(first["whole"]["weights"], second["whole"]["weights"])
    assert first["whole"]["metrics"] == second["whole"]["metrics"]
    # And so after an interruption.
    for state in (first, second):
        assert equal(state["resumed"]["weights"], state["whole"]["weights"])
        assert state["resumed"]["metrics"] == state["whole"]["metrics"]
    lines = (tmp_path / "two/whole/curve.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3, 4]
    assert len(list((tmp_path / "two/whole").glob("*/vis_data/scalars.json"))) == 1


def test_one_command_writes_one_record(config: Config, tmp_path: Path) -> None:
    values = config(epochs=2, images={"validation": 6}, ema=0.5)
    (tmp_path / "mine.py").write_text("".join(f"{key} = {value!r}\n" for key, value in values.items()))
    command = ("-m", "bench", "evaluate", "PDARTS", "random:1", "--on", "mine.py", "--launcher", "pytorch")
    done = start(*TORCHRUN, *command, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert done.stdout.count("### Classification") == 1
    assert done.stdout.count("has the least validation error") == 1
    files = sorted((tmp_path / "results/records").rglob("seed0.json"))
    assert len(files) == 2
    for file in files:
        record = json.loads(file.read_text(encoding="utf-8"))
        assert record["environment"]["processes"] == 2
        assert record["counts"] == {"validation images": 6, "test images": 12}
        weights = (tmp_path / "work" / record["checkpoint"]["path"]).read_bytes()
        assert record["checkpoint"]["sha256"] == f"sha256:{hashlib.sha256(weights).hexdigest()}"
        curve = file.with_name("seed0.curve.jsonl").read_bytes()
        assert record["curve"] == f"sha256:{hashlib.sha256(curve).hexdigest()}"
        assert len(curve.splitlines()) == 2
