"""A cluster of our own listens on this machine only, in a folder that nobody else can enter, and ends with its work."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="Ray is not installed (pip install 'wildnas[ray]')")

SCRIPT = """
import json, os, subprocess
from bench.pipeline.engines.ray import RayEngine

def listening():
    return set(subprocess.run(["ss", "-ltnpH"], capture_output=True, text=True, check=True).stdout.splitlines())

before = listening()
engine = RayEngine(None)
import ray
answer = ray.get(ray.remote(lambda: 5).remote())
ours = [line for line in listening() - before if "ray" in line or "gcs" in line or str(os.getpid()) in line]
told = {"answer": answer, "mode": os.stat(engine._folder).st_mode & 0o777, "auth": os.environ["RAY_AUTH_MODE"]}
told["addresses"] = [line.split()[3] for line in ours]
folder = engine._folder
engine.close()
told |= {"left": folder.exists(), "joined": ray.is_initialized()}
ray.init(address="local", num_cpus=1, log_to_driver=False, configure_logging=False, include_dashboard=False)
joined = RayEngine(None)
joined.close()
print("told", json.dumps({**told, "stays": ray.is_initialized()}))
"""


@pytest.mark.skipif(shutil.which("ss") is None, reason="ss (iproute2) is not installed")
def test_nothing_listens_beyond_this_machine() -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = re.search(r"^told (.*)$", done.stdout, re.MULTILINE)
    assert found is not None, done.stdout
    told = json.loads(found[1])
    assert told["answer"] == 5
    assert len(told["addresses"]) >= 4
    assert {address.rpartition(":")[0] for address in told["addresses"]} <= {"127.0.0.1", "[::ffff:127.0.0.1]", "[::1]"}
    assert (told["mode"], told["auth"], told["left"], told["joined"]) == (0o700, "token", False, False)
    # A cluster that its caller has joined is the caller's to leave.
    assert told["stays"] is True
