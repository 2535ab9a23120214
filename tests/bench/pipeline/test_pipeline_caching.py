"""A stage is found done by what determines its result; a change runs again what depends on it, and says why."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bench.commands.cli import main
from tests.bench.pipeline.miniature import all_records, contents, write_protocol, write_retraining


@pytest.fixture
def plan(capfd: pytest.CaptureFixture[str]):
    def planned(*command: str) -> str:
        capfd.readouterr()
        assert main(["run", *command, "--plan"]) == 0
        return capfd.readouterr().out

    return planned


def ran(capfd: pytest.CaptureFixture[str], *command: str) -> tuple[int, int]:
    """How many stages a run found to be run, and how many done before."""
    capfd.readouterr()
    assert main(["run", *command]) == 0
    line = next(line for line in capfd.readouterr().err.splitlines() if " run now, " in line)
    words = line.replace(",", "").split()
    return int(words[2]), int(words[5])


def test_a_change_runs_again_what_depends_on_it_and_is_taken_back(
    on_mini_digits: Path, capfd: pytest.CaptureFixture[str], plan
) -> None:
    pipeline = str(write_retraining(on_mini_digits, "PDARTS", "DARTS_V2"))
    assert "2 to do now" in plan(pipeline)
    assert not (on_mini_digits / "results").exists()
    assert ran(capfd, pipeline) == (2, 0)
    before = contents(on_mini_digits)
    assert "Left to do" not in plan(pipeline)

    changed = (pipeline, "--cfg-options", "options.classification={'drop_path': 0.1}")
    said = plan(*changed)
    assert said.count("changed: drop_path 0.0 → 0.1") == 2
    # A run of another config is no estimate.
    assert "Left to do: 2 stages, of unknown duration" in said
    assert contents(on_mini_digits) == before
    assert ran(capfd, *changed) == (2, 0)
    aside = [json.loads(file.read_text()) for file in (on_mini_digits / "results/replaced").rglob("*.json")]
    assert sorted(record["key"] for record in aside) == sorted(json.loads(text)["key"] for text in before.values())

    # Taken back, nothing is to be run: the records of before are brought back, with their curves, byte by byte.
    assert plan(pipeline).count("its record is restored") == 2
    assert ran(capfd, pipeline) == (0, 2)
    assert contents(on_mini_digits) == before
    curves = [Path(name.replace(".json", ".curve.jsonl")) for name in before]
    assert all(curve.is_file() for curve in curves)


def test_a_plan_names_what_differs(on_mini_digits: Path, capfd: pytest.CaptureFixture[str], plan) -> None:
    from bench.classification.task import ClassificationTask

    pipeline = str(write_retraining(on_mini_digits, "PDARTS"))
    assert ran(capfd, pipeline) == (1, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ClassificationTask, "version", 99)
        assert "changed: version of the classification code 2 → 99" in plan(pipeline)
    # What has been run says what another one takes.
    assert "(1 run on cpu) · changed: epochs 1 → 2" not in plan(pipeline)
    many = plan(pipeline, "--cfg-options", "options.classification={'epochs': 2, 'optimiser.lr': 0.2}")
    assert "changed: epochs 1 → 2; optimiser.lr 0.1 → 0.2" in many
    again = plan(pipeline, "--cfg-options", "retrain_seeds=[0, 1]")
    assert "1 done" in again
    assert "CPU-h (1 run on cpu) · not run yet" in again


def test_other_data_are_another_run_and_data_that_are_elsewhere_are_none(
    on_mini_digits: Path,
    mini_digits: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    plan,
) -> None:
    pipeline = str(write_retraining(on_mini_digits, "PDARTS"))
    assert ran(capfd, pipeline) == (1, 0)
    other = on_mini_digits / "other"
    shutil.copytree(mini_digits / "classification", other / "classification")
    next((other / "classification/train").rglob("*.png")).unlink()
    monkeypatch.setenv("WILDNAS_DIGITS", str(other))
    assert "changed: other data" in plan(pipeline)

    # A machine that has the records and not the data makes the tables all the same.
    monkeypatch.setenv("WILDNAS_DIGITS", str(on_mini_digits / "nowhere"))
    said = plan(pipeline)
    assert "not here to compare" in said
    assert "Left to do" not in said
    assert ran(capfd, pipeline) == (0, 1)
    # What is not done says what it lacks, and nothing is begun.
    more = str(write_retraining(on_mini_digits, "PDARTS", "DARTS_V2"))
    assert "Missing for 1 of them" in plan(more)
    capfd.readouterr()
    assert main(["run", more]) == 2
    assert "skip-missing runs what has its data" in capfd.readouterr().err
    assert main(["run", more, "--skip-missing"]) == 1
    assert "PDARTS" in capfd.readouterr().out
    assert len(all_records(on_mini_digits)) == 1


def test_weights_that_are_elsewhere_are_as_data_that_are(
    on_mini_digits: Path, capfd: pytest.CaptureFixture[str], plan
) -> None:
    protocol, file = str(write_protocol(on_mini_digits, "classification", name="other")), on_mini_digits / "theirs.pth"
    text = f"task = 'pipeline'\nbaselines = [dict(architecture='PDARTS', weights={str(file)!r})]\n"
    (on_mini_digits / "mine.py").write_text(f"{text}transfers = [{protocol!r}]\n")
    said = plan("mine.py")
    assert "1 without their data or weights" in said
    assert f"Missing for 1 of them: {file}: no such file; expected initial weights of PDARTS" in said
    assert main(["run", "mine.py"]) == 2
    assert "skip-missing runs what has its data" in capfd.readouterr().err

    assert ran(capfd, str(write_retraining(on_mini_digits, "PDARTS")), "--cfg-options", "retrain_seeds=[0, 1]") == (
        2,
        0,
    )
    one, another = sorted((on_mini_digits / "work").rglob("checkpoint.pth"))
    shutil.copy(one, file)
    assert ran(capfd, "mine.py") == (1, 0)
    # The record stays what it is where the file is not; another file is another run.
    file.unlink()
    assert "not here to compare" in plan("mine.py")
    assert ran(capfd, "mine.py") == (0, 1)
    shutil.copy(another, file)
    assert "changed: other initial weights" in plan("mine.py")


def test_a_changed_search_is_told_of(on_mini_digits: Path, capfd: pytest.CaptureFixture[str], plan) -> None:
    from tests.bench.pipeline.miniature import write_search

    (on_mini_digits / "mine.py").write_text(f"task = 'pipeline'\nsearches = [{str(write_search(on_mini_digits))!r}]\n")
    assert ran(capfd, "mine.py") == (1, 0)
    assert "changed: nodes 2 → 3" in plan("mine.py", "--cfg-options", "options.search={'nodes': 3}")
    # Both are kept: a search's key is in its name.
    assert ran(capfd, "mine.py", "--cfg-options", "options.search={'nodes': 3}") == (1, 0)
    assert len(all_records(on_mini_digits)) == 2
