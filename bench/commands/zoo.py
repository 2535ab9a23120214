"""list published genotypes, or show an architecture"""

from __future__ import annotations

import argparse
import json
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("list", help="all published genotypes")
    show = verbs.add_parser("show", help="an architecture with its numbers and cost")
    show.add_argument("arch", metavar="ARCH")
    show.add_argument("--json", action="store_true", help="as one JSON object")


def run(arguments: argparse.Namespace) -> int:
    if arguments.verb == "list":
        from backbones import zoo

        width = max(len(name) for name in zoo.names())
        for name in zoo.names():
            print(f"{name:<{width}}  {zoo.get(name).citation}")
        return 0
    content = describe(arguments.arch)
    if arguments.json:
        print(json.dumps(content))
        return 0
    print(f"{content['name']}  ({content['digest'][:12]})")
    if content["citation"]:
        print(content["citation"])
    for cell in ("normal", "reduce"):
        edges = "  ".join(f"{operation}({source})" for operation, source in content["genotype"][cell])
        print(f"{cell + ':':<8} {edges}")
    for network, cost in content["cost"].items():
        print(
            f"{network:<14} {cost['params'] / 1e6:6.2f} M parameters  {cost['macs'] / 1e6:7.1f} M multiply-adds"
            f"  {cost['published_macs'] / 1e6:7.1f} M as the papers count"
        )
    for row in content["published"]:
        numbers = "  ".join(f"{key}={value}" for key, value in row.items() if key not in ("paper", "where"))
        print(f"published in {row['paper']}, {row['where']}: {numbers}")
    return 0


def describe(arch: str) -> dict[str, Any]:
    """An architecture with digest, citation, published numbers and the cost of the papers' networks."""
    import torch

    from backbones import zoo
    from backbones.cost import measure
    from backbones.networks import CifarNetwork, ImageNetNetwork
    from bench.architectures import resolve

    architecture = resolve(arch)
    genotype = architecture.genotype
    entry = zoo.get(architecture.name) if architecture.method == "published" else None
    with torch.device("meta"):
        cost = {
            "cifar10": measure(CifarNetwork(genotype, auxiliary=False), (3, 32, 32)),
            "cifar10_large": measure(CifarNetwork(genotype, channels=64, auxiliary=False), (3, 32, 32)),
            "imagenet": measure(ImageNetNetwork(genotype, auxiliary=False), (3, 224, 224)),
        }
    return {
        "name": architecture.name,
        "genotype": genotype.to_json(),
        "digest": genotype.digest,
        "citation": entry.citation if entry else "",
        "published": list(entry.published) if entry else [],
        "cost": {network: value.to_json() for network, value in cost.items()},
    }
