"""An error that nobody foresaw is one line; streams that are closed, full or lost end no run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bench.commands import cli, zoo

ROOT = Path(__file__).parents[3]


def test_an_unforeseen_error_is_one_line_and_a_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(arguments: object) -> int:
        raise KeyError("a\nb")

    monkeypatch.setattr(zoo, "run", fail)
    assert cli.main(["zoo", "list"]) == 70
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    found = re.search(r"traceback, which is in (\S+\.log)$", error.strip())
    assert found is not None
    log = Path(found[1])
    assert "raise KeyError" in log.read_text("utf-8")
    log.unlink()
    with pytest.raises(KeyError):
        cli.main(["--debug", "zoo", "list"])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: torch.empty(1 << 55), f"does not suffice for {4 << 55} bytes; a smaller batch, image size"),
        (lambda: torch.empty(1 << 32, 1 << 32), "does not suffice for a tensor of [4294967296, 4294967296]; a"),
        (lambda: "x" * (1 << 62), "does not suffice; a smaller batch"),
        (lambda: fail("CUDA error: out of memory"), "does not suffice; a smaller batch"),
        (lambda: fail("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"), "does not suffice; a"),
        (lambda: fail_on_a_gpu(), "does not suffice for 2.00 GiB; a smaller batch"),
    ],
)
def test_too_little_memory_is_the_user_s_to_mend(
    make: Callable[[], object], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(zoo, "run", lambda arguments: make())
    assert cli.main(["zoo", "list"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("wildnas: memory ")
    assert said in line


def fail(said: str) -> None:
    raise RuntimeError(said)


def fail_on_a_gpu() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 8 GiB")


@pytest.mark.parametrize(
    ("streams", "code"),
    [
        (">&-", 0),
        ("2>&-", 0),
        ("<&- >&- 2>&-", 0),
        ("2>/dev/full", 0),
        (">/dev/full", 2),
        ("> out", 0),
    ],
)
def test_the_streams_may_be_lost(streams: str, code: int, tmp_path: Path) -> None:
    shell = f"{sys.executable} -W ignore -m bench zoo list {streams}"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LC_ALL": "C", "PYTHONUTF8": "0"}
    done = subprocess.run(["sh", "-c", shell], env=environment, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == code
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
