"""Stages in several processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from backbones.errors import InputError
from bench import api
from bench.pipeline.engines.pool import PoolEngine, threads_of_each
from bench.pipeline.notes import StorageError, failure_file
from bench.pipeline.run import EngineChoice, run_pipeline
from bench.pipeline.settings import Resources
from bench.pipeline.survey import PipelineData, survey
from bench.pipeline.work import Work
from bench.runs.run import Places
from bench.tasks.contract import Job, Outcome
from tests.bench.pipeline.test_pipeline_quick import CHILD, FIRST, OTHER, made
from tests.bench.runs.quick import QuickTask


@dataclass
class TellingTask(QuickTask):
    """A task whose runs say where they were made; one protocol's process is lost."""

    lost: str = ""

    def run(self, job: Job) -> Outcome:
        if job.protocol.name == self.lost:
            os._exit(7)
        outcome = super().run(job)
        return replace(outcome, resolved={"process": str(os.getpid()), "threads": str(torch.get_num_threads())})


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "results", tmp_path / "work", replace=True)


def test_stages_run_in_other_processes_and_a_lost_one_has_failed(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    pipeline = made(TellingTask(lost="classification/other"))
    result = run_pipeline(pipeline, places, EngineChoice(jobs=2))

    assert set(result.records) == {FIRST, CHILD}
    assert result.ran == 2
    assert set(result.failed) == {OTHER}
    assert "exit code 7" in result.failed[OTHER]
    assert failure_file(places.results, "classification/other/DARTS_V2/seed0").is_file()
    for record in result.records.values():
        assert record.resolved["process"] != str(os.getpid())
        assert record.resolved["threads"] == str(max(1, len(os.sched_getaffinity(0)) // 2))
    assert not multiprocessing.active_children()
    # The stage that failed is all that is left.
    assert run_pipeline(made(TellingTask()), places, EngineChoice()).ran == 1


def test_no_more_stages_start_than_there_are_slots(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []
    start = PoolEngine.start

    def counting(self: PoolEngine, work: Work) -> bool:
        started.append(1 + len(self._running))
        return start(self, work)

    monkeypatch.setattr(PoolEngine, "start", counting)
    result = run_pipeline(made(TellingTask()), places, EngineChoice(jobs=2))
    assert result.ran == 3
    assert max(started) == 2


def test_a_folder_that_cannot_be_written_ends_the_pipeline(places: Places) -> None:
    pipeline = made(TellingTask())
    look = next(look for look in survey(pipeline, places, PipelineData()) if look.title == FIRST)
    work = Work.of(look, places, Resources(), auto_batch=False)
    places.results.mkdir(parents=True)
    (places.results / "blocked").touch()
    engine = PoolEngine(1)
    try:
        engine.start(replace(work, places=replace(places, work=places.results / "blocked")))
        with pytest.raises(StorageError, match="blocked: cannot be written"):
            engine.ended(120.0)
    finally:
        engine.close()


@pytest.mark.parametrize(
    ("jobs", "engine", "said"), [(0, "local", "from 1 to"), (2, "ray", "'local'"), (True, "local", "whole")]
)
def test_wrong_numbers_of_jobs_are_refused(jobs: int, engine: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        api.run("pipelines/digits", jobs=jobs, engine=engine)  # type: ignore[arg-type]


def test_threads_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    cores = len(os.sched_getaffinity(0))
    assert threads_of_each(1) == cores
    assert threads_of_each(1000) == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert threads_of_each(1) == torch.get_num_threads()
