"""Options and output that the kinds of `wildnas speed` share; `--kernels` counts operations instead."""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from bench import api
from bench.commands.options import add_config_options
from bench.console.arguments import positive

COUNTS = ("kernels", "views", "host_copies", "reads")


def add_measuring(parser: argparse.ArgumentParser, plain: str) -> None:
    """Add the options that `wildnas speed` has for searches and for tasks; `plain` is the help of `--plain`."""
    parser.add_argument("--repetitions", type=positive, default=5, metavar="N", help="after a warm-up (default: 5)")
    parser.add_argument("--plain", action="store_true", help=plain)
    kernels = "count the operations that a GPU would get; measure no time"
    parser.add_argument("--kernels", action="store_true", help=kernels)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_config_options(parser)


def search_kernels(arguments: argparse.Namespace) -> int:
    """Print the counts of each stage's steps."""
    found = api.count_search(arguments.config, arguments.cfg_options, arguments.stage, arguments.plain)
    return _print({"protocol": arguments.config}, found, ("stage", "supernet", "step"), arguments.json)


def network_kernels(arguments: argparse.Namespace) -> int:
    """Print the counts of each architecture's training pass and inference."""
    found = api.count_networks(arguments.kind, arguments.arch, arguments.on, arguments.cfg_options)
    return _print({}, found, ("architecture", "protocol", "step"), arguments.json)


def _print(head: dict[str, Any], rows: Sequence[dict[str, Any]], names: Sequence[str], as_json: bool) -> int:
    if as_json:
        print(json.dumps({**head, "counts": list(rows)}))
    else:
        print("operations of PyTorch, counted; no time is measured")
        shown = [{name.replace("_", " "): row[name] for name in (*names, *COUNTS)} for row in rows]
        print(table(shown, aligned=True))
    return 0


def table(rows: Sequence[Mapping[str, Any]], aligned: bool = False) -> str:
    """Format rows, whose keys are the headings; `aligned` puts numbers to the right."""
    from tabulate import tabulate

    return tabulate(rows, headers="keys", tablefmt="github", disable_numparse=not aligned)


def conditions(device: str, batch_size: int, precision: str, repetitions: int) -> str:
    """The line above a table of medians."""
    return f"{device}; batch {batch_size}; {precision}; median (least to most) of {repetitions} after a warm-up"


def spread(values: Sequence[float], digits: int) -> str:
    """Median with the least and the most; empty without values."""
    if not values:
        return ""
    median, least, most = (f"{value:.{digits}f}" for value in (statistics.median(values), min(values), max(values)))
    return f"{median} ({least} to {most})"
