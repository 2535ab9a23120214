"""run a pipeline: search, choose, retrain, transfer, tables; what is done is not run again"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from bench.commands.options import add_config_options, add_places, places_of

if TYPE_CHECKING:
    from bench.pipeline.assembly import Pipeline
    from bench.pipeline.run import PipelineResult
    from bench.runs.run import Places

#: The exit code where some stages failed and the rest was done.
INCOMPLETE = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pipeline", metavar="PIPELINE", help="such as pipelines/digits")
    parser.add_argument(
        "--plan", action="store_true", help="say what is done, what is missing and why, and what it takes; run nothing"
    )
    parser.add_argument(
        "--engine", choices=["local", "ray"], default="local", help="ray: independent stages at the same time"
    )
    parser.add_argument("--address", metavar="ADDRESS", help="of a Ray cluster (auto, ray://…); without, this machine")
    parser.add_argument(
        "--auto-batch",
        action="store_true",
        help="compute batches that do not fit the GPU in smaller parts, whose gradients are added up",
    )
    parser.add_argument("--skip-missing", action="store_true", help="leave out stages whose data are not there")
    add_config_options(parser)
    add_places(parser, replaces=False)


def run(arguments: argparse.Namespace) -> int:
    from backbones.errors import InputError
    from bench.pipeline.assembly import load_pipeline
    from bench.pipeline.data import Data
    from bench.pipeline.report import plan_lines
    from bench.pipeline.run import Manner, run_pipeline
    from bench.pipeline.survey import survey

    if arguments.address is not None and arguments.engine != "ray":
        raise InputError("--address: is of a Ray cluster; add --engine ray")
    # A record of a different run is moved to replaced/, from where it is brought back if it is wanted again.
    places = places_of(arguments)
    pipeline, data = load_pipeline(arguments.pipeline, arguments.cfg_options), Data()
    if arguments.plan:
        for line in plan_lines(pipeline, survey(pipeline, places, data), places, data):
            print(line)
        return 0
    manner = Manner(arguments.engine, arguments.address, arguments.auto_batch, arguments.skip_missing)
    result = run_pipeline(pipeline, places, manner, data)
    before = len(result.records) - result.ran
    print(
        f"{len(pipeline.stages)} stages: {result.ran} run now, {before} done before and not run again"
        + (f", {len(result.failed)} failed, {len(result.blocked)} behind these." if result.failed else "."),
        file=sys.stderr,
    )
    _write_tables(pipeline, result, places)
    for title, reason in result.failed.items():
        print(f"failed: {title}: {reason}", file=sys.stderr)
    return INCOMPLETE if result.failed else 0


def _write_tables(pipeline: Pipeline, result: PipelineResult, places: Places) -> None:
    from backbones.files import write_text
    from bench.tables import build_table, render, save_table
    from bench.tasks.metrics import METRICS, TITLES

    folder = places.results / "tables" / pipeline.name.removeprefix("pipelines/")
    known = {record.name: record for record in result.records.values()}
    for task in pipeline.tasks:
        rows = [record for record in result.records.values() if record.task == task]
        if not rows:
            continue
        table = build_table(TITLES[task], rows, METRICS[task], known.get)
        print(render(table, "markdown"))
        save_table(table, folder / task)
    selections = [
        selection.report(result.records)
        for selection in pipeline.selections
        if all(title in result.records for title in selection.needs)
    ]
    for selection in selections:
        errors = selection["candidates"]
        chosen = selection["chosen"]
        print(f"{selection['of']}: {chosen} has the least validation error ({errors[chosen]:.2f} %) of {len(errors)}")
    if selections:
        write_text(folder / "selections.json", json.dumps(selections, indent=1) + "\n")
    print(f"The tables are in {folder}, the records in {places.store.root}.", file=sys.stderr)
