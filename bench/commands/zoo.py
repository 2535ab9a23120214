"""list genotypes, show or draw an architecture"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import api


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("list", help="list the published genotypes and those of your own zoo/")
    show = verbs.add_parser("show", help="show an architecture with its numbers and cost")
    draw = verbs.add_parser("draw", help="draw the cells of an architecture")
    for verb in (show, draw):
        verb.add_argument("arch", metavar="ARCH", help="as for `wildnas evaluate`")
    show.add_argument("--json", action="store_true", help="print one JSON object")
    draw.add_argument("--out", type=Path, required=True, metavar="FILE", help="a .svg or .png file")
    draw.add_argument("--cell", choices=("normal", "reduce"), help="one cell instead of both")


def run(arguments: argparse.Namespace) -> int:
    if arguments.verb == "list":
        entries = api.zoo_entries()
        width = max(len(name) for name in entries)
        for name, said in entries.items():
            print(f"{name:<{width}}  {said}")
        for problem in api.zoo_left_out():
            print(f"wildnas: left out: {problem}", file=sys.stderr)
    elif arguments.verb == "draw":
        print(api.draw_architecture(arguments.arch, arguments.out, arguments.cell))
    else:
        content = api.describe_architecture(arguments.arch)
        print(json.dumps(content) if arguments.json else "\n".join(_lines(content)))
    return 0


def _lines(content: dict[str, Any]) -> Iterator[str]:
    """Format the description."""
    yield f"{content['name']}  ({content['digest'][:12]})"
    yield from (content[key] for key in ("citation", "note") if content[key])
    for cell, depth in (content["depth"] or {}).items():
        edges = content["genotype"][cell]
        yield ""
        longest = f"longest way {depth['longest_path']} operations"
        yield f"{cell} cell: {len(edges) // 2} nodes, {depth['skips']} skips, {longest}"
        for index in range(0, len(edges), 2):
            inputs = "  ".join(
                f"{operation:<12} from {_node(source)} (level {level})"
                for (operation, source), level in zip(edges[index:], depth["levels"][index : index + 2], strict=False)
            )
            yield f"  node {index // 2}: {inputs}"
        yield f"  output: nodes {', '.join(str(node - 2) for node in content['genotype'][f'{cell}_concat'])}"
    yield ""
    for network, cost in content["cost"].items():
        yield (
            f"{network:<14} {cost['params'] / 1e6:6.2f} M parameters  {cost['macs'] / 1e6:8.1f} M multiply-adds"
            f"  {cost['published_macs'] / 1e6:8.1f} M as the papers count"
        )
    for row in content["published"]:
        numbers = "  ".join(f"{key}={value}" for key, value in row.items() if key not in ("paper", "where"))
        yield f"published in {row['paper']}, {row['where']}: {numbers}"


def _node(source: int) -> str:
    """Name of a node as in the papers' figures: the inputs c_{k-2} and c_{k-1}, then 0, 1, …"""
    return ("c_{k-2}", "c_{k-1}")[source] if source < 2 else f"node {source - 2} "
