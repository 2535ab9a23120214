"""Run the rest of a pipeline: see what is done, start what is ready, wait, repeat."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from backbones.errors import InputError
from backbones.files import write_text
from bench.console.progress import clock
from bench.pipeline.assembly import Pipeline
from bench.pipeline.board import Board, State
from bench.pipeline.engines import Engine, Tell
from bench.pipeline.engines.local import LocalEngine
from bench.pipeline.estimate import Estimator
from bench.pipeline.notes import Failure, confirm_storage, read_progress
from bench.pipeline.settings import Resources
from bench.pipeline.survey import PipelineData, Seen, Status, done_records, survey
from bench.pipeline.work import Outcome, Work
from bench.records.record import Record
from bench.runs.locks import held_elsewhere
from bench.runs.run import Places
from bench.statistics.summary import summary
from bench.tables import build_table, render, save_table
from bench.tasks.metrics import METRICS, TITLES

#: Seconds between two looks at stages that run elsewhere.
LOOK_INTERVAL = 0.5


@dataclass(frozen=True)
class EngineChoice:
    """Engine of a pipeline, and its options.

    Attributes:
        engine: `local` or `ray`; `address` is that of a Ray cluster.
        jobs: number of stages that `local` runs at the same time.
        auto_batch: whether to divide batches that do not fit the GPU.
        skip_missing: whether to leave out stages without data instead of raising an error.
    """

    engine: str = "local"
    address: str | None = None
    auto_batch: bool = False
    skip_missing: bool = False
    jobs: int = 1


@dataclass(frozen=True)
class PipelineResult:
    """Records of a pipeline by the titles of their stages, and the number of stages that were run.

    Attributes:
        failed: reasons of the failed stages, by title; stages that need them are in `blocked`.
        blocked: titles of the stages that need a failed stage.
        stages: number of all stages.
        tables: Markdown texts by task; `folder` has them and the selections as files.
        selections: the chosen architectures and their candidates.
        summary: what is seen, how sure it is, and what random architectures got.
    """

    records: dict[str, Record]
    ran: int
    failed: dict[str, str]
    blocked: list[str]
    stages: int = 0
    tables: dict[str, str] = field(default_factory=dict)
    selections: list[dict[str, Any]] = field(default_factory=list)
    folder: Path = Path()
    summary: list[str] = field(default_factory=list)


def run_pipeline(
    pipeline: Pipeline, places: Places, choice: EngineChoice, data: PipelineData | None = None
) -> PipelineResult:
    """Run the stages that are not done.

    Args:
        places: folders, with `replace` on.

    Raises:
        InputError: data are missing, or a folder cannot be written.
    """
    run = _Run(pipeline, places, choice, data or PipelineData())
    try:
        return run.to_the_end()
    finally:
        run.close()


class _Run:
    def __init__(self, pipeline: Pipeline, places: Places, choice: EngineChoice, data: PipelineData) -> None:
        self.pipeline, self.places, self.choice, self.data = pipeline, places, choice, data
        seen = survey(pipeline, places, data)
        _refuse_missing(seen, choice)
        confirm_storage(places)
        estimator = Estimator(pipeline, places.store, data, done_records(seen))
        hours = {title: estimator.of(stage) for title, stage in pipeline.stages.items()}
        self.board = Board({title: None if known is None else known.hours * 3600 for title, known in hours.items()})
        self.engine = make_engine(choice, self.board.tell)
        self.running: dict[str, str] = {}
        self.failed: dict[str, str] = {}
        self.ran: set[str] = set()

    def to_the_end(self) -> PipelineResult:
        while True:
            seen = survey(self.pipeline, self.places, self.data)
            self._show(seen)
            ready = [look for look in seen if look.status is Status.READY and self._is_open(look.title)]
            elsewhere = [look for look in ready if not self._start(look)]
            if not self.running and not elsewhere:
                return self._result(seen)
            for look in elsewhere:
                self.board.elsewhere(look.title, read_progress(self.places.results, look.name))
            self._wait(for_an_outcome=not elsewhere)

    def _is_open(self, title: str) -> bool:
        return title not in self.running and title not in self.failed

    def _start(self, look: Seen) -> bool:
        """Start a stage; False if another process runs it. A busy engine leaves it for later."""
        resources = self.pipeline.resources.get(look.stage.protocol.name, Resources())
        if self.engine.slots is not None:
            if len(self.running) >= self.engine.slots:
                return True
            # Ask first: a stage that cannot start would be shown as started at every look.
            if held_elsewhere(self.places.results, look.name):
                return False
        self.board.start(look.title)
        if not self.engine.start(Work.of(look, self.places, resources, self.choice.auto_batch)):
            return False
        self.running[look.title] = look.name
        return True

    def _wait(self, for_an_outcome: bool) -> None:
        """Show progress for an interval, or until a stage has ended: before that, a look at all finds nothing new."""
        ended: list[tuple[str, Outcome]] = []
        while not ended:
            ended = self.engine.ended(LOOK_INTERVAL)
            for title, outcome in ended:
                del self.running[title]
                if isinstance(outcome, Failure):
                    self.failed[title] = outcome.reason
                    self.board.end(title, State.FAILED, f"failed: {outcome.reason}")
                elif outcome is not None:
                    self.ran.add(title)
                    took = clock(outcome.cost.seconds)
                    self.board.end(title, State.DONE, f"done in {took} · {_first_metric(outcome)}")
            for title, name in self.running.items():
                progress = read_progress(self.places.results, name)
                if progress is not None:
                    self.board.tell(title, *progress)
            self.board.draw()
            if not for_an_outcome or not self.running:
                return

    def _show(self, seen: Sequence[Seen]) -> None:
        for look in seen:
            if look.title in self.running or look.title in self.failed:
                continue
            if look.status is Status.DONE and look.record is not None:
                if look.aside:
                    self.places.store.bring_back(look.record)
                self.board.end(look.title, State.DONE, f"done before · {_first_metric(look.record)}")
            elif look.status is Status.BROKEN:
                self.failed[look.title] = look.why
                self.board.end(look.title, State.FAILED, f"failed: {look.why}")
            elif look.status is Status.NO_DATA:
                self.board.end(look.title, State.BLOCKED, f"left out: {look.why}")

    def _result(self, seen: Sequence[Seen]) -> PipelineResult:
        records = done_records(seen)
        failed = dict(self.failed)
        failed |= {look.title: look.why for look in seen if look.status is Status.NO_DATA}
        blocked = [look.title for look in seen if look.status is Status.WAITING]
        for title in blocked:
            need = next(title for title in self.pipeline.stages[title].needs if title not in records)
            self.board.end(title, State.BLOCKED, f"not run: needs {need}")
        return PipelineResult(records, len(self.ran), failed, blocked, len(self.pipeline.stages))

    def close(self) -> None:
        self.engine.close()
        self.board.close()


def _first_metric(record: Record) -> str:
    key, metric = next(iter(record.metrics.items()))
    return f"{key} {metric.value:.1f} {metric.unit}"


def _refuse_missing(seen: Sequence[Seen], choice: EngineChoice) -> None:
    missing = [look for look in seen if look.status is Status.NO_DATA]
    if missing and not choice.skip_missing:
        more = f" (and {len(missing) - 1} other stages)" if len(missing) > 1 else ""
        raise InputError(f"{missing[0].title}{more}: {missing[0].why}; skip-missing runs what has its data")


def make_engine(choice: EngineChoice, tell: Tell) -> Engine:
    """Create the chosen engine."""
    if choice.engine == "ray":
        from bench.pipeline.engines.ray import RayEngine

        return RayEngine(choice.address)
    if choice.jobs > 1:
        from bench.pipeline.engines.pool import PoolEngine

        return PoolEngine(choice.jobs)
    return LocalEngine(tell)


def with_tables(pipeline: Pipeline, result: PipelineResult, places: Places) -> PipelineResult:
    """Add summary, tables and selections to a result, and write them to `<results>/tables/<pipeline>/`."""
    folder = places.results / "tables" / pipeline.name.removeprefix("pipelines/")
    known = {record.name: record for record in result.records.values()}
    tables = {}
    for task in pipeline.tasks:
        rows = [record for record in result.records.values() if record.task == task]
        if rows:
            table = build_table(TITLES[task], rows, METRICS[task], known.get)
            tables[task] = render(table, "markdown")
            save_table(table, folder / task)
    selections = [
        selection.report(result.records)
        for selection in pipeline.selections
        if all(title in result.records for title in selection.needs)
    ]
    if selections:
        write_text(folder / "selections.json", json.dumps(selections, indent=1) + "\n")
    said = summary(result.records.values())
    return replace(result, tables=tables, selections=selections, folder=folder, summary=said)
