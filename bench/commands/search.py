"""search a cell genotype under a search protocol"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING

from backbones.errors import InputError
from bench.commands.options import add_config_options, add_data, add_places, options_of, places_of
from bench.console.arguments import whole

if TYPE_CHECKING:
    from bench.console.progress import Progress
    from bench.records.record import Record
    from bench.runs.run import Places
    from bench.searches.task import PlannedSearch, SearchProtocol


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", metavar="CONFIG", help="a search protocol (search/pc_darts_cifar10) or a config file")
    parser.add_argument("--seed", type=whole, default=0)
    add_data(parser)
    add_config_options(parser)
    add_places(parser)
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="one step of each stage: peak memory and the time of the whole search, nothing else",
    )
    parser.add_argument(
        "--launcher",
        choices=["none", "pytorch"],
        default="none",
        help="pytorch: one search over several processes, which torchrun has started (one a GPU)",
    )


def run(arguments: argparse.Namespace) -> int:
    from bench.searches.task import load_search

    protocol = load_search(arguments.config, options_of(arguments, arguments.config))
    if arguments.dry_run:
        if arguments.launcher != "none" or int(os.environ.get("WORLD_SIZE", "1")) > 1:
            raise InputError("--dry-run measures one process: start it without torchrun, with that process' batch_size")
        from bench.commands.search_dry_run import dry_run

        print("\n".join(dry_run(protocol, arguments.seed)))
        return 0
    # Torch is imported when the config is known to be one.
    from search.training.parallel import process_group

    with process_group(arguments.launcher):
        return _search(protocol, arguments.seed, places_of(arguments))


def _search(protocol: SearchProtocol, seed: int, places: Places) -> int:
    from backbones.genotype import Genotype
    from bench.console.progress import Progress
    from bench.searches.task import join_search, plan_search
    from search.loop.epochs import concerns, imagenet_cost
    from search.training.parallel import is_main, main_first

    with main_first():
        planned = plan_search(protocol, seed, places)
    if not is_main():
        if planned.record is None:
            join_search(planned, places)
        return 0
    progress = Progress([f"{protocol.name} · seed {seed}"])
    with progress.stage(0, planned.record is not None) as stage:
        record = planned.record or _alone(planned, places, progress)
        stage.note = "done before" if planned.record else "done"
    genotype = Genotype.from_json(record.architecture.genotype)
    for concern in concerns(genotype, imagenet_cost(genotype)):
        print(f"warning: {concern}", file=sys.stderr)
    print(json.dumps(genotype.to_json()))
    print(f"record: {places.store.path(record.name)}", file=sys.stderr)
    print(f"folder: {places.work / record.protocol / record.architecture.name}", file=sys.stderr)
    return 0


def _alone(planned: PlannedSearch, places: Places, progress: Progress) -> Record:
    """Search, unless another process has done so since it was planned."""
    from bench.records.record import record_name
    from bench.runs.locks import alone
    from bench.searches.task import search

    name = record_name(planned.protocol.name, planned.name, planned.seed)
    with alone(places.results, name):
        return places.store.find_run(name, planned.key) or search(planned, places, progress)
