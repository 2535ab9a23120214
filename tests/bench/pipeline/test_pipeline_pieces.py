"""The small pieces around a stage: failures, notes, memory, what is done in the meantime; nothing is trained."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from backbones.errors import InputError
from bench.pipeline import work as work_module
from bench.pipeline.engines import pool
from bench.pipeline.memory import advice, batch_size, evaluate_in_memory, largest_fit
from bench.pipeline.notes import (
    INTERVAL,
    Failure,
    StorageError,
    confirm_storage,
    failure_file,
    forget,
    last_reason,
    noting,
    progress_file,
    read_progress,
)
from bench.pipeline.run import EngineChoice, make_engine
from bench.pipeline.settings import Resources
from bench.pipeline.work import Work, execute, in_processes, starting_weights
from bench.records.record import Record
from bench.runs.locks import held_elsewhere, locked
from bench.runs.run import Evaluation, Places, Planned, plan
from bench.tasks.architectures import NamedArchitecture, resolve
from bench.tasks.contract import Job, Outcome, Protocol, Speed
from tests.bench.runs.quick import QuickTask, quick_protocol

MakeRecord = Callable[..., Record]
NAME = "classification/quick/PDARTS/seed0"


@dataclass
class SmallTask(QuickTask):
    """A task whose batch fits where it is not larger than `room`; with `error`, nothing fits."""

    room: int = 1000
    error: Exception | None = None
    tried: list[int] = field(default_factory=list)
    most_parts: int = 1000

    def divided(self, protocol: Protocol, parts: int) -> Protocol:
        if protocol.config["batch_size"] % parts or parts > self.most_parts:
            raise InputError("cannot be divided")
        return super().divided(protocol, parts)

    def run(self, job: Job) -> Outcome:
        self.tried.append(job.protocol.config["batch_size"] // job.protocol.config.get("parts", 1))
        if self.error is not None:
            raise self.error
        if self.tried[-1] > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().run(job)

    def speed(
        self, protocol: Protocol, architecture: NamedArchitecture, batch_size: int, repetitions: int = 5
    ) -> Speed:
        self.tried.append(batch_size)
        if batch_size > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return Speed(batch_size, [1.0], [1.0])


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "results", tmp_path / "work")


def evaluation(task: QuickTask, **config: Any) -> Evaluation:
    return Evaluation(task, quick_protocol(**{"batch_size": 32, **config}), resolve("PDARTS"), 0)


def work(planned: Planned, places: Places, **changes: Any) -> Work:
    made = Work("a stage", planned.name, planned, None, False, places, Resources())
    return replace(made, **changes)


def quiet(fraction: float, doing: str) -> None: ...


# --- failures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (InputError("a file\n is missing"), "a file is missing"),
        (FloatingPointError("the loss is nan"), "the loss is nan"),
        (RuntimeError("no\tkernel"), "RuntimeError: no kernel"),
        (KeyError(), "KeyError: KeyError"),
        (RuntimeError("x" * 600), f"RuntimeError: {'x' * 486}"),
    ],
)
def test_a_failure_is_told_in_one_line(error: Exception, reason: str, tmp_path: Path) -> None:
    failure = Failure.of(error, "a stage", NAME, "sha256:1")
    assert failure.reason == reason
    assert (failure.kind, failure.title, failure.key) == (type(error).__name__, "a stage", "sha256:1")
    assert failure.failed[:2] == "20"
    assert last_reason(tmp_path, NAME) is None
    failure.write(tmp_path)
    assert failure_file(tmp_path, NAME) == tmp_path / "failed" / f"{NAME}.json"
    assert json.loads(failure_file(tmp_path, NAME).read_text())["trace"] == failure.trace
    assert last_reason(tmp_path, NAME) == failure.reason
    assert last_reason(tmp_path, "") is None
    failure_file(tmp_path, NAME).write_text("[]")
    assert last_reason(tmp_path, NAME) is None
    for _ in range(2):
        forget(tmp_path, NAME)
    assert not failure_file(tmp_path, NAME).exists()


def test_a_folder_without_room_is_named(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    confirm_storage(places)
    assert [list(folder.iterdir()) for folder in (places.results, places.work)] == [[], []]
    places.work.rmdir()
    places.work.write_text("a file")
    with pytest.raises(StorageError, match=r"/work: cannot be written: .* \(finished runs are kept"):
        confirm_storage(places)


# --- notes -----------------------------------------------------------------------------------------------------------


def test_progress_is_noted_from_time_to_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, told = 0.0, []
    monkeypatch.setattr(time, "monotonic", lambda: now)
    tell = noting(tmp_path, NAME, lambda fraction, doing: told.append((fraction, doing)))
    noted = []
    for now in (100.0, 100.9, 101.0, 101.5, 102.5):
        tell(now / 1000, f"at {now}")
        noted.append(read_progress(tmp_path, NAME))
    assert INTERVAL == 1
    assert [fraction for fraction, _ in told] == [0.1, 0.1009, 0.101, 0.1015, 0.1025]
    first, third, last = (0.1, "at 100.0"), (0.101, "at 101.0"), (0.1025, "at 102.5")
    assert noted == [first, first, third, third, last]
    assert read_progress(tmp_path, "another") is None
    for text in ("{", "[]", '{"fraction": "x", "doing": 1}', '{"doing": ""}'):
        progress_file(tmp_path, NAME).write_text(text)
        assert read_progress(tmp_path, NAME) is None
    # What cannot be noted is told all the same.
    (tmp_path / "file").write_text("")
    noting(tmp_path / "file", NAME, lambda fraction, doing: told.append((fraction, doing)))(1.0, "last")
    assert told[-1] == (1.0, "last")


# --- memory ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"batch_size": 8}, 8),
        ({"train_dataloader": {"batch_size": 4}, "batch_size": 8}, 4),
        ({"train_dataloader": {}}, None),
        ({"batch_size": "auto"}, None),
        ({}, None),
    ],
)
def test_the_batch_of_a_config(config: dict[str, Any], expected: int | None) -> None:
    assert batch_size(config) == expected


def test_the_largest_batch_that_fits() -> None:
    tried: list[int] = []

    def fits(room: int) -> Callable[[int], bool]:
        return lambda size: bool(tried.append(size)) or size <= room

    assert largest_fit(fits(30), 64) == 16
    assert tried == [32, 16]
    assert largest_fit(fits(2), 9) == 2
    assert largest_fit(fits(1), 64) is None
    assert tried[-1] == 2
    assert largest_fit(fits(100), 3) is None


@pytest.mark.parametrize(
    ("task", "config", "said"),
    [
        (
            SmallTask(room=8),
            {},
            "; a batch of 8 fits: execution.accumulate=4 or --auto-batch computes the batch of 32 in 4 such parts",
        ),
        (SmallTask(room=8, most_parts=2), {}, "; a batch of 8 fits; classification cannot compute its batch of 32 in"),
        (SmallTask(room=1), {}, "; no batch from 2 to 16 fits either"),
        (SmallTask(), {"batch_size": None}, "; a smaller batch may fit"),
    ],
)
def test_what_would_fit(task: SmallTask, config: dict[str, Any], said: str) -> None:
    assert advice(evaluation(task, **config)).startswith(said)


def test_a_batch_is_halved_until_it_fits_and_the_parts_are_kept(places: Places) -> None:
    task = SmallTask(room=8)
    planned = plan(evaluation(task), places)
    with pytest.raises(torch.OutOfMemoryError):
        evaluate_in_memory(planned, places, None, quiet, auto_batch=False)
    assert task.tried == [32]
    record = evaluate_in_memory(planned, places, None, quiet, auto_batch=True)
    assert task.tried == [32, 32, 16, 8]
    assert record.resolved["batch_parts"] == 4
    # The next try begins with what has fitted, if it may.
    assert evaluate_in_memory(planned, places, None, quiet, auto_batch=True).resolved["batch_parts"] == 4
    assert task.tried == [32, 32, 16, 8, 8]
    with pytest.raises(torch.OutOfMemoryError):
        evaluate_in_memory(planned, places, None, quiet, auto_batch=False)
    task.room, task.most_parts = 2, 8
    with pytest.raises(torch.OutOfMemoryError):
        evaluate_in_memory(planned, places, None, quiet, auto_batch=True)
    assert task.tried[-3:] == [32, 8, 4]


# --- one stage -------------------------------------------------------------------------------------------------------


def test_a_stage_is_run_under_its_lock_and_forgets_its_failure(places: Places) -> None:
    held: list[bool] = []
    task = SmallTask(error=RuntimeError("no kernel"))
    planned = plan(evaluation(task), places)
    failure = execute(work(planned, places), quiet, wait=False)
    assert isinstance(failure, Failure)
    assert failure.reason == last_reason(places.results, NAME) == "RuntimeError: no kernel"
    assert (failure.title, failure.name, failure.key) == ("a stage", NAME, planned.key)
    task.error = None

    def look(fraction: float, doing: str) -> None:
        held.append(held_elsewhere(places.results, NAME))

    record = execute(work(planned, places), look, wait=False)
    assert isinstance(record, Record)
    assert held == [True]
    assert not held_elsewhere(places.results, NAME)
    assert places.store.find(NAME) == record
    assert last_reason(places.results, NAME) is None
    assert not progress_file(places.results, NAME).exists()
    # Another run's record, made in the meantime, is taken.
    assert execute(work(planned, places), quiet, wait=False) == record
    assert len(task.jobs) == 1
    with locked(places.results, NAME, wait=False):
        assert execute(work(planned, places), quiet, wait=False) is None


def test_a_stage_that_is_run_for_its_weights_is_done_when_they_are_there(places: Places) -> None:
    task = SmallTask()
    planned = plan(evaluation(task), places)
    first = execute(work(planned, places), quiet, wait=False)
    assert isinstance(first, Record)
    assert execute(work(planned, places, again=True), quiet, wait=False) == first
    assert first.checkpoint is not None
    (places.work / first.checkpoint.path).unlink()
    assert execute(work(planned, places), quiet, wait=False) == first
    assert len(task.jobs) == 1
    assert isinstance(execute(work(planned, places, again=True), quiet, wait=False), Record)
    assert len(task.jobs) == 2


def test_a_failure_out_of_memory_says_what_fits(places: Places) -> None:
    task = SmallTask(room=8)
    failure = execute(work(plan(evaluation(task), places), places), quiet, wait=False)
    assert isinstance(failure, Failure)
    assert failure.reason.startswith("OutOfMemoryError: CUDA out of memory; a batch of 8 fits: execution.accumulate=4")
    done = execute(work(plan(evaluation(task), places), places, auto_batch=True), quiet, wait=False)
    assert isinstance(done, Record)


def test_the_weights_that_a_stage_starts_from(places: Places, tmp_path: Path) -> None:
    planned = plan(evaluation(SmallTask()), places)
    assert starting_weights(work(planned, places)) is None
    assert starting_weights(work(planned, places, weights=tmp_path / "theirs.pth")) == tmp_path / "theirs.pth"
    record = execute(work(planned, places), quiet, wait=False)
    assert isinstance(record, Record)
    assert record.checkpoint is not None
    file = places.work / record.checkpoint.path
    assert starting_weights(work(planned, places, weights=record)) == file
    os.truncate(file, 1)
    with pytest.raises(InputError, match=f"{NAME}: its weights are missing"):
        starting_weights(work(planned, places, weights=record))


def test_a_task_of_one_process_runs_in_no_other(places: Places) -> None:
    planned = plan(evaluation(SmallTask()), places)
    with pytest.raises(InputError, match="classification runs in one process only; resources ask for 2"):
        in_processes(replace(work(planned, places), resources=Resources(processes=2)), None, quiet)


def test_the_processes_of_a_stage_are_started_on_a_free_port_and_leave_its_record(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = SmallTask()
    monkeypatch.setattr(SmallTask, "distributed", True)
    planned = plan(evaluation(task), places)
    asked = replace(work(planned, places), resources=Resources(processes=2))
    told: list[tuple[float, str]] = []

    def start(member: object, arguments: tuple[Work, Path | None, int], nprocs: int) -> None:
        given, weights, port = arguments
        assert (member, given, weights, nprocs) == (work_module._member, asked, None, 2)
        assert 1024 <= port < 65536
        evaluate_in_memory(given.planned, given.places, weights, quiet, auto_batch=False)

    monkeypatch.setattr(work_module, "spawn", start)
    record = in_processes(asked, None, lambda fraction, doing: told.append((fraction, doing)))
    assert record == places.store.find(planned.name)
    assert told == [(0.0, "2 processes")]


def test_a_note_has_a_largest_size(tmp_path: Path) -> None:
    file = progress_file(tmp_path, NAME)
    file.parent.mkdir(parents=True)
    text = '{"fraction": 0.5, "doing": "x"}'
    file.write_text(text + " " * ((1 << 20) - len(text)))
    assert read_progress(tmp_path, NAME) == (0.5, "x")
    file.write_text(text + " " * ((1 << 20) - len(text) + 1))
    assert read_progress(tmp_path, NAME) is None


def test_a_stage_runs_in_the_processes_that_it_asks_for(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = plan(evaluation(SmallTask()), places)
    asked: list[int] = []

    def several(given: Work, weights: Path | None, progress: object) -> Record:
        asked.append(given.resources.processes)
        return evaluate_in_memory(given.planned, given.places, weights, quiet, auto_batch=False)

    monkeypatch.setattr("bench.pipeline.work.in_processes", several)
    assert isinstance(execute(work(planned, places, resources=Resources(processes=2)), quiet, wait=False), Record)
    assert asked == [2]


def test_the_engine_is_the_one_that_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, object]] = []
    monkeypatch.setattr("bench.pipeline.engines.pool.PoolEngine", lambda jobs: made.append(("pool", jobs)))
    monkeypatch.setattr("bench.pipeline.run.LocalEngine", lambda tell: made.append(("local", tell)))
    for jobs in (1, 2):
        make_engine(EngineChoice(jobs=jobs), quiet)
    assert made == [("local", quiet), ("pool", 2)]
    assert EngineChoice().jobs == 1


def test_a_process_of_the_pool_ends_with_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.pipeline.engines.pool.signal.signal", lambda *what: None)
    monkeypatch.setattr(torch, "set_num_threads", lambda threads: None)
    ours, theirs = multiprocessing.Pipe()
    ours.close()
    pool._work_on(theirs, 1)


def test_the_pool_is_closed_when_its_processes_have_ended() -> None:
    context = multiprocessing.get_context("spawn")
    engine = pool.PoolEngine(2)
    process = context.Process(target=time.sleep, args=(600,))
    process.start()
    engine._free.append((process, context.Pipe()[0]))
    engine.close()
    assert process.exitcode == -signal.SIGTERM


@pytest.mark.parametrize(("rank", "called"), [(0, "evaluate"), (1, "join")])
def test_the_first_process_writes_the_record(
    rank: int, called: str, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = plan(evaluation(SmallTask()), places)
    seen: list[str] = []
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setattr(work_module, "process_group", lambda launcher: contextlib.nullcontext())
    monkeypatch.setattr(work_module, "is_main", lambda: os.environ["RANK"] == "0")
    monkeypatch.setattr(work_module, "evaluate", lambda *what: seen.append("evaluate"))
    monkeypatch.setattr(work_module, "join", lambda *what: seen.append("join"))
    work_module._member(rank, work(planned, places, resources=Resources(processes=2)), None, 4321)
    assert seen == [called]
    expected = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "MASTER_PORT": "4321"}
    assert {key: os.environ[key] for key in expected} == expected
