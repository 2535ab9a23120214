"""run the unfinished stages of a pipeline: search, select, retrain, transfer, tables"""

from __future__ import annotations

import argparse
import sys

from bench import api
from bench.commands.options import add_config_options, add_places, places_of
from bench.console.arguments import whole

#: Exit code if some stages have failed.
INCOMPLETE = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pipeline", metavar="PIPELINE", help="such as pipelines/digits")
    parser.add_argument(
        "--plan", action="store_true", help="show what is done, what is missing and why, and the hours; run nothing"
    )
    parser.add_argument(
        "--engine", choices=["local", "ray"], default="local", help="ray: run independent stages at the same time"
    )
    parser.add_argument(
        "--jobs",
        type=whole,
        default=1,
        metavar="N",
        help="run N stages at the same time on this machine, each with its share of the cores",
    )
    parser.add_argument(
        "--address",
        metavar="ADDRESS",
        help="Ray cluster (auto, ray://…; default: this machine)",
    )
    parser.add_argument(
        "--auto-batch",
        action="store_true",
        help="compute batches that do not fit the GPU in parts, whose gradients are added up",
    )
    parser.add_argument("--skip-missing", action="store_true", help="leave out stages whose data are missing")
    add_config_options(parser)
    add_places(parser, replaces=False)


def run(arguments: argparse.Namespace) -> int:
    if arguments.address is not None and arguments.engine != "ray":
        raise api.InputError("--address: needs a Ray cluster; add --engine ray")
    places = places_of(arguments)
    if arguments.plan:
        for line in api.plan_pipeline(arguments.pipeline, arguments.cfg_options, **places):
            print(line)
        return 0
    result = api.run(
        arguments.pipeline,
        options=arguments.cfg_options,
        engine=arguments.engine,
        jobs=arguments.jobs,
        address=arguments.address,
        auto_batch=arguments.auto_batch,
        skip_missing=arguments.skip_missing,
        **places,
    )
    before = len(result.records) - result.ran
    print(
        f"{result.stages} stages: {result.ran} run now, {before} done before and not run again"
        + (f", {len(result.failed)} failed, {len(result.blocked)} behind these." if result.failed else "."),
        file=sys.stderr,
    )
    for table in result.tables.values():
        print(table)
    for selection in result.selections:
        errors, chosen = selection["candidates"], selection["chosen"]
        print(f"{selection['of']}: {chosen} has the least validation error ({errors[chosen]:.2f} %) of {len(errors)}")
    for line in result.summary:
        print(line)
    print(f"The tables are in {result.folder}, the records in {arguments.results / 'records'}.", file=sys.stderr)
    for title, reason in result.failed.items():
        print(f"failed: {title}: {reason}", file=sys.stderr)
    return INCOMPLETE if result.failed else 0
