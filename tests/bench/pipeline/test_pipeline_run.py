"""The whole pipeline at a minimal size: search, retrain, detect, re-identify, tables; done, interrupted and resumed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.commands.cli import main
from bench.runs.recording import redirected
from tests.bench.conftest import TINY_OPTIONS
from tests.bench.pipeline.miniature import STAGES, all_records, contents, write_configs, write_retraining

#: Where a command in a process of its own finds the packages.
ROOT = str(Path(__file__).parents[3])


@dataclass(frozen=True)
class Finished:
    """A pipeline that has been run to its end, and what that printed."""

    pipeline: Path
    said: str


@pytest.fixture(scope="module")
def once(mini_digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("finished")
    pipeline, log = write_configs(folder), folder / "log.txt"
    with pytest.MonkeyPatch.context() as patch, log.open("w") as stream, redirected(stream):
        patch.setenv("WILDNAS_DIGITS", str(mini_digits))
        patch.chdir(folder)
        assert main(["run", str(pipeline)]) == 0
    return Finished(pipeline, log.read_text())


@pytest.fixture
def finished(once: Finished, on_mini_digits: Path) -> Finished:
    """The finished pipeline, its results and work copied to where the test may do with them what it likes."""
    for name in ("results", "work"):
        shutil.copytree(once.pipeline.parent / name, on_mini_digits / name)
    return once


def test_the_pipeline_ends_in_tables_and_a_second_run_redoes_nothing(
    on_mini_digits: Path, finished: Finished, capfd: pytest.CaptureFixture[str]
) -> None:
    assert [line for line in finished.said.splitlines() if line.startswith("###")] == [
        "### Classification",
        "### Detection (SSD)",
        "### Re-identification (PCB)",
    ]
    assert f"[{STAGES}/{STAGES}]" in finished.said
    assert f"{STAGES} stages: {STAGES} run now, 0 done before" in finished.said

    records = all_records(on_mini_digits)
    assert len(records) == STAGES
    tasks = ("search", "classification", "detection", "reid")
    by_task = {task: [r for r in records.values() if r.task == task] for task in tasks}
    assert [len(found) for found in by_task.values()] == [1, 2, 2, 2]
    search = by_task["search"][0]
    for record in (*by_task["detection"], *by_task["reid"]):
        # Search gave the genotype (unless it is the random one), retraining gave the weights.
        parents = {parent.role: parent for parent in record.parents}
        retrained = records[parents["weights"].record]
        assert retrained.key == parents["weights"].key
        assert retrained.architecture == record.architecture
        assert record.initial_weights is not None
        assert retrained.checkpoint is not None
        assert record.initial_weights.sha256 == retrained.checkpoint.sha256
        assert any(reason.startswith("weights: ") for reason in record.reduced) == bool(retrained.reduced)
        assert ("search" in parents) == (record.method != "random")
        if "search" in parents:
            assert parents["search"].key == search.key
            assert record.architecture == search.architecture
    # No path of this machine is in a record.
    folder = finished.pipeline.parent
    assert str(folder) not in "".join(record.to_text() for record in records.values())
    for task in tasks[1:]:
        table = on_mini_digits / "results/tables" / f"local-{folder.name}-tiny" / f"{task}.md"
        assert table.read_text() in finished.said

    before = contents(on_mini_digits)
    assert main(["run", str(finished.pipeline)]) == 0
    second = capfd.readouterr()
    assert second.out in finished.said
    assert f"{STAGES} stages: 0 run now, {STAGES} done before" in second.err
    assert contents(on_mini_digits) == before

    # The tables of all records say the same.
    assert main(["table", "reid", "--measured", "--format", "json"]) == 0
    rows = json.loads(capfd.readouterr().out)["rows"]
    assert {row["method"] for row in rows} == {"PC-DARTS", "random"}


def test_a_cleaned_work_folder_costs_only_what_is_needed(
    on_mini_digits: Path, finished: Finished, capfd: pytest.CaptureFixture[str]
) -> None:
    before = contents(on_mini_digits)
    shutil.rmtree(on_mini_digits / "work")
    # One transfer is to be run again; the weights that it starts from are gone.
    again = next(name for name in before if "records/reid" in name and "random" in name)
    Path(again).unlink()
    assert main(["run", str(finished.pipeline)]) == 0
    # The training that leaves the weights, and the transfer; the other five stages need nothing of what is gone.
    assert f"{STAGES} stages: 2 run now, 5 done before" in capfd.readouterr().err
    after = contents(on_mini_digits)
    metrics = [json.loads(content[again])["metrics"] for content in (before, after)]
    assert metrics[0] == metrics[1]


def test_an_interrupted_pipeline_keeps_its_records_and_goes_on(on_mini_digits: Path) -> None:
    names = ("PDARTS", "DARTS_V1", "DARTS_V2", "PC_DARTS_cifar")
    # Long enough to be interrupted.
    pipeline = str(write_retraining(on_mini_digits, *names, limit=None))
    command = [sys.executable, "-m", "bench", "run", pipeline]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": ROOT}, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 300
    while not list((on_mini_digits / "results").glob("records/classification/**/*.json")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 2
    assert err.splitlines()[-1].startswith("wildnas: interrupted; finished records and checkpoints are kept")
    assert "Traceback" not in err
    kept = contents(on_mini_digits)
    assert 1 <= len(kept) < len(names)
    assert main(["run", pipeline]) == 0
    after = contents(on_mini_digits)
    assert len(after) == len(names)
    assert all(after[name] == content for name, content in kept.items())


def test_a_changed_config_never_overwrites_a_record(on_mini_digits: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = list(TINY_OPTIONS["classification"])
    command = ["evaluate", "PDARTS", "--on", "classification/digits", "--cfg-options", *options]
    assert main(command) == 0
    before = contents(on_mini_digits)
    capsys.readouterr()
    assert main([*command, "drop_path=0.1"]) == 2
    assert "holds the record of a different run" in capsys.readouterr().err
    assert contents(on_mini_digits) == before
    assert main([*command, "drop_path=0.1", "--replace"]) == 0
    assert [path.name for path in (on_mini_digits / "results/replaced").rglob("*.json")] != []
