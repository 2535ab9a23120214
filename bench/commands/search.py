"""search a cell genotype under a search protocol"""

from __future__ import annotations

import argparse
import json
import sys

from bench import api
from bench.commands.options import add_config_options, add_data, add_launcher, add_places, is_first, notice, places_of
from bench.commands.search_dry_run import dry_run
from bench.console.arguments import whole


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
        print("\n".join(dry_run(measured)))
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
