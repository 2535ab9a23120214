"""`wildnas speed search`: time and memory of a search's steps."""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
from typing import TYPE_CHECKING

from bench import api
from bench.commands import kernels
from bench.console.arguments import positive

if TYPE_CHECKING:
    from bench.searches.speed import StageSpeed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", metavar="CONFIG", help="a search protocol or a config file")
    parser.add_argument("--batch-size", type=positive, metavar="N", help="default: the protocol's")
    parser.add_argument("--stage", type=positive, metavar="K", help="number of one stage, from 1 on (default: all)")
    kernels.add_measuring(parser, plain="measure the supernet with one module for each operation as well")


def run(arguments: argparse.Namespace) -> int:
    if arguments.kernels:
        return kernels.search(arguments)
    speeds = api.measure_stages(
        arguments.config,
        arguments.cfg_options,
        arguments.stage,
        arguments.batch_size,
        arguments.repetitions,
        arguments.plain,
        lambda text: print(text, file=sys.stderr),
    )
    if arguments.json:
        print(json.dumps({"protocol": arguments.config, "stages": [speed.to_json() for speed in speeds]}))
    else:
        print("\n".join(report(speeds)))
    return 0


def report(speeds: list[StageSpeed]) -> list[str]:
    """Format the measurements as a table of medians, with the ratio to the plain supernet if measured."""
    from tabulate import tabulate

    headers = [
        "stage",
        "supernet",
        "cells, C, candidates",
        "forward + backward (s)",
        "weight step (s)",
        "architecture step (s)",
        "images/s",
        "peak memory (MB)",
    ]
    rows = [
        [
            speed.stage,
            speed.supernet,
            f"{speed.layers}, {speed.channels}, {speed.candidates}",
            _spread(speed.forward_backward),
            _spread(speed.weight_step),
            _spread(speed.architecture_step),
            f"{speed.images_per_second:.0f}",
            f"{speed.peak_memory / 1e6:.0f}",
        ]
        for speed in speeds
    ]
    first = speeds[0]
    lines = [
        f"{first.device}; batch {first.batch_size}; {first.precision}; median (least to most) of "
        f"{len(first.forward_backward)} after a warm-up",
        tabulate(rows, headers, tablefmt="github", disable_numparse=True),
    ]
    for fast, plain in itertools.pairwise(speeds):
        if (fast.stage, plain.supernet) == (plain.stage, "plain"):
            ratio = statistics.median(plain.forward_backward) / statistics.median(fast.forward_backward)
            memory = fast.peak_memory / plain.peak_memory
            lines.append(f"stage {fast.stage}: {ratio:.2f} times as fast as plain, {memory:.2f} of its memory")
    return lines


def _spread(seconds: list[float]) -> str:
    if not seconds:
        return ""
    return f"{statistics.median(seconds):.3f} ({min(seconds):.3f} to {max(seconds):.3f})"
