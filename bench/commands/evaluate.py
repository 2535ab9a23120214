"""train and score architectures under protocols, and print tables"""

from __future__ import annotations

import argparse
from pathlib import Path

from bench import api
from bench.commands.options import add_config_options, add_data, add_launcher, add_places, is_first, notice, places_of
from bench.console.arguments import positive, whole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "arch",
        nargs="+",
        metavar="ARCH",
        help="a zoo name, a genotype file or literal, a finished search's folder, random:SEED or timm:NAME",
    )
    parser.add_argument("--on", nargs="+", required=True, metavar="PROTOCOL", help="such as classification/digits")
    parser.add_argument("--seeds", type=whole, nargs="+", default=[0], metavar="N")
    parser.add_argument(
        "--weights",
        metavar="NAME|FILE",
        help="initial weights: a name of `wildnas weights list`, timm, record:NAME of a run, or a file",
    )
    parser.add_argument("--eval-only", action="store_true", help="score the weights without training")
    parser.add_argument(
        "--print-config", action="store_true", help="print the resolved config (detection: for MMDetection's tools)"
    )
    parser.add_argument(
        "--test-dev",
        type=Path,
        metavar="DIR",
        help="detection: folder for COCO's submission file for test-dev",
    )
    parser.add_argument("--limit", type=positive, metavar="N", help="use N images of each part; marked as reduced")
    add_launcher(parser, "one run")
    add_data(parser)
    add_config_options(parser)
    add_places(parser)


def run(arguments: argparse.Namespace) -> int:
    what = {
        "weights": arguments.weights,
        "options": arguments.cfg_options,
        "limit": arguments.limit,
        "evaluate_only": arguments.eval_only,
        "test_dev": arguments.test_dev,
        "seeds": arguments.seeds,
        "launcher": arguments.launcher,
        "data": arguments.data,
        "notice": notice,
    }
    if arguments.print_config:
        for text in api.resolved_configs(arguments.arch, arguments.on, **what):
            print(text)
        return 0
    places = places_of(arguments)
    records = api.evaluate(arguments.arch, arguments.on, **what, **places, progress=api.Progress)
    if is_first(arguments):
        for text in (*api.tables_of(records), *api.chosen(records), *api.hole_lines(records)):
            print(text)
    return 0
