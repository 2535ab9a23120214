"""Several evaluations after another; on a task that trains nothing."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from backbones.errors import InputError
from bench.console.progress import Progress, Silent, StageNote
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.runs import session
from bench.runs.run import Evaluation, Places, Planned
from bench.runs.session import Manner, chosen, export_detections, run_all
from bench.tasks.architectures import resolve
from tests.bench.runs.quick import QuickTask, quick_protocol
from tests.search.training.processes import run_in_two_processes

MakeRecord = Callable[..., Record]


class Noted(Progress):
    """Notes what it is told.

    Attributes:
        stages: title, whether it was done before, how it ended.
    """

    def __init__(self, titles: Sequence[str]) -> None:
        self.titles = titles
        self.stages: list[tuple[str, bool, str]] = []
        self.told: list[tuple[float, str]] = []

    def __call__(self, fraction: float, doing: str) -> None:
        self.told.append((fraction, doing))

    @contextlib.contextmanager
    def stage(self, place: int, done: bool = False) -> Iterator[StageNote]:
        stage = StageNote("begun")
        yield stage
        self.stages.append((self.titles[place], done, stage.note))


class Watched:
    """A display whose last one is kept."""

    last: Noted

    def __call__(self, titles: Sequence[str]) -> Noted:
        self.last = Noted(titles)
        return self.last


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "results", tmp_path / "work")


def test_what_has_a_record_is_not_run_again(places: Places, tmp_path: Path) -> None:
    task, display = QuickTask(), Watched()
    weights = tmp_path / "theirs.pth"
    weights.write_bytes(b"theirs")
    manner = Manner(places, display=display)
    first = Evaluation(task, quick_protocol(), resolve("PDARTS"), 0)
    second = replace(first, seed=1, weights_file=weights)
    (record,) = run_all([first], manner)
    assert display.last.stages == [("classification/quick · PDARTS · seed 0", False, "done")]
    assert display.last.told == [(1.0, "done")]
    both = run_all([first, second], manner)
    assert both[0] == record
    assert [one.seed for one in both] == [0, 1]
    assert display.last.stages == [
        ("classification/quick · PDARTS · seed 0", True, "done before"),
        ("classification/quick · PDARTS · seed 1", False, "done"),
    ]
    assert [(job.seed, job.weights) for job in task.jobs] == [(0, None), (1, weights)]
    assert run_all([first, second], manner) == both
    assert len(task.jobs) == 2


def test_another_process_takes_part_in_what_has_no_record(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    task = QuickTask()
    first = Evaluation(task, quick_protocol(), resolve("PDARTS"), 0)
    done = run_all([first], Manner(places))
    # As if torchrun had started this process beside the first one, which writes the records.
    monkeypatch.setattr("search.training.parallel.is_main", lambda: False)
    joined = []

    def join(item: Planned, where: Places, weights: Path | None) -> None:
        joined.append((item.evaluation, where, weights))

    monkeypatch.setattr(session, "join_unless_done", join)
    display = Watched()
    second = replace(first, seed=1, weights_file=Path("theirs.pth"))
    monkeypatch.setattr(Evaluation, "key", lambda self, data, weights=None: done[0].key)
    assert run_all([first, second], Manner(places, display=display)) == done
    assert joined == [(second, places, second.weights_file)]
    assert not hasattr(display, "last")


def test_the_first_process_writes_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    # Of a single process, whatever the environment holds.
    assert Manner().first
    assert not Manner(launcher="pytorch").first
    monkeypatch.setenv("RANK", "0")
    assert Manner(launcher="pytorch").first
    monkeypatch.delenv("RANK")
    assert Manner(launcher="pytorch").first


def test_without_a_display_nothing_is_shown() -> None:
    assert type(Manner().progress(["a title"])) is Silent
    assert Manner() == Manner(Places(), "none", None)


def test_submissions_are_written_by_seed(places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task, display = QuickTask(), Watched()
    first = Evaluation(task, quick_protocol(), resolve("PDARTS"), 0)
    asked = [first, replace(first, seed=3)]
    manner = Manner(places, display=display)
    records = run_all(asked, manner)
    written = []

    def export(protocol: object, architecture: object, checkpoint: Path, out: Path, progress: object) -> Path:
        written.append((protocol, architecture, checkpoint, out))
        assert progress is display.last
        return out / "detections.json"

    monkeypatch.setattr("bench.detection.test_dev.export_test_dev", export)
    export_detections(asked, records, manner, tmp_path / "out")
    kept = [places.work / record.checkpoint.path for record in records if record.checkpoint]
    assert written == [
        (first.protocol, first.architecture, file, tmp_path / "out" / seed)
        for file, seed in zip(kept, ("seed0", "seed3"), strict=True)
    ]
    assert display.last.stages == [
        (f"test-dev · {record.name}", False, str(tmp_path / f"out/seed{record.seed}/detections.json"))
        for record in records
    ]
    kept[0].unlink()
    with pytest.raises(InputError, match=f"^{records[0].name}: test-dev needs its checkpoint.* in {places.work}"):
        export_detections(asked, records, manner, tmp_path / "out")


def scored(make_record: MakeRecord, protocol: str, name: str, seed: int, test: float, **more: float) -> Record:
    errors = {"top1_error": test, **more}
    metrics = {key: {"value": value, "unit": "%", "higher_is_better": False} for key, value in errors.items()}
    architecture = {**make_record().architecture.model_dump(), "name": name}
    return make_record(protocol=protocol, architecture=architecture, seed=seed, metrics=metrics)


def test_the_run_of_least_validation_error_is_chosen(make_record: MakeRecord) -> None:
    records = [
        scored(make_record, "classification/a", "one", 0, 4.0, validation_error=6.5),
        # Of all, the least test error: it is not what is chosen by.
        scored(make_record, "classification/b", "two", 0, 1.0),
        scored(make_record, "classification/a", "three", 2, 5.25, validation_error=6.125),
        scored(make_record, "classification/c", "alone", 0, 3.0, validation_error=2.0),
        scored(make_record, "classification/a", "four", 0, 3.0, validation_error=7.0),
        scored(make_record, "classification/b", "five", 0, 1.0),
    ]
    assert chosen(records) == [
        "classification/a: three, seed 2, has the least validation error (6.12 %) of 3 runs; its test error is 5.25 %"
    ]
    assert chosen([]) == []


def test_what_another_command_has_finished_is_joined_by_nobody(make_record: MakeRecord, tmp_path: Path) -> None:
    """Two processes; were they not to agree, one would wait for the other in the middle of a run."""
    record = make_record()
    RecordStore(tmp_path / "results").write(record)
    run_in_two_processes(Path(__file__).with_name("worker_session.py"), record.model_dump_json(), tmp_path)
    said = [json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in (0, 1)]
    assert said == [["ran classification/digits/PDARTS/seed1"], ["joined classification/digits/PDARTS/seed1"]]
