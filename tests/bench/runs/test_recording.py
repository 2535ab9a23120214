"""What is measured of a run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from backbones.errors import InputError
from bench.runs import recording
from bench.runs.recording import measured


def spent(folder: Path) -> float:
    return float(json.loads((folder / "seconds.json").read_text()))


def test_seconds_of_earlier_tries_are_added(tmp_path: Path) -> None:
    work = tmp_path / "deep/work"
    with pytest.raises(ValueError, match="30 ms"), measured(work):
        raise ValueError(f"after 30 ms {time.sleep(0.03)}")
    assert 0.03 <= spent(work) < 10
    (work / "seconds.json").write_text("1000.5")
    with pytest.raises(ValueError, match="failed"), measured(work) as run:
        raise ValueError("failed")
    assert 1000.5 <= run.seconds == spent(work) < 1010
    with measured(work) as run:
        time.sleep(0.03)
    assert 1000.53 <= run.seconds == spent(work) < 1010
    assert run.started <= run.finished
    assert run.peak_memory > 0


def test_the_seconds_of_a_killed_run_are_kept_from_time_to_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "seconds.json").write_text("50.0")
    told: list[tuple[float, str]] = []
    now = 0.0
    with measured(tmp_path) as run:
        monkeypatch.setattr(time, "monotonic", lambda: now)
        kept: list[float] = []
        monkeypatch.setattr(run, "keep", lambda: kept.append(now))
        tell = run.keeping(lambda fraction, doing: told.append((fraction, doing)))
        for now in (1.0, 9.9, 10.0, 15.0, 19.9, 20.5):
            tell(now / 100, "training")
        monkeypatch.undo()
        run.keep()
        assert 50 <= spent(tmp_path) < 60
    assert kept == [10.0, 20.5]
    assert recording.KEEP_INTERVAL == 10
    assert told == [(now / 100, "training") for now in (1.0, 9.9, 10.0, 15.0, 19.9, 20.5)]


def test_what_libraries_print_goes_into_the_log(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for word in ("first", "second"):
        with measured(tmp_path):
            print(f"{word} from Python")
            print(f"{word} error", file=sys.stderr)
            os.write(1, f"{word} from C\n".encode())
            os.write(2, f"{word} error in C\n".encode())
            subprocess.run(["echo", f"{word} from a child"], check=True)
    print("to the user")
    print("an error for the user", file=sys.stderr)
    assert capfd.readouterr() == ("to the user\n", "an error for the user\n")
    os.write(1, b"to the user from C\n")
    os.write(2, b"an error in C for the user\n")
    assert capfd.readouterr() == ("to the user from C\n", "an error in C for the user\n")
    said = (tmp_path / "output.log").read_text()
    for word in ("first", "second"):
        assert all(
            f"{word} {what}" in said for what in ("from Python", "error\n", "from C", "error in C", "from a child")
        )


@pytest.mark.parametrize("text", ["-0.5", "1e10", "true", "null", '"7"', "1" + 1024 * " ", "seven"])
def test_seconds_that_are_none_are_told_of(text: str, tmp_path: Path) -> None:
    file = tmp_path / "seconds.json"
    file.write_text(text)
    with pytest.raises(InputError, match=re.escape(str(file))), measured(tmp_path):
        raise AssertionError("ran")
    assert file.read_text() == text


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0.0), ("7", 7.0), ("9999999998", 9999999998.0), ("1.5" + 1021 * " ", 1.5)]
)
def test_any_number_of_seconds_is_gone_on_from(text: str, seconds: float, tmp_path: Path) -> None:
    (tmp_path / "seconds.json").write_text(text)
    with measured(tmp_path) as run:
        pass
    assert seconds <= run.seconds < seconds + 10
    # Milliseconds are enough.
    assert run.seconds == round(run.seconds, 3)
