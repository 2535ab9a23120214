"""list published genotypes, show or draw an architecture"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("list", help="all published genotypes, and those of your own zoo/")
    show = verbs.add_parser("show", help="an architecture with its numbers and cost")
    draw = verbs.add_parser("draw", help="the cells of an architecture as a picture")
    for verb in (show, draw):
        verb.add_argument("arch", metavar="ARCH", help="as for `wildnas evaluate`")
    show.add_argument("--json", action="store_true", help="as one JSON object")
    draw.add_argument("--out", type=Path, required=True, metavar="FILE", help="a .svg or .png file")
    draw.add_argument("--cell", choices=("normal", "reduce"), help="one cell instead of both")


def run(arguments: argparse.Namespace) -> int:
    if arguments.verb == "list":
        _list()
    elif arguments.verb == "draw":
        from backbones.drawing.cell import draw
        from bench.tasks.architectures import resolve

        print(draw(resolve(arguments.arch).genotype, arguments.out, arguments.cell))
    else:
        content = describe(arguments.arch)
        print(json.dumps(content) if arguments.json else "\n".join(_lines(content)))
    return 0


def _list() -> None:
    from backbones import zoo
    from backbones.errors import InputError
    from backbones.zoo import own

    mine = {}
    for name, file in own.files().items():
        # What is wrong with the others is said below.
        with contextlib.suppress(InputError):
            own.find(name)
            mine[name] = str(file)
    width = max(len(name) for name in (*zoo.names(), *mine))
    for name, said in {**{name: zoo.get(name).citation for name in zoo.names()}, **mine}.items():
        print(f"{name:<{width}}  {said}")
    for problem in own.left_out():
        print(f"wildnas: left out: {problem}", file=sys.stderr)


def describe(arch: str) -> dict[str, Any]:
    """An architecture with digest, citation, published numbers, depth, and the cost of the papers' networks.

    A model of timm has no genotype and no depth, and one cost, with 1,000 classes at the size that it was made for.
    """
    from backbones import zoo
    from backbones.design import TimmModel
    from bench.tasks.architectures import resolve

    architecture = resolve(arch)
    design = architecture.design
    entry = zoo.get(architecture.name) if architecture.method == "published" else None
    cells = None if isinstance(design, TimmModel) else design
    return {
        "name": architecture.name,
        "genotype": None if cells is None else cells.to_json(),
        "digest": design.digest,
        "source": entry.source if entry else "",
        "citation": entry.citation if entry else "",
        "note": entry.note if entry else "",
        "published": [dict(row) for row in entry.published] if entry else [],
        "depth": None if cells is None else {cell: _depth(cells, cell) for cell in ("normal", "reduce")},
        "cost": {network: cost.to_json() for network, cost in _costs(design)},
    }


def _depth(genotype: Any, cell: str) -> dict[str, Any]:
    levels = genotype.edge_levels(cell)
    return {
        "levels": list(levels),
        "mean_level": sum(levels) / len(levels),
        "longest_path": genotype.longest_path(cell),
        "skips": genotype.operation_counts(cell).get("skip_connect", 0),
    }


def _costs(design: Any) -> Iterator[tuple[str, Any]]:
    import torch

    from backbones.build import build_classifier
    from backbones.cost import measure
    from backbones.design import TimmModel
    from backbones.timm_backbone import input_size

    if isinstance(design, TimmModel):
        with torch.device("meta"):
            network = build_classifier(design, "imagenet", 48, 14, num_classes=1000, auxiliary=False)
        yield "imagenet", measure(network, input_size(design.name))
        return
    networks: list[tuple[str, dict[str, Any], int]] = [
        ("cifar10", {"network": "cifar", "channels": 36, "layers": 20, "num_classes": 10}, 32),
        ("cifar10_large", {"network": "cifar", "channels": 64, "layers": 20, "num_classes": 10}, 32),
        ("imagenet", {"network": "imagenet", "channels": 48, "layers": 14, "num_classes": 1000}, 224),
    ]
    for name, settings, size in networks:
        with torch.device("meta"):
            network = build_classifier(design, auxiliary=False, **settings)
        yield name, measure(network, (3, size, size))


def _lines(content: dict[str, Any]) -> Iterator[str]:
    """The description for eyes."""
    yield f"{content['name']}  ({content['digest'][:12]})"
    yield from (content[key] for key in ("citation", "note") if content[key])
    for cell, depth in (content["depth"] or {}).items():
        edges = content["genotype"][cell]
        yield ""
        longest = f"longest way {depth['longest_path']} operations"
        yield f"{cell} cell: {len(edges) // 2} nodes, {depth['skips']} skips, {longest}"
        for place in range(0, len(edges), 2):
            inputs = "  ".join(
                f"{operation:<12} from {_node(source)} (level {level})"
                for (operation, source), level in zip(edges[place:], depth["levels"][place : place + 2], strict=False)
            )
            yield f"  node {place // 2}: {inputs}"
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
    """A node as the papers' figures name it: the inputs c_{k-2} and c_{k-1}, then 0, 1, …"""
    return ("c_{k-2}", "c_{k-1}")[source] if source < 2 else f"node {source - 2} "
