"""What all tests share: made records, and a command that runs in this process."""

from __future__ import annotations

import os

# As in bench/cli.py, and before anything imports torch.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
# As `make test` has it. Tests fork, and OpenMP's threads do not survive that.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from filelock import FileLock

from backbones import zoo
from bench.records.record import SCHEMA_VERSION, Record

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile("busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("busy")


@pytest.fixture(scope="session")
def digits_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded digits, made once for the whole session."""
    from bench.digits.recipe import ensure

    return ensure(tmp_path_factory.mktemp("embedded") / "digits")


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], None]], Path]:
    """A folder that is filled once, also if the tests run in several processes: the others wait for it."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def make(name: str, fill: Callable[[Path], None]) -> Path:
        folder, done = shared / name, shared / f"{name}.done"
        with FileLock(shared / f"{name}.lock"):
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                fill(folder)
                done.touch()
        return folder

    return make


@pytest.fixture(scope="session")
def make_record() -> Callable[..., Record]:
    """A valid record with given values in the place of the usual ones."""

    def make(**changes: Any) -> Record:
        genotype = zoo.get("PDARTS").genotype
        content: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "task": "classification",
            "version": 1,
            "protocol": "classification/digits",
            "architecture": {"name": "PDARTS", "genotype": genotype.to_json(), "digest": genotype.digest},
            "method": "published",
            "seed": 0,
            "key": "sha256:" + "0" * 64,
            "reduced": [],
            "config": {"epochs": 1},
            "data": {"counts": {"train images": 2}, "fingerprint": "sha256:" + "1" * 64},
            "environment": {"python": "3.11"},
            "parents": [],
            "initial_weights": None,
            "metrics": {"top1_error": {"value": 5.0, "unit": "%", "higher_is_better": False}},
            "counts": {"val images": 2},
            "cost": {"seconds": 1.0, "peak_memory": 1, "params": 1_000_000, "macs": 10, "published_macs": 2_500_000},
            "checkpoint": None,
            "started": "2026-01-01T00:00:00+00:00",
            "finished": "2026-01-01T00:00:01+00:00",
        }
        return Record.model_validate({**content, **changes})

    return make
