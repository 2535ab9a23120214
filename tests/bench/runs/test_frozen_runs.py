"""Runs of an earlier tree are found done: the same key, name and file, byte for byte. Nothing is trained."""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path

import pytest

from bench.commands.cli import main
from bench.records.record import Record
from bench.records.store import RecordStore, read_record, record_files
from bench.runs.run import Evaluation, Places, Planned, plan
from bench.tasks.architectures import resolve
from bench.tasks.contract import DataReport
from bench.tasks.registry import get_task, load_protocol, task_names
from search.configs import config_root
from tests.bench.runs.frozen_runs import FROZEN, OWN, PIPELINE_STAGES, RUNS, FrozenRun, write_miniature, write_pipeline

RECORDS = [Path(path) for path in record_files(FROZEN / "records")]

#: What the frozen data's images were written with; another version may write other files of the same pixels.
PILLOW = "13.0.0"


@pytest.fixture(scope="module")
def miniature(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("frozen") / "digits"
    write_miniature(root)
    return root


@pytest.fixture
def places(miniature: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Places:
    """A working folder with the frozen records, in which any training fails."""
    monkeypatch.setenv("WILDNAS_DIGITS", str(miniature))
    monkeypatch.chdir(tmp_path)
    shutil.copytree(FROZEN, "frozen")
    shutil.copytree(FROZEN / "records", "results/records")

    def train(*arguments: object, **named: object) -> None:
        raise AssertionError("this run has its record")

    for name in task_names():
        monkeypatch.setattr(type(get_task(name)), "run", train)
    monkeypatch.setattr("bench.searches.task.run_search", train)
    return Places()


@pytest.fixture
def frozen_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """Searches at the version of the frozen records: a later one finds other genotypes, and so is another run."""
    monkeypatch.setattr("bench.searches.task.SearchTask.version", 3)


needs_pillow = pytest.mark.skipif(
    version("pillow") != PILLOW, reason=f"the frozen runs are of image files that Pillow {PILLOW} writes"
)


def frozen_record(run: FrozenRun) -> Record:
    """The record of a run, found by what the record says of the run."""
    folder = FROZEN / "records" / run.protocol
    name = resolve(run.arch).name if run.arch else None
    [record] = [
        record
        for record in map(read_record, folder.glob(f"*/seed{run.seed}.json"))
        if name in (None, record.architecture.name, record.architecture.name.rpartition("-w")[0])
        and ("evaluated only; trained elsewhere" in record.reduced) == run.evaluate_only
        and (record.initial_weights is not None) == bool(run.weights)
    ]
    return record


def planned(run: FrozenRun, places: Places) -> Planned:
    """The run planned on the data that its record is of."""
    data = frozen_record(run).data
    architecture = resolve(run.arch) if run.arch else None
    weights = Path("frozen", run.weights) if run.weights else None
    if run.evaluate_only:
        assert weights is not None
        assert architecture is not None
        architecture = architecture.with_weights(weights)
    task, protocol = load_protocol(run.protocol, run.options)
    evaluation = Evaluation(task, protocol, architecture, run.seed, None, weights, run.evaluate_only)
    return plan(evaluation, places, DataReport(data.counts, data.fingerprint))


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.relative_to(FROZEN / "records").as_posix())
def test_a_frozen_record_is_read_and_written_again_byte_for_byte(path: Path, tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    written = store.write(read_record(path))
    assert written.relative_to(store.root) == path.relative_to(FROZEN / "records")
    assert written.read_bytes() == path.read_bytes()


@pytest.mark.usefixtures("frozen_version")
def test_every_frozen_run_is_found_under_its_key_and_name(places: Places) -> None:
    for run in RUNS:
        record = frozen_record(run)
        found = planned(run, places)
        assert found.key == record.key, run
        assert found.record == record, run
    assert len({frozen_record(run).name for run in RUNS}) == len(RUNS)


@pytest.mark.usefixtures("frozen_version")
@needs_pillow
@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run.protocol}-{run.arch.replace('/', '-')}-{run.seed}")
def test_the_command_of_a_frozen_run_finds_it_done(
    run: FrozenRun, places: Places, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(run.command) == 0
    assert "done before" in capfd.readouterr().err
    assert_unchanged(places)


@pytest.mark.usefixtures("frozen_version")
@needs_pillow
def test_every_stage_of_a_frozen_pipeline_is_found_done(
    places: Places, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pipeline = write_pipeline(tmp_path / OWN, config_root())
    assert main(["run", str(pipeline)]) == 0
    assert f"{PIPELINE_STAGES} stages: 0 run now, {PIPELINE_STAGES} done before" in capfd.readouterr().err
    assert_unchanged(places)


def assert_unchanged(places: Places) -> None:
    """The records are those of before: the same files, the same bytes."""
    now = {
        Path(path).relative_to(places.store.root): Path(path).read_bytes() for path in record_files(places.store.root)
    }
    assert now == {path.relative_to(FROZEN / "records"): path.read_bytes() for path in RECORDS}
