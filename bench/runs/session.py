"""Plan and run several evaluations, each under its lock, in one process or in those that torchrun has started."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from backbones.errors import InputError
from bench.console.progress import Progress, Silent
from bench.records.record import Record
from bench.runs.run import Evaluation, Places, checkpoint_of, evaluate_alone, join_unless_done, plan, starting_file

#: Makes a progress display from the titles of its stages, such as `bench.console.progress.Progress`.
Display = Callable[[Sequence[str]], Progress]


@dataclass(frozen=True)
class Manner:
    """Settings of a session that runs evaluations.

    Attributes:
        launcher: `pytorch` in a process that torchrun has started, `none` in a single one.
        display: makes the progress display; None shows nothing.
        notice: called with each line that the user should know of what was run.
    """

    places: Places = field(default_factory=Places)
    launcher: str = "none"
    display: Display | None = None
    notice: Callable[[str], None] = warnings.warn

    @property
    def first(self) -> bool:
        """Whether this is the first of the processes, which writes the files."""
        return self.launcher == "none" or os.environ.get("RANK", "0") == "0"

    def progress(self, titles: Sequence[str]) -> Progress:
        return (self.display or Silent)(titles)


def run_all(evaluations: Sequence[Evaluation], manner: Manner) -> list[Record]:
    """Run the evaluations that have no record yet; every process of a group returns all records.

    Raises:
        InputError: data cannot be used, a different run's record has the same name, or another process runs the same.
    """
    # Torch is imported late, so that a wrong name fails at once.
    from search.training.parallel import from_main, is_main, main_first, process_group

    places = manner.places
    with process_group(manner.launcher):
        with main_first():
            planned = [plan(evaluation, places) for evaluation in evaluations]
        # As the first process has planned: another command may have written a record since.
        runs = [bool(from_main(int(item.record is None))) for item in planned]
        if not is_main():
            for item, run in zip(planned, runs, strict=True):
                if run:
                    join_unless_done(item, places, starting_file(item.evaluation, places))
        else:
            progress = manner.progress([evaluation.title for evaluation in evaluations])
            for index, item in enumerate(planned):
                with progress.stage(index, item.record is not None) as stage:
                    stage.note = "done before" if item.record else "done"
                    if item.record is None:
                        evaluate_alone(item, places, starting_file(item.evaluation, places), progress)
            for remark in dict.fromkeys(item.evaluation.remark for item in planned if item.record is None):
                if remark:
                    manner.notice(remark)
        # The first process reads first, after it has written all of them.
        with main_first():
            records = [item.record or places.store.find_run(item.name, item.key) for item in planned]
    return [record for record in records if record is not None]


def export_detections(
    evaluations: Sequence[Evaluation], records: Sequence[Record], manner: Manner, folder: Path
) -> None:
    """Write COCO's submission files of trained detectors for test-dev, to `seed<k>/` below a folder.

    Raises:
        InputError: a run's checkpoint is missing, or test-dev's images cannot be used.
    """
    from bench.detection.test_dev import export_test_dev

    progress = manner.progress([f"test-dev · {record.name}" for record in records])
    for index, (evaluation, record) in enumerate(zip(evaluations, records, strict=True)):
        checkpoint = checkpoint_of(record, manner.places)
        if checkpoint is None:
            work = manner.places.work
            raise InputError(f"{record.name}: test-dev needs its checkpoint, which is missing or changed in {work}")
        with progress.stage(index) as stage:
            out = folder / f"seed{record.seed}"
            stage.note = str(export_test_dev(evaluation.protocol, evaluation.architecture, checkpoint, out, progress))


def chosen(records: Sequence[Record]) -> list[str]:
    """Name the run with the least validation error, in a line for each protocol with held-out images."""
    lines = []
    for protocol in dict.fromkeys(record.protocol for record in records):
        runs = [record for record in records if record.protocol == protocol and "validation_error" in record.metrics]
        if len(runs) > 1:
            best = min(runs, key=lambda record: record.metrics["validation_error"].value)
            validation, test = (best.metrics[key].value for key in ("validation_error", "top1_error"))
            lines.append(
                f"{protocol}: {best.architecture.name}, seed {best.seed}, has the least validation error "
                f"({validation:.2f} %) of {len(runs)} runs; its test error is {test:.2f} %"
            )
    return lines
