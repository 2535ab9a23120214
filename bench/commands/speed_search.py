"""`wildnas speed search`: time and memory of a search's steps."""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
from typing import TYPE_CHECKING

from bench import api
from bench.commands.measuring import add_measuring, conditions, search_kernels, spread, table
from bench.console.arguments import positive

if TYPE_CHECKING:
    from bench.searches.speed import StageSpeed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", metavar="CONFIG", help="a search protocol or a config file")
    parser.add_argument("--batch-size", type=positive, metavar="N", help="default: the protocol's")
    parser.add_argument("--stage", type=positive, metavar="K", help="number of one stage, from 1 on (default: all)")
    add_measuring(parser, plain="measure the supernet with one module for each operation as well")


def run(arguments: argparse.Namespace) -> int:
    if arguments.kernels:
        return search_kernels(arguments)
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
    rows = [
        {
            "stage": speed.stage,
            "supernet": speed.supernet,
            "cells, C, candidates": f"{speed.layers}, {speed.channels}, {speed.candidates}",
            "forward + backward (s)": spread(speed.forward_backward, 3),
            "weight step (s)": spread(speed.weight_step, 3),
            "architecture step (s)": spread(speed.architecture_step, 3),
            "images/s": f"{speed.images_per_second:.0f}",
            "peak memory (MB)": f"{speed.peak_memory / 1e6:.0f}",
        }
        for speed in speeds
    ]
    first = speeds[0]
    lines = [conditions(first.device, first.batch_size, first.precision, len(first.forward_backward)), table(rows)]
    for fast, plain in itertools.pairwise(speeds):
        if (fast.stage, plain.supernet) == (plain.stage, "plain"):
            ratio = statistics.median(plain.forward_backward) / statistics.median(fast.forward_backward)
            memory = fast.peak_memory / plain.peak_memory
            lines.append(f"stage {fast.stage}: {ratio:.2f} times as fast as plain, {memory:.2f} of its memory")
    return lines
