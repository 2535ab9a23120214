"""run a pipeline: search, retrain, transfer, tables; what is done is not run again"""

from __future__ import annotations

import argparse
import sys

from bench.commands.options import add_config_options, add_places, places_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pipeline", metavar="PIPELINE", help="such as pipelines/digits")
    add_config_options(parser)
    add_places(parser)


def run(arguments: argparse.Namespace) -> int:
    from bench.metrics import METRICS, TITLES
    from bench.pipeline import load_pipeline, run_pipeline
    from bench.tables import build_table, render, save_table

    places = places_of(arguments)
    pipeline = load_pipeline(arguments.pipeline, places, arguments.cfg_options)
    result = run_pipeline(pipeline, places)
    before = result.stages - result.ran
    print(f"{result.stages} stages: {result.ran} run now, {before} done before and not run again.", file=sys.stderr)
    folder = places.results / "tables" / pipeline.name.removeprefix("pipelines/")
    known = {record.name: record for record in result.records}
    for task in dict.fromkeys(task.name for task, _ in pipeline.protocols):
        rows = [record for record in result.records if record.task == task]
        table = build_table(TITLES[task], rows, METRICS[task], known.get)
        print(render(table, "markdown"))
        save_table(table, folder / task)
    print(f"The tables are in {folder}, the records in {places.store.root}.", file=sys.stderr)
    return 0
