"""Compare a pipeline's stages with the records: what is done, what to run, and why.

A stage is done if a record has its key. The key covers all that determines the result: the resolved config, the
architecture, the seed, the data, the parents, the version of the task's code. So a change runs exactly those stages
again that depend on it. The old record is moved to `replaced/`, and is restored if the change is taken back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from backbones.errors import InputError
from backbones.pretrained.places import confirm, how_to_get
from bench.pipeline.assembly import Pipeline
from bench.pipeline.changes import differences
from bench.pipeline.stages import PipelineStage
from bench.records.record import Record
from bench.runs.run import Evaluation, Places, Planned, checkpoint_of, plan
from bench.tasks.contract import DataReport, Protocol, Task
from bench.tasks.weights import weights_folder


class Status(Enum):
    DONE = "done"
    READY = "to do"
    WAITING = "waits"
    NO_DATA = "no data"
    BROKEN = "cannot run"


@dataclass(frozen=True)
class Seen:
    """State of a stage.

    Attributes:
        why: what is missing or has changed, in words.
        name: name of the record, if known.
        record: record of the finished run; also if it must run again for its weights.
        planned: the run, of a stage that is ready.
        weights: initial weights: a record with a checkpoint, or a file.
        aside: whether `record` lies in `replaced/` and is to be restored.
        lacks: missing data, and a missing file of weights.
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


class PipelineData:
    """Reports on the data of a pipeline's protocols, each checked once; errors are kept instead of raised."""

    def __init__(self) -> None:
        self._reports: dict[tuple[str, ...], DataReport | InputError] = {}

    def of(self, task: Task, protocol: Protocol) -> DataReport | InputError:
        """Report on a protocol's data, or the error."""
        key = (protocol.name, *protocol.options)
        if key not in self._reports:
            try:
                self._reports[key] = task.check(protocol)
            except InputError as error:
                self._reports[key] = error
        return self._reports[key]


def survey(pipeline: Pipeline, places: Places, data: PipelineData) -> list[Seen]:
    """Return the state of every stage, in order; nothing is run or written.

    Args:
        places: folders, with `replace` on, as a different run's record is not an error here.
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
            card=stage.card,
        )
        if isinstance(report, InputError) or lacks:
            return _without(stage, evaluation, places, lacks)
        if stage.card is not None and isinstance(weights, Path):
            confirm(stage.card, weights)
        return _with(stage, evaluation, places, report, weights)
    except InputError as error:
        return Seen(stage, Status.BROKEN, str(error))


def _lacks(stage: PipelineStage, report: DataReport | InputError) -> tuple[str, ...]:
    """List what a stage needs and is missing."""
    lacks = [str(report)] if isinstance(report, InputError) else []
    if isinstance(stage.weights, Path) and not stage.weights.is_file():
        of = "" if stage.source is None else f" of {stage.source.label}"
        hint = f"; {how_to_get(stage.card, weights_folder())}" if stage.card else ""
        lacks.append(f"{stage.weights}: no such file; expected initial weights{of}{hint}")
    return tuple(lacks)


def _without(stage: PipelineStage, evaluation: Evaluation, places: Places, lacks: tuple[str, ...]) -> Seen:
    """Without its data or weights, a run is done if a record fits it with any data and weights."""
    for record in evaluation.earlier(places.store):
        began = record.initial_weights if evaluation.weights_file else None
        if evaluation.weights_file and began is None:
            continue
        report = DataReport(record.data.counts, record.data.fingerprint)
        if evaluation.key(report, began.sha256 if began else None) == record.key:
            return Seen(stage, Status.DONE, f"not here to compare: {'; '.join(lacks)}", record.name, record)
    return Seen(stage, Status.NO_DATA, lacks[0], evaluation.name(""), lacks=lacks)


def _with(
    stage: PipelineStage, evaluation: Evaluation, places: Places, report: DataReport, weights: Record | Path | None
) -> Seen:
    """Decide whether a run whose data and weights are known is done, restored from aside, or to be run."""
    planned = plan(evaluation, places, report)
    look = Seen(stage, Status.DONE, "", planned.name, planned.record, planned, weights)
    if planned.record is not None:
        return look
    aside = places.store.find_aside(planned.name, planned.key)
    if aside is not None:
        return replace(look, record=aside, why="the change is taken back; its record is restored", aside=True)
    other = next(evaluation.earlier(places.store), None)
    why = f"changed: {differences(other, planned)}" if other else "not run yet"
    return replace(look, status=Status.READY, why=why)


def _with_weights(seen: list[Seen], places: Places) -> list[Seen]:
    """Mark stages to run again if their weights are needed and missing (a cleaned work folder)."""
    wanted = {_parent(look.stage) for look in seen if look.status is Status.READY}
    done = [(look.title, look.record) for look in seen if look.title in wanted and look.record is not None]
    gone = {title for title, record in done if checkpoint_of(record, places) is None}
    return [_again(look) if look.title in gone else _behind(look, gone) for look in seen]


def _parent(stage: PipelineStage) -> str | None:
    """Title of the stage that gives the initial weights."""
    return stage.weights.title if isinstance(stage.weights, PipelineStage) else None


def _again(look: Seen) -> Seen:
    if look.planned is None:
        return replace(look, status=Status.NO_DATA)
    return replace(look, status=Status.READY, why="done, but its weights are missing in the work folder")


def _behind(look: Seen, gone: set[str]) -> Seen:
    parent = _parent(look.stage)
    if look.status is Status.READY and parent in gone:
        return replace(look, status=Status.WAITING, why=f"for {parent}", planned=None)
    return look
