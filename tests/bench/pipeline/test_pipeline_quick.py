"""A pipeline from its plan to its tables; on a task that trains nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from backbones.errors import InputError
from bench.pipeline import run as running
from bench.pipeline.assembly import Pipeline
from bench.pipeline.engines.local import LocalEngine
from bench.pipeline.notes import failure_file
from bench.pipeline.report import plan_lines
from bench.pipeline.run import EngineChoice, run_pipeline, with_tables
from bench.pipeline.settings import Expected
from bench.pipeline.stages import Best, Given, PipelineStage
from bench.pipeline.survey import PipelineData, Status, survey
from bench.pipeline.work import Outcome as Finished
from bench.pipeline.work import Work
from bench.runs.locks import locked
from bench.runs.run import Places
from bench.tasks.architectures import resolve
from bench.tasks.contract import DataReport, Job, Outcome, Protocol
from tests.bench.runs.quick import DATA, QuickTask, quick_protocol

FIRST, CHILD, OTHER = "first · PDARTS", "child · PDARTS", "other · DARTS_V2"
NAME = "classification/quick/PDARTS/seed3"


@dataclass
class UnluckyTask(QuickTask):
    """A task of which a protocol may fail, or has no data.

    Attributes:
        fails, lacks: the names of protocols.
    """

    fails: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    looked: int = 0

    def check(self, protocol: Protocol) -> DataReport:
        self.looked += 1
        if protocol.name in self.lacks:
            raise InputError(f"nowhere/{protocol.name}: no such folder")
        return DATA

    def run(self, job: Job) -> Outcome:
        if job.protocol.name in self.fails:
            raise RuntimeError("no kernel")
        outcome = super().run(job)
        error = {"PDARTS": 4.0, "DARTS_V2": 3.0}[job.architecture.name if job.architecture else ""]
        return replace(outcome, metrics={**outcome.metrics, "validation_error": error})


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "results", tmp_path / "work", replace=True)


def made(task: QuickTask, **changes: object) -> Pipeline:
    """A training, a transfer that starts from its weights, and another training; the better one is chosen."""
    source, other = Given(resolve("PDARTS"), 3), Given(resolve("DARTS_V2"), 0)
    first = PipelineStage(FIRST, task, quick_protocol(), source, None)
    child = PipelineStage(CHILD, task, replace(quick_protocol(), name="classification/child"), source, 5, first)
    last = PipelineStage(OTHER, task, replace(quick_protocol(), name="classification/other"), other, None)
    stages = {stage.title: stage for stage in (first, child, last)}
    pipeline = Pipeline("pipelines/quick", stages, (Best("all", (first, last)),), {}, {})
    return replace(pipeline, **changes)  # type: ignore[arg-type]


def plan_of(pipeline: Pipeline, places: Places) -> list[str]:
    data = PipelineData()
    return list(plan_lines(pipeline, survey(pipeline, places, data), places, data))


def test_everything_is_run_once(places: Places, capfd: pytest.CaptureFixture[str]) -> None:
    task = UnluckyTask()
    pipeline = made(task)
    result = run_pipeline(pipeline, places, EngineChoice())
    assert list(result.records) == [FIRST, CHILD, OTHER]
    assert (result.ran, result.failed, result.blocked, result.stages) == (3, {}, [], 3)
    assert result.tables == {}
    assert [(job.protocol.name, job.seed) for job in task.jobs] == [
        ("classification/quick", 3),
        ("classification/child", 5),
        ("classification/other", 0),
    ]
    first, child = result.records[FIRST], result.records[CHILD]
    assert [parent.key for parent in child.parents] == [first.key]
    assert first.checkpoint is not None
    assert task.jobs[1].weights == places.work / first.checkpoint.path
    assert task.looked == 3
    shown = capfd.readouterr().err.splitlines()
    assert shown[0] == f"[1/3] {FIRST} · started"
    assert shown[1].startswith(f"[1/3] {FIRST} · done in 0:0")
    assert shown[1].endswith(" · top1_error 12.5 %")
    assert len(shown) == 6
    again = run_pipeline(pipeline, places, EngineChoice(), PipelineData())
    assert again == replace(result, ran=0)
    assert len(task.jobs) == 3
    assert capfd.readouterr().err.splitlines() == [
        f"[{place}/3] {title} · done before · top1_error 12.5 %"
        for place, title in enumerate((FIRST, CHILD, OTHER), start=1)
    ]


def test_a_plan_says_what_is_left(places: Places) -> None:
    task = UnluckyTask(lacks=("classification/other",))
    expected = {
        "classification/quick": Expected(hours=2, device="GPU", source="Table 1"),
        "classification/other": Expected(hours=3, device="GPU", source="Table 2"),
    }
    pipeline = made(task, expected=expected)
    lacking = "nowhere/classification/other: no such folder"
    assert plan_of(pipeline, places) == [
        "pipelines/quick: 3 stages",
        f"  to do       {FIRST}    2.0 GPU-h (Table 1) · not run yet",
        f"  waits       {CHILD}    unknown · for {FIRST}",
        f"  no data     {OTHER}  3.0 GPU-h (Table 2)",
        "1 to do now",
        "1 waiting for those before them",
        "1 without their data or weights",
        f"Missing for 1 of them: {lacking}",
        "Left to do: 3 stages, at least 5.0 GPU-hours: 5.0 GPU-hours as stated (2 stages); "
        "1 of them of unknown duration",
        "Selection: best of 2 of all, by classification/quick",
    ]
    task.fails = ("classification/child",)
    run_pipeline(pipeline, places, EngineChoice(skip_missing=True))
    assert plan_of(pipeline, places)[1:6] == [
        f"  done        {FIRST}",
        f"  to do       {CHILD}    unknown · not run yet · failed the last time: RuntimeError: no kernel",
        f"  no data     {OTHER}  3.0 GPU-h (Table 2)",
        "1 done",
        "1 to do now",
    ]
    task.fails = task.lacks = ()
    run_pipeline(pipeline, places, EngineChoice())
    lines = plan_of(pipeline, places)
    assert lines[4:] == ["3 done", "Selection: best of 2 of all, by classification/quick"]


def test_what_needs_a_stage_that_failed_is_not_run(places: Places, capfd: pytest.CaptureFixture[str]) -> None:
    task = UnluckyTask(fails=("classification/quick",))
    result = run_pipeline(made(task), places, EngineChoice())
    assert list(result.records) == [OTHER]
    assert result.failed == {FIRST: "RuntimeError: no kernel"}
    assert (result.ran, result.blocked, result.stages) == (1, [CHILD], 3)
    shown = capfd.readouterr().err.splitlines()
    assert f"[1/3] {FIRST} · failed: RuntimeError: no kernel" in shown
    assert f"[2/3] {CHILD} · not run: needs {FIRST}" in shown
    assert failure_file(places.results, NAME).is_file()
    # Tried again by the next run, and only by that.
    task.fails = ()
    assert run_pipeline(made(task), places, EngineChoice()).ran == 2
    assert not failure_file(places.results, NAME).exists()


def test_without_its_data_nothing_is_begun_unless_that_is_wanted(
    places: Places, capfd: pytest.CaptureFixture[str]
) -> None:
    task = UnluckyTask(lacks=("classification/quick", "classification/other"))
    lacking = "nowhere/classification/quick: no such folder"
    with pytest.raises(InputError) as caught:
        run_pipeline(made(task), places, EngineChoice())
    assert str(caught.value) == f"{FIRST} (and 1 other stages): {lacking}; skip-missing runs what has its data"
    assert not places.results.exists()
    task.lacks = ("classification/quick",)
    with pytest.raises(InputError) as caught:
        run_pipeline(made(task), places, EngineChoice())
    assert str(caught.value) == f"{FIRST}: {lacking}; skip-missing runs what has its data"
    result = run_pipeline(made(task), places, EngineChoice(skip_missing=True))
    assert (list(result.records), result.failed, result.blocked) == ([OTHER], {FIRST: lacking}, [CHILD])
    shown = capfd.readouterr().err
    assert f"{FIRST} · left out: {lacking}" in shown
    assert shown.count("left out") == 1


def test_a_stage_that_runs_elsewhere_is_waited_for(
    places: Places, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    task = UnluckyTask()
    monkeypatch.setattr(running, "LOOK_INTERVAL", 0.0)
    lock = locked(places.results, NAME, wait=False)
    assert lock.__enter__()
    looks = 0
    first = running.survey

    def look(*arguments: object) -> object:
        nonlocal looks
        looks += 1
        if looks == 4:
            lock.__exit__(None, None, None)
        return first(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(running, "survey", look)
    assert run_pipeline(made(task), places, EngineChoice()).ran == 3
    # What can be run is, in the meantime.
    assert [job.protocol.name for job in task.jobs] == [
        f"classification/{name}" for name in ("other", "quick", "child")
    ]
    assert capfd.readouterr().err.count("runs elsewhere") == 1


def test_while_stages_run_the_others_are_not_looked_at_again(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(LocalEngine):
        """Tells of an outcome at every fourth question."""

        asked = 0

        def ended(self, timeout: float) -> list[tuple[str, Finished]]:
            self.asked += 1
            return super().ended(timeout) if self.asked % 4 == 0 else []

    engine, looks = Slow(lambda *told: None), []
    first = running.survey
    monkeypatch.setattr(running, "make_engine", lambda *choice: engine)
    monkeypatch.setattr(running, "survey", lambda *given: looks.append(engine.asked) or first(*given))
    assert run_pipeline(made(UnluckyTask()), places, EngineChoice()).ran == 3
    # Before the first and after each outcome, besides the look for what is missing.
    assert looks == [0, 0, 4, 8, 12]


def test_a_stage_that_another_process_has_begun_in_between_is_waited_for(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Late(LocalEngine):
        """Its lock is free when it is looked at, but held when the first stage is to start."""

        asked = 0

        def start(self, work: Work) -> bool:
            self.asked += 1
            return super().start(work) if self.asked > 1 else False

    engine = Late(lambda *told: None)
    monkeypatch.setattr(running, "make_engine", lambda *choice: engine)
    monkeypatch.setattr(running, "LOOK_INTERVAL", 0.01)
    pipeline = made(UnluckyTask())
    # The only stage: nothing else runs in the meantime.
    alone = replace(pipeline, stages={FIRST: pipeline.stages[FIRST]}, selections=())
    assert run_pipeline(alone, places, EngineChoice()).ran == 1
    assert engine.asked == 2


def test_a_change_that_is_taken_back_brings_the_records_back(places: Places) -> None:
    task = UnluckyTask()
    before = run_pipeline(made(task), places, EngineChoice()).records
    pipeline = made(task)
    stage = replace(pipeline.stages[OTHER], protocol=replace(quick_protocol(epochs=9), name="classification/other"))
    changed = replace(pipeline, stages={**pipeline.stages, OTHER: stage})
    after = run_pipeline(changed, places, EngineChoice())
    assert after.ran == 1
    assert after.records[OTHER].key != before[OTHER].key
    back = run_pipeline(pipeline, places, EngineChoice())
    assert (back.ran, back.records) == (0, before)
    assert {look.status for look in survey(pipeline, places, PipelineData())} == {Status.DONE}
    assert len(task.jobs) == 4


def test_a_training_whose_weights_are_lost_is_run_again_and_never_told_as_done(
    places: Places, capfd: pytest.CaptureFixture[str]
) -> None:
    task = UnluckyTask()
    before = run_pipeline(made(task), places, EngineChoice()).records
    checkpoint = before[FIRST].checkpoint
    assert checkpoint is not None
    (places.work / checkpoint.path).unlink()
    places.store.path(before[CHILD].name).unlink()
    capfd.readouterr()
    again = run_pipeline(made(task), places, EngineChoice())
    assert (again.ran, again.failed) == (2, {})
    shown = [line.split(" · ", 2)[2] for line in capfd.readouterr().err.splitlines() if f" {FIRST} · " in line]
    assert [line.split(" in ")[0] for line in shown] == ["started", "done"]
    # If that fails, its old record is no result of the pipeline, and what needs the weights has none.
    (places.work / checkpoint.path).unlink()
    places.store.path(before[CHILD].name).unlink()
    task.fails = ("classification/quick",)
    failed = run_pipeline(made(task), places, EngineChoice())
    assert (list(failed.records), list(failed.failed), failed.blocked) == ([OTHER], [FIRST], [CHILD])


def test_without_its_file_of_weights_a_run_that_began_from_it_is_done(places: Places, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.pth"
    theirs.write_bytes(b"theirs")
    pipeline = made(UnluckyTask())
    stage = replace(pipeline.stages[FIRST], weights=theirs)
    alone = replace(pipeline, stages={FIRST: stage}, selections=())
    run_pipeline(alone, places, EngineChoice())
    theirs.unlink()
    (look,) = survey(alone, places, PipelineData())
    assert look.status is Status.DONE
    assert look.why.startswith(f"not here to compare: {theirs}: no such file")
    # One that began from no weights is not that run.
    places.store.path(NAME).unlink()
    scratch = replace(alone, stages={FIRST: replace(stage, weights=None)})
    run_pipeline(scratch, places, EngineChoice())
    (look,) = survey(alone, places, PipelineData())
    assert look.status is Status.NO_DATA


def test_tables_and_selections_are_written(places: Places) -> None:
    pipeline = made(UnluckyTask())
    result = with_tables(pipeline, run_pipeline(pipeline, places, EngineChoice()), places)
    assert result.folder == places.results / "tables/quick"
    (table,) = result.tables.values()
    assert list(result.tables) == ["classification"]
    assert "PDARTS" in table
    assert "DARTS_V2" in table
    assert (result.folder / "classification.md").read_text().strip() == table.strip()
    (selection,) = result.selections
    assert json.loads((result.folder / "selections.json").read_text()) == [selection]
    assert (selection["chosen"], selection["metric"]) == ("DARTS_V2", "validation_error")
    assert selection["candidates"] == {"PDARTS": 4.0, "DARTS_V2": 3.0}


def test_of_half_a_selection_nothing_is_said(places: Places) -> None:
    pipeline = made(UnluckyTask(fails=("classification/other",)))
    result = with_tables(pipeline, run_pipeline(pipeline, places, EngineChoice()), places)
    assert result.selections == []
    assert list(result.tables) == ["classification"]
    assert not (result.folder / "selections.json").exists()


def test_data_are_looked_at_once_for_each_protocol_with_its_options() -> None:
    task, data = UnluckyTask(lacks=("classification/quick",)), PipelineData()
    for _ in range(2):
        found = data.of(task, quick_protocol())
        assert isinstance(found, InputError)
    assert task.looked == 1
    assert data.of(task, replace(quick_protocol(), name="classification/other")) is DATA
    data.of(task, quick_protocol(options=("epochs=1",)))
    assert task.looked == 3


def test_without_an_engine_s_name_it_is_the_local_one() -> None:
    assert EngineChoice() == EngineChoice("local", None, auto_batch=False, skip_missing=False)
