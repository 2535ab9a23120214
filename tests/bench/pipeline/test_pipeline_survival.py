"""Killed at random moments, the digits pipeline ends with the records of an undisturbed run.

A few kills in every run of the tests; `WILDNAS_KILLS=20` for as many as one likes, at some 15 seconds each.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.pipeline import survival as survival_module
from bench.pipeline.survival import Survival, compare, survive
from tests.bench.pipeline.miniature import STAGES, write_configs

KILLS = int(os.environ.get("WILDNAS_KILLS", "3"))


def test_kills_change_no_record(on_mini_digits: Path) -> None:
    pipeline = write_configs(on_mini_digits, epochs=2)
    survival = survive(["run", str(pipeline)], on_mini_digits, kills=KILLS, seed=0)
    assert survival.differences == []
    assert survival.kills == KILLS
    assert len(list((on_mini_digits / "undisturbed/results/records").rglob("seed*.json"))) == STAGES
    assert list((on_mini_digits / "killed1/results/failed").rglob("*.json")) == []


def test_differences_are_found() -> None:
    record = {"metrics": {"top1_error": {"value": 1.0}}, "key": "a"}
    other = {"metrics": {"top1_error": {"value": 1.0000000000000002}}, "key": "a"}
    assert compare({"x": record}, {"x": record}) == []
    assert compare({"x": record}, {}) == ["x: is missing"]
    assert compare({}, {"x": record}) == ["x: is too many"]
    (difference,) = compare({"x": record}, {"x": other})
    assert difference.startswith("x: metrics: ")


def test_the_time_to_a_kill_counts_from_the_first_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survival_module, "_PRELOADED", [])
    log = tmp_path / "log.txt"
    # A command that is refused at once, by a line on standard error.
    assert survival_module._run(["nothing"], tmp_path, None) == 2
    before = log.read_text()
    assert "nothing" in before
    # With the log of an earlier try in its place, too.
    survival_module._run(["nothing"], tmp_path, 0.0)
    assert len(log.read_text()) > len(before)


@pytest.mark.parametrize("differences", [[], ["x: is missing"]])
def test_the_command_says_whether_the_records_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], differences: list[str]
) -> None:
    asked = []

    def kills(command: list[str], folder: Path, kills: int, seed: int) -> Survival:
        asked.append((command, folder, kills, seed))
        return Survival(kills, 2, 3.0, differences)

    monkeypatch.setattr(survival_module, "survive", kills)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["survival", "pipelines/digits", "--folder", "here", "--kills", "4"])
    assert survival_module.main() == int(bool(differences))
    assert asked == [(["run", "pipelines/digits"], tmp_path / "here", 4, 0)]
    out = capsys.readouterr().out
    assert ("OTHER RECORDS" in out) is ("x: is missing" in out) is bool(differences)
    monkeypatch.setattr("sys.argv", ["survival", "pipelines/digits"])
    survival_module.main()
    ((_, folder, kills_asked, _),) = asked[1:]
    assert folder.is_dir()
    assert (folder.name[:9], kills_asked) == ("survival-", 20)
    folder.rmdir()
