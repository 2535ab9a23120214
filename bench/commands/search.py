"""search a cell genotype under a search protocol"""

from __future__ import annotations

import argparse
import json
import sys

from bench.commands.options import add_config_options, add_places, places_of, whole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", metavar="CONFIG", help="a search protocol (search/pc_darts_cifar10) or a config file")
    parser.add_argument("--seed", type=whole, default=0)
    add_config_options(parser)
    add_places(parser)


def run(arguments: argparse.Namespace) -> int:
    from bench.progress import Progress
    from bench.searches import load_search, plan_search, search

    protocol = load_search(arguments.config, arguments.cfg_options)
    places = places_of(arguments)
    planned = plan_search(protocol, arguments.seed, places)
    progress = Progress([f"{protocol.name} · seed {arguments.seed}"])
    with progress.stage(0, planned.record is not None) as stage:
        record = planned.record or search(planned, places, progress)
        stage.note = "done before" if planned.record else "done"
    print(json.dumps(record.architecture.genotype))
    print(f"record: {places.store.path(record.name)}", file=sys.stderr)
    print(f"folder: {places.work / record.protocol / record.architecture.name}", file=sys.stderr)
    return 0
