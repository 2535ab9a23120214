"""A stage that fails, a full disk, too little GPU memory, two runs at once."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import resource
import time
import weakref
from pathlib import Path

import pytest
import torch

from bench.classification.task import ClassificationTask
from bench.commands.cli import main
from bench.pipeline.notes import failure_file, last_reason
from bench.pipeline.survival import _PRELOADED
from bench.runs.locks import locked
from bench.runs.recording import redirected
from bench.tasks.contract import Job, Outcome, Speed
from tests.bench.pipeline.miniature import all_records, write_configs, write_retraining

_run = ClassificationTask.run


def test_a_failing_stage_is_a_record_of_its_own_kind_and_the_rest_goes_on(
    on_mini_digits: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(self: ClassificationTask, job: Job) -> Outcome:
        if job.architecture.name == "PDARTS":
            raise RuntimeError("a kernel\nthat is not there")
        return _run(self, job)

    monkeypatch.setattr(ClassificationTask, "run", run)
    protocol = write_configs(on_mini_digits).with_name("tiny_reid.py")
    pipeline = str(write_retraining(on_mini_digits, "PDARTS", "DARTS_V2", more=f"transfers = [{str(protocol)!r}]"))
    assert main(["run", pipeline]) == 1
    err = capfd.readouterr().err
    assert "4 stages: 2 run now, 0 done before and not run again, 1 failed, 1 behind these." in err
    assert "· failed: RuntimeError: a kernel that is not there" in err
    assert "· not run: needs classification/" in err
    assert {record.architecture.name for record in all_records(on_mini_digits).values()} == {"DARTS_V2"}
    (failure,) = (on_mini_digits / "results/failed").rglob("*.json")
    content = json.loads(failure.read_text())
    assert content["kind"] == "RuntimeError"
    assert 'raise RuntimeError("a kernel' in content["trace"]

    # No table knows of it; the plan does; and the run that succeeds takes it away.
    assert main(["table", "classification", "--measured", "--format", "json"]) == 0
    assert [row["architecture"].split()[0] for row in json.loads(capfd.readouterr().out)["rows"]] == ["DARTS_V2"]
    assert main(["run", pipeline, "--plan"]) == 0
    assert "failed the last time: RuntimeError: a kernel that is not there" in capfd.readouterr().out
    monkeypatch.undo()
    monkeypatch.chdir(on_mini_digits)
    monkeypatch.setenv("WILDNAS_DIGITS", content_root(on_mini_digits))
    assert main(["run", pipeline]) == 0
    assert not failure.exists()
    assert len(all_records(on_mini_digits)) == 4


def content_root(folder: Path) -> str:
    """Where the miniature data are, after `monkeypatch.undo`."""
    return (folder / "data.txt").read_text()


@pytest.fixture(autouse=True)
def _note_data(on_mini_digits: Path, mini_digits: Path) -> None:
    (on_mini_digits / "data.txt").write_text(str(mini_digits))


def test_a_folder_that_cannot_be_written_is_one_line(on_mini_digits: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pipeline = str(write_retraining(on_mini_digits, "PDARTS"))
    (on_mini_digits / "file").write_text("")
    assert main(["run", pipeline, "--results", "file/results"]) == 2
    (line,) = (line for line in capfd.readouterr().err.splitlines() if line.startswith("wildnas: "))
    assert "file/results: cannot be written: Not a directory" in line


def _with_small_files(pipeline: str) -> None:
    """A process whose files cannot grow as soon as its first stage has begun: a disk that fills up."""

    def run(self: ClassificationTask, job: Job) -> Outcome:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        return _run(self, job)

    ClassificationTask.run = run  # type: ignore[method-assign]
    with Path("stderr.txt").open("w", buffering=1) as stream, contextlib.redirect_stderr(stream):
        code = main(["run", pipeline])
    os._exit(code)


def test_a_disk_that_fills_up_is_one_line_and_no_half_file(on_mini_digits: Path) -> None:
    pipeline = str(write_retraining(on_mini_digits, "PDARTS", "DARTS_V2"))
    context = multiprocessing.get_context("fork")
    process = context.Process(target=_with_small_files, args=(pipeline,))
    process.start()
    process.join(120)
    assert process.exitcode == 2
    lines = (on_mini_digits / "stderr.txt").read_text().splitlines()
    assert "cannot be written: File too large (finished runs are kept" in lines[-1]
    assert "Traceback" not in "".join(lines)
    results = on_mini_digits / "results"
    assert [file for file in results.rglob("*") if file.suffix in (".json", ".partial", ".jsonl")] == []
    # With room, the same command goes on.
    assert main(["run", pipeline]) == 0
    assert len(all_records(on_mini_digits)) == 2


def test_the_user_is_told_though_the_log_cannot_be(capfd: pytest.CaptureFixture[str]) -> None:
    with contextlib.suppress(OSError), Path("/dev/full").open("w") as log:
        with pytest.raises(OSError, match="No space left on device"), redirected(log):
            print("lost")
        print("seen")
    assert capfd.readouterr().out == "seen\n"


@pytest.fixture
def small_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device on which no more than 32 images fit at once."""

    def run(self: ClassificationTask, job: Job) -> Outcome:
        if job.protocol.config["batch_size"] // job.protocol.config["execution"]["accumulate"] > 32:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return _run(self, job)

    def speed(self: ClassificationTask, protocol: object, architecture: object, batch: int, repetitions: int) -> Speed:
        if batch > 32:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return Speed(batch, [1.0], [1.0])

    monkeypatch.setattr(ClassificationTask, "run", run)
    monkeypatch.setattr(ClassificationTask, "speed", speed)


@pytest.mark.usefixtures("small_gpu")
def test_a_batch_that_does_not_fit_is_divided_if_that_is_allowed(
    on_mini_digits: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pipeline = str(write_retraining(on_mini_digits, "PDARTS"))
    assert main(["run", pipeline]) == 1
    err = capfd.readouterr().err
    assert "a batch of 32 fits: execution.accumulate=4 or --auto-batch computes the batch of 128 in 4 such parts" in err
    assert main(["run", pipeline, "--auto-batch"]) == 0
    (record,) = all_records(on_mini_digits).values()
    # The run of the protocol, with its own batch; the record tells how it was computed, and marks nothing.
    assert record.resolved == {"batch_parts": 4}
    assert record.config["batch_size"] == 128
    assert record.config["execution"]["accumulate"] == 1
    assert record.reduced == []
    capfd.readouterr()
    assert main(["run", pipeline]) == 0
    assert "0 run now, 1 done before" in capfd.readouterr().err


def test_the_advice_is_sought_when_the_failed_step_is_gone(
    on_mini_digits: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Otherwise no size would fit. What was allocated is referred to by the error's traceback, and by a circle."""
    held: list[weakref.ref[object]] = []

    class Circle:
        def __init__(self) -> None:
            self.loop = self

    def run(self: ClassificationTask, job: Job) -> Outcome:
        tensors, circle = {1, 2}.copy(), Circle()
        held[:] = [weakref.ref(tensors), weakref.ref(circle)]
        raise torch.OutOfMemoryError("CUDA out of memory.")

    def speed(self: ClassificationTask, *arguments: object, **named: object) -> Speed:
        assert [ref() for ref in held] == [None, None]
        return Speed(2, [1.0], [1.0])

    monkeypatch.setattr(ClassificationTask, "run", run)
    monkeypatch.setattr(ClassificationTask, "speed", speed)
    assert main(["run", str(write_retraining(on_mini_digits, "PDARTS"))]) == 1
    assert "; a batch of 64 fits: " in capfd.readouterr().err


def test_a_task_without_parts_says_so(on_mini_digits: Path) -> None:
    from bench.pipeline.memory import advice
    from bench.runs.run import Evaluation
    from bench.tasks.architectures import resolve
    from bench.tasks.registry import load_protocol

    task, protocol = load_protocol("reid/digits_p3")
    evaluation = Evaluation(task, protocol, resolve("PDARTS"), 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(task), "speed", lambda *arguments, **named: Speed(2, [1.0], [1.0]))
        assert advice(evaluation) == "; a batch of 16 fits; reid cannot compute its batch of 32 in parts"


def _hold(results: Path, ready: object) -> None:
    with locked(results, "a/b", wait=True):
        ready.set()  # type: ignore[attr-defined]
        time.sleep(600)


def test_a_lock_is_held_by_one_and_let_go_of_by_a_kill(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    process = context.Process(target=_hold, args=(tmp_path, ready))
    process.start()
    assert ready.wait(30)
    with locked(tmp_path, "a/b", wait=False) as held, locked(tmp_path, "a/c", wait=False) as other:
        assert (held, other) == (False, True)
    process.kill()
    process.join()
    with locked(tmp_path, "a/b", wait=False) as held:
        assert held


def _member(pipeline: str, log: str) -> None:
    with Path(log).open("w") as stream:
        os.dup2(stream.fileno(), 2)
    os._exit(main(["run", pipeline]))


def test_two_runs_at_once_share_the_stages_out(on_mini_digits: Path) -> None:
    names = ["PDARTS", "DARTS_V1", "DARTS_V2", "PC_DARTS_cifar"]
    pipeline = str(write_retraining(on_mini_digits, *names, limit=None))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    both = [context.Process(target=_member, args=(pipeline, f"{place}.txt")) for place in (0, 1)]
    for process in both:
        process.start()
    for process in both:
        process.join(240)
    assert [process.exitcode for process in both] == [0, 0]
    assert sorted(record.architecture.name for record in all_records(on_mini_digits).values()) == sorted(names)
    logs = [Path(f"{place}.txt").read_text() for place in (0, 1)]
    # Each stage was run by one of both.
    assert sum(log.count("· done in ") for log in logs) == len(names)
    assert list((on_mini_digits / "results").rglob("*.partial")) == []


def test_a_stage_that_runs_elsewhere_is_waited_for_and_told_of_once(on_mini_digits: Path) -> None:
    pipeline = str(write_retraining(on_mini_digits, "PDARTS"))
    record = f"classification/local-{on_mini_digits.name}-tiny_classification/PDARTS/seed0"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    log = on_mini_digits / "log.txt"
    process = context.Process(target=_member, args=(pipeline, str(log)))
    with locked(on_mini_digits / "results", record, wait=True):
        process.start()
        deadline = time.monotonic() + 120
        while not log.is_file() or "runs elsewhere" not in log.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        # Several looks.
        time.sleep(2)
        assert log.read_text().count("\n") == 1
    process.join(120)
    assert process.exitcode == 0
    told = [line.split(" · ")[2] for line in log.read_text().splitlines() if line.startswith("[1/1]")]
    assert told[:2] == ["runs elsewhere", "started"]
    assert told[-1].startswith("done in ")
    assert len(all_records(on_mini_digits)) == 1


def test_one_stage_in_two_processes(on_mini_digits: Path) -> None:
    protocol = f"local-{on_mini_digits.name}-tiny_classification"
    more = f"resources = {{'classification/{protocol}': dict(processes=2)}}"
    assert main(["run", str(write_retraining(on_mini_digits, "PDARTS", more=more))]) == 0
    (record,) = all_records(on_mini_digits).values()
    assert record.environment["processes"] == 2


def test_a_damaged_note_of_a_failure_stops_nothing(tmp_path: Path) -> None:
    file = failure_file(tmp_path, "classification/digits/PDARTS/seed0")
    file.parent.mkdir(parents=True)
    for content in (b"", b"{", b"\xff\xfe", b'{"reason": "a", "reason": "b"}'):
        file.write_bytes(content)
        said = last_reason(tmp_path, "classification/digits/PDARTS/seed0")
        assert said is not None
        assert said.startswith(f"the reason is not known: {file}: ")
