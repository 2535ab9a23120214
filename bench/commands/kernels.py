"""`--kernels` of `wildnas speed`: count operations instead of timing them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

from bench import api
from bench.commands.options import add_config_options
from bench.console.arguments import positive

COUNTS = ("kernels", "views", "host_copies", "reads")


def add_measuring(parser: argparse.ArgumentParser, plain: str) -> None:
    """Add the options that `wildnas speed` has for searches and for tasks; `plain` is the help of `--plain`."""
    parser.add_argument("--repetitions", type=positive, default=5, metavar="N", help="after a warm-up (default: 5)")
    parser.add_argument("--plain", action="store_true", help=plain)
    parser.add_argument(
        "--kernels",
        action="store_true",
        help="count the operations that a GPU would get; measure no time",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_config_options(parser)


def search(arguments: argparse.Namespace) -> int:
    """Print the counts of each stage's steps."""
    found = api.count_search(arguments.config, arguments.cfg_options, arguments.stage, arguments.plain)
    _print({"protocol": arguments.config}, found, ("stage", "supernet", "step"), arguments.json)
    return 0


def networks(arguments: argparse.Namespace) -> int:
    """Print the counts of each architecture's training pass and inference."""
    found = api.count_networks(arguments.kind, arguments.arch, arguments.on, arguments.cfg_options)
    _print({}, found, ("architecture", "protocol", "step"), arguments.json)
    return 0


def _print(head: dict[str, Any], rows: Sequence[dict[str, Any]], names: Sequence[str], as_json: bool) -> None:
    from tabulate import tabulate

    if as_json:
        print(json.dumps({**head, "counts": list(rows)}))
        return
    columns = (*names, *COUNTS)
    headers = [name.replace("_", " ") for name in columns]
    print("operations of PyTorch, counted; no time is measured")
    print(tabulate([[row[name] for name in columns] for row in rows], headers, tablefmt="github"))
