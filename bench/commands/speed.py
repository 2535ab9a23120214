"""measure speed and memory on this machine: search steps, training and inference, ranking"""

from __future__ import annotations

import argparse

from bench import api
from bench.commands import speed_reid, speed_search, speed_task


def add_arguments(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    search = kinds.add_parser("search", help="seconds and memory of a search's steps, on synthetic images")
    speed_search.add_arguments(search)
    search.set_defaults(measure=speed_search.run)
    for task in api.EVALUATED:
        kind = kinds.add_parser(task, help=f"images per second and memory of a {task} protocol, on synthetic images")
        module = speed_reid if task == "reid" else speed_task
        module.add_arguments(kind)
        kind.set_defaults(measure=module.run)
    metrics = kinds.add_parser("coco-metrics", help="COCO's metrics of 5,000 images' predictions, against pycocotools")
    metrics.set_defaults(measure=_coco_metrics)


def run(arguments: argparse.Namespace) -> int:
    code: int = arguments.measure(arguments)
    return code


def _coco_metrics(arguments: argparse.Namespace) -> int:
    print(api.measure_evaluation())
    return 0
