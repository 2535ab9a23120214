"""The Ray engine on a local cluster of two nodes, one of which is killed while it works."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.commands.cli import main
from bench.pipeline.survival import comparable, compare
from tests.bench.pipeline.miniature import all_records, write_retraining

ray = pytest.importorskip("ray", reason="Ray is not installed (pip install 'wildnas[ray]')")

NAMES = ("PDARTS", "DARTS_V1", "DARTS_V2")
ROOT = Path(__file__).parents[3]


@pytest.fixture
def cluster(on_mini_digits: Path) -> Iterator[Any]:
    """Two nodes, a CPU each; the driver's has none of its own to give but its store."""
    from ray.cluster_utils import Cluster

    variables = {name: os.environ[name] for name in ("WILDNAS_DIGITS", "OMP_NUM_THREADS") if name in os.environ} | {
        "PYTHONPATH": str(ROOT)
    }
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 80 << 20})
    made.lost = made.add_node(num_cpus=1, object_store_memory=80 << 20)
    ray.init(address=made.address, runtime_env={"env_vars": variables}, log_to_driver=False)
    yield made
    ray.shutdown()
    made.shutdown()


def test_a_node_is_lost_and_the_records_are_those_of_the_local_engine(
    on_mini_digits: Path, cluster: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    # Long enough to be killed in the middle of, and to resume from a checkpoint.
    more = "options = {'classification': {'epochs': 6}}"
    pipeline = str(write_retraining(on_mini_digits, *NAMES, limit=None, more=more))
    killed: list[float] = []

    def kill() -> None:
        deadline = time.monotonic() + 600
        while time.monotonic() < deadline:
            begun = {file.parents[1] for file in (on_mini_digits / "work").rglob("last_checkpoint")}
            # Two stages at work, one on each node, both behind a checkpoint and before their end.
            if len(begun) - len(all_records(on_mini_digits)) == 2:
                cluster.remove_node(cluster.lost, allow_graceful=False)
                killed.append(time.monotonic())
                return
            time.sleep(0.1)

    thread = threading.Thread(target=kill)
    thread.start()
    assert main(["run", pipeline, "--engine", "ray"]) == 0
    thread.join()
    assert killed, "two stages were never at work at the same time"
    err = capfd.readouterr().err
    assert "3 stages: 3 run now, 0 done before" in err
    found = {name: comparable(record) for name, record in all_records(on_mini_digits).items()}
    assert len(found) == len(NAMES)

    local = on_mini_digits / "local"
    assert main(["run", pipeline, "--results", str(local / "results"), "--work-dir", str(local / "work")]) == 0
    expected = {name: comparable(record) for name, record in all_records(local).items()}
    assert compare(expected, found) == []


def test_no_cluster_is_one_line(on_mini_digits: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pipeline = str(write_retraining(on_mini_digits, "PDARTS"))
    assert main(["run", pipeline, "--address", "auto"]) == 2
    assert "add --engine ray" in capfd.readouterr().err
    assert main(["run", pipeline, "--engine", "ray", "--address", "127.0.0.1:1"]) == 2
    (line,) = (line for line in capfd.readouterr().err.splitlines() if line.startswith("wildnas: "))
    assert "address 127.0.0.1:1" in line
