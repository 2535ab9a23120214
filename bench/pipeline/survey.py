"""What is done of a pipeline, what is to be done, and why: read off the records, whoever has written them.

A stage is the same one as a record if all that determines its result is the same, which is what a key is made of: the
resolved config, the architecture, the seed, the data, the parents, the version of the task's code. So a change runs
again what depends on it and nothing else; the record that was there is moved to `replaced/` as the new one is
written, and is brought back if the change is taken back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from backbones.errors import InputError
from bench.pipeline.assembly import Pipeline
from bench.pipeline.changes import differences
from bench.pipeline.data_reports import PipelineData
from bench.pipeline.stages import PipelineStage
from bench.records.record import Record
from bench.runs.run import Evaluation, Places, Planned, checkpoint_of, plan
from bench.tasks.contract import DataReport


class Status(Enum):
    DONE = "done"
    READY = "to do"
    WAITING = "waits"
    NO_DATA = "no data"
    BROKEN = "cannot run"


@dataclass(frozen=True)
class Seen:
    """A stage as it stands.

    Attributes:
        why: what is missing or has changed, in words.
        name: of the record, where it is known.
        record: what is done, or was and is wanted again for its weights.
        planned: what is to be run, of a stage that is ready.
        weights: the record whose checkpoint, or the file, that it starts from.
        aside: `record` lies in `replaced/` and is to be brought back.
        lacks: what is not here: data, and a file of weights.
    """

    stage: PipelineStage
    status: Status
    why: str = ""
    name: str = ""
    record: Record | None = None
    planned: Planned | None = None
    weights: Record | Path | None = None
    aside: bool = False
    lacks: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return self.stage.title


def survey(pipeline: Pipeline, places: Places, data: PipelineData) -> list[Seen]:
    """Every stage as it stands, in order; nothing is run or written.

    Args:
        places: of which `replace` is on: a different run's record is no hindrance here.
    """
    found: dict[str, Record] = {}
    seen: list[Seen] = []
    for stage in pipeline.stages.values():
        look = _look(stage, places, data, found)
        if look.status is Status.DONE and look.record is not None:
            found[stage.title] = look.record
        seen.append(look)
    return _with_weights(seen, places)


def done_records(seen: Sequence[Seen]) -> dict[str, Record]:
    """The records of the stages that are done, by title."""
    return {look.title: look.record for look in seen if look.status is Status.DONE and look.record is not None}


def _look(stage: PipelineStage, places: Places, data: PipelineData, found: dict[str, Record]) -> Seen:
    report = data.of(stage.task, stage.protocol)
    lacks = _lacks(stage, report)
    missing = [title for title in stage.needs if title not in found]
    if missing:
        if lacks:
            return Seen(stage, Status.NO_DATA, lacks[0], lacks=lacks)
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        return Seen(stage, Status.WAITING, f"for {missing[0]}{more}")
    try:
        weights = found[stage.weights.title] if isinstance(stage.weights, PipelineStage) else stage.weights
        evaluation = Evaluation(
            stage.task,
            stage.protocol,
            stage.architecture(found),
            stage.seed(found),
            weights if isinstance(weights, Record) else None,
            weights if isinstance(weights, Path) else None,
        )
        if isinstance(report, InputError) or lacks:
            return _without(stage, evaluation, places, lacks)
        return _with(stage, evaluation, places, report, weights)
    except InputError as error:
        return Seen(stage, Status.BROKEN, str(error))


def _lacks(stage: PipelineStage, report: DataReport | InputError) -> tuple[str, ...]:
    """What a stage needs that is not here."""
    lacks = [str(report)] if isinstance(report, InputError) else []
    if isinstance(stage.weights, Path) and not stage.weights.is_file():
        of = "" if stage.source is None else f" of {stage.source.label}"
        lacks.append(f"{stage.weights}: no such file; expected weights{of} to start from")
    return tuple(lacks)


def _without(stage: PipelineStage, evaluation: Evaluation, places: Places, lacks: tuple[str, ...]) -> Seen:
    """A run that lacks something is done if there is a record of it, whatever data and file that was of."""
    for record in evaluation.earlier(places.store):
        report = DataReport(record.data.counts, record.data.fingerprint)
        began = record.initial_weights.sha256 if record.initial_weights and evaluation.weights_file else None
        if evaluation.key(report, began) == record.key:
            return Seen(stage, Status.DONE, f"not here to compare: {'; '.join(lacks)}", record.name, record)
    return Seen(stage, Status.NO_DATA, lacks[0], evaluation.name(""), lacks=lacks)


def _with(
    stage: PipelineStage, evaluation: Evaluation, places: Places, report: DataReport, weights: Record | Path | None
) -> Seen:
    """A run whose data are here: done, brought back, or to be run."""
    planned = plan(evaluation, places, report)
    look = Seen(stage, Status.DONE, "", planned.name, planned.record, planned, weights)
    if planned.record is not None:
        return look
    aside = places.store.find_aside(planned.name, planned.key)
    if aside is not None:
        return replace(look, record=aside, why="the change is taken back; its record is brought back", aside=True)
    other = next(evaluation.earlier(places.store), None)
    why = f"changed: {differences(other, planned)}" if other else "not run yet"
    return replace(look, status=Status.READY, why=why)


def _with_weights(seen: list[Seen], places: Places) -> list[Seen]:
    """Where weights that a stage is to start from are gone (a cleaned work folder), they are to be trained again."""
    wanted = {_parent(look.stage) for look in seen if look.status is Status.READY}
    done = [(look.title, look.record) for look in seen if look.title in wanted and look.record is not None]
    gone = {title for title, record in done if checkpoint_of(record, places) is None}
    return [_again(look) if look.title in gone else _behind(look, gone) for look in seen]


def _parent(stage: PipelineStage) -> str | None:
    """The title of the stage whose weights another one starts from."""
    return stage.weights.title if isinstance(stage.weights, PipelineStage) else None


def _again(look: Seen) -> Seen:
    if look.planned is None:
        return replace(look, status=Status.NO_DATA)
    return replace(look, status=Status.READY, why="done, but its weights are gone from the work folder")


def _behind(look: Seen, gone: set[str]) -> Seen:
    parent = _parent(look.stage)
    if look.status is Status.READY and parent in gone:
        return replace(look, status=Status.WAITING, why=f"for {parent}", planned=None)
    return look
