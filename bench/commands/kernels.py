"""`--kernels` of `wildnas speed`: what is issued, counted instead of timed."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

from bench import api

COUNTS = ("kernels", "views", "host_copies", "reads")


def add_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--kernels", action="store_true", help="count what a GPU would be given, on any machine; measure nothing"
    )


def search(arguments: argparse.Namespace) -> int:
    """Count the steps of each stage."""
    found = api.count_search(arguments.config, arguments.cfg_options, arguments.stage, arguments.plain)
    _print({"protocol": arguments.config}, found, ("stage", "supernet", "step"), arguments.json)
    return 0


def networks(arguments: argparse.Namespace) -> int:
    """Count each architecture's training pass and inference."""
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
