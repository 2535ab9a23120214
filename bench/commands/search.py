"""search a cell genotype under a search protocol"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from typing import TYPE_CHECKING

from bench import api
from bench.commands.measuring import table
from bench.commands.options import add_config_options, add_data, add_launcher, add_places, is_first, notice, places_of
from bench.console.arguments import whole
from bench.console.progress import clock

if TYPE_CHECKING:
    from bench.searches.dry_run import DryRun


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", metavar="CONFIG", help="a search protocol (search/pc_darts_cifar10) or a config file")
    parser.add_argument("--seed", type=whole, default=0)
    add_data(parser)
    add_config_options(parser)
    add_places(parser)
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="measure one step of each stage; print peak memory and the time of the whole search",
    )
    add_launcher(parser, "one search")


def run(arguments: argparse.Namespace) -> int:
    protocol, seed, launcher = arguments.config, arguments.seed, arguments.launcher
    what = {"options": arguments.cfg_options, "data": arguments.data, "notice": notice}
    if arguments.dry_run:
        measured = api.dry_run(protocol, seed, launcher=launcher, tell=_tell, work=arguments.work_dir, **what)
        print("\n".join(_dry_run(measured)))
        return 0
    places = places_of(arguments)
    record = api.search(protocol, seed=seed, launcher=launcher, progress=api.Progress, **what, **places)
    if is_first(arguments):
        genotype = api.found_by(record).genotype
        for concern in api.search_concerns(genotype):
            _tell(f"warning: {concern}")
        print(json.dumps(genotype.to_json()))
        _tell(f"record: {places['results'] / 'records' / record.name}.json")
        _tell(f"folder: {places['work'] / record.protocol / record.architecture.name}")
    return 0


def _tell(text: str) -> None:
    print(text, file=sys.stderr)


def _dry_run(measured: DryRun) -> list[str]:
    """Format the measurement: a table with a line for each stage, and a sum."""
    rows = [
        {
            "stage": speed.stage,
            "cells": speed.layers,
            "C": speed.channels,
            "candidates": speed.candidates,
            "weight step (s)": f"{statistics.median(speed.weight_step):.3f}",
            "architecture step (s)": f"{statistics.median(speed.architecture_step):.3f}",
            "peak memory (MB)": f"{speed.peak_memory / 1e6:.0f}",
            "epochs": epochs,
            "time": clock(seconds),
        }
        for speed, epochs, seconds in zip(measured.speeds, measured.epochs, measured.seconds, strict=True)
    ]
    memory = max(speed.peak_memory for speed in measured.speeds) / 1e6
    batch = f"batch {measured.batch_size}, {measured.steps} steps an epoch"
    note = "" if measured.in_memory else "; without reading and decoding of images"
    about = f"about {clock(sum(measured.seconds))}, {memory:.0f} MB beyond the images ({batch}{note})"
    return [table(rows), f"{measured.protocol} on {measured.speeds[0].device}: {about}"]
