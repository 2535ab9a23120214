"""`wildnas speed reid`: time the ranking, or, with ARCH, training and inference as for every task."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from bench import api
from bench.commands import speed_task
from bench.console.arguments import positive, whole

if TYPE_CHECKING:
    from bench.reid.ranking_speed import RankingSpeed

#: Test sets whose sizes are timed.
SIZES = ("market1501", "msmt17")


#: Options that measure an architecture.
_OF_ARCH = ("runtimes", "kernels", "plain", "batch_size", "cfg_options")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    speed_task.add_arguments(parser, required=False)
    ranking = parser.add_argument_group("without ARCH: time the ranking of random features, and torchreid's")
    ranking.add_argument("--size", nargs="+", choices=SIZES, default=list(SIZES), help="test sets to simulate")
    ranking.add_argument("--dimensions", type=positive, default=768, metavar="D", help="feature size (default: 768)")
    ranking.add_argument(
        "--reference-queries",
        type=whole,
        default=200,
        metavar="N",
        help="queries that torchreid ranks, its time scaled to all; 0 leaves torchreid out (default: 200)",
    )


def run(arguments: argparse.Namespace) -> int:
    if arguments.arch and arguments.on:
        return speed_task.run(arguments)
    if arguments.arch or arguments.on or arguments.record:
        raise api.InputError("speed reid: expected ARCH and --on PROTOCOL, or neither to time the ranking")
    given = [name for name in _OF_ARCH if getattr(arguments, name)]
    if given:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise api.InputError(f"speed reid: {options}: without meaning for the ranking; give ARCH and --on PROTOCOL")
    measured = []
    for each in api.measure_rankings(arguments.size, arguments.dimensions, arguments.reference_queries):
        measured.append(each)
        if not arguments.json:
            print("\n".join(report(each)), flush=True)
    if arguments.json:
        print(json.dumps({"rankings": [each.to_json() for each in measured]}))
    return 0


def report(measured: RankingSpeed) -> list[str]:
    """Format a measurement."""
    size = measured.size
    whole = measured.distances + measured.ranking
    lines = [
        f"{size.name}: {size.queries:,} queries, {size.gallery:,} gallery images, {measured.dimensions} dimensions; "
        f"{measured.device}",
        f"  {whole:.2f} s: distances {measured.distances:.2f} s, ranking {measured.ranking:.2f} s; "
        f"peak memory {measured.peak_memory / 1e9:.2f} GB",
    ]
    for name, seconds in measured.references.items():
        scaled = measured.scaled(name)
        lines.append(
            f"  torchreid's {name} ranking of the same distances: {scaled:.1f} s (scaled from {seconds:.2f} s for "
            f"{measured.reference_queries:,} queries): {scaled / measured.ranking:.1f} times as long; with the "
            f"distances {(measured.distances + scaled) / whole:.1f} times as long"
        )
    if measured.references and "cython" not in measured.references:
        lines.append("  torchreid's Cython ranking is not built on this machine")
    return lines
