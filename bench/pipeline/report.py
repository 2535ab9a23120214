"""Plan of a pipeline (`wildnas run … --plan`): state of every stage, the reason to run it, and its hours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.pipeline.assembly import Pipeline, load_pipeline
from bench.pipeline.estimate import Estimate, Estimator, total
from bench.pipeline.notes import last_reason
from bench.pipeline.survey import PipelineData, Seen, Status, done_records, survey
from bench.runs.run import Places


def plan_pipeline(name: str, options: Sequence[str], results: Path, work: Path) -> Iterator[str]:
    """Yield the lines of a pipeline's plan; nothing is run or written."""
    places, pipeline, data = Places(results, work, replace=True), load_pipeline(name, options), PipelineData()
    return plan_lines(pipeline, survey(pipeline, places, data), places, data)


def plan_lines(pipeline: Pipeline, seen: Sequence[Seen], places: Places, data: PipelineData) -> Iterator[str]:
    """Yield the lines of a plan, with sums at the end."""
    estimator = Estimator(pipeline, places.store, data, done_records(seen))
    width = max(len(look.title) for look in seen)
    left: list[Estimate | None] = []
    yield f"{pipeline.name}: {len(seen)} stages"
    for look in seen:
        estimate = None if look.status is Status.DONE else estimator.of(look.stage)
        if look.status is not Status.DONE:
            left.append(estimate)
        yield f"  {look.status.value:<10}  {look.title:<{width}}  {_about(look, estimate, places)}".rstrip()
    for status in Status:
        count = sum(look.status is status for look in seen)
        if count:
            yield f"{count} {_SUMS[status]}"
    for reason, count in Counter(reason for look in seen for reason in look.lacks).items():
        yield f"Missing for {count} of them: {reason}"
    if left:
        yield f"Left to do: {len(left)} stages, {total(left)}"
    for selection in pipeline.selections:
        yield f"Selection: {selection.label}, by {selection.candidates[0].protocol.name}"


_SUMS = {
    Status.DONE: "done",
    Status.READY: "to do now",
    Status.WAITING: "waiting for those before them",
    Status.NO_DATA: "without their data or weights",
    Status.BROKEN: "that cannot be run",
}


def _about(look: Seen, estimate: Estimate | None, places: Places) -> str:
    if look.status is Status.DONE:
        return look.why
    cost = "unknown" if estimate is None else str(estimate)
    failed = last_reason(places.results, look.name)
    # Missing data are listed once, below the stages.
    why = [look.why] if look.status is not Status.NO_DATA else []
    return " · ".join([cost, *why, *([f"failed the last time: {failed}"] if failed else [])])
