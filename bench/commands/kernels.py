"""`--kernels` of `wildnas speed`: what is issued, counted instead of timed."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

COUNTS = ("kernels", "views", "host_copies", "reads")


def add_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--kernels", action="store_true", help="count what a GPU would be given, on any machine; measure nothing"
    )


def search(arguments: argparse.Namespace) -> int:
    """Count the steps of each stage."""
    from backbones.errors import InputError
    from bench.searches.kernels import count_stage
    from bench.searches.task import load_search

    settings = load_search(arguments.config, arguments.cfg_options).settings
    count = len(settings.stages)
    if arguments.stage is not None and arguments.stage > count:
        raise InputError(f"--stage {arguments.stage}: {arguments.config} has {count} stage{'s' * (count > 1)}")
    places = range(count) if arguments.stage is None else [arguments.stage - 1]
    found = [
        each.to_json()
        for place in places
        for plain in ([False, True] if arguments.plain else [False])
        for each in count_stage(settings, place, plain)
    ]
    _print({"protocol": arguments.config}, found, ("stage", "supernet", "step"), arguments.json)
    return 0


def classification(arguments: argparse.Namespace) -> int:
    """Count each architecture's training pass and inference."""
    from backbones.errors import InputError
    from bench.classification.kernels import count_kernels
    from bench.classification.settings import ClassificationSettings
    from bench.tasks.architectures import resolve
    from bench.tasks.registry import load_protocol
    from search.configs import parse

    if arguments.kind != "classification":
        raise InputError(f"--kernels: of classification and search, not of {arguments.kind}")
    if len(arguments.on) not in (1, len(arguments.arch)):
        raise InputError(f"--on: {len(arguments.on)} protocols for {len(arguments.arch)} ARCH; give one, or one each")
    found = []
    names = arguments.on * (len(arguments.arch) // len(arguments.on))
    for arch, name in zip(arguments.arch, names, strict=True):
        task, protocol = load_protocol(name, arguments.cfg_options)
        if task.name != "classification":
            raise InputError(f"--on {name}: is a protocol of {task.name}, not of classification")
        settings = parse(ClassificationSettings, protocol.config, name)
        architecture = resolve(arch)
        for step, counts in count_kernels(settings, architecture).items():
            found.append({"architecture": architecture.name, "protocol": protocol.name, "step": step, **counts})
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
