"""train and score an architecture under protocols, and print the tables"""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.commands.options import add_config_options, add_places, places_of, whole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "arch",
        metavar="ARCH",
        help="a zoo name, a genotype file or literal, a finished search's folder, random:SEED or timm:NAME",
    )
    parser.add_argument("--on", nargs="+", required=True, metavar="PROTOCOL", help="such as classification/digits")
    parser.add_argument("--seeds", type=whole, nargs="+", default=[0], metavar="N")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="weights that the network or backbone starts from")
    add_config_options(parser)
    add_places(parser)


def run(arguments: argparse.Namespace) -> int:
    from backbones.errors import InputError
    from bench.architectures import resolve
    from bench.jobs import Evaluation, evaluate, plan
    from bench.metrics import METRICS, TITLES
    from bench.progress import Progress
    from bench.tables import build_table, render
    from bench.tasks import load_protocol

    architecture = resolve(arguments.arch)
    if arguments.weights is not None and not arguments.weights.is_file():
        raise InputError(f"--weights {arguments.weights}: no such file")
    places = places_of(arguments)
    evaluations = [
        Evaluation(*protocol, architecture, seed, weights_file=arguments.weights)
        for protocol in [load_protocol(name, arguments.cfg_options) for name in dict.fromkeys(arguments.on)]
        for seed in dict.fromkeys(arguments.seeds)
    ]
    planned = [plan(evaluation, places) for evaluation in evaluations]
    progress = Progress([f"{e.protocol.name} · {architecture.name} · seed {e.seed}" for e in evaluations])
    records = []
    for place, item in enumerate(planned):
        with progress.stage(place, item.record is not None) as stage:
            records.append(item.record or evaluate(item, places, arguments.weights, progress))
            stage.note = "done before" if item.record else "done"
    for task in dict.fromkeys(record.task for record in records):
        rows = [record for record in records if record.task == task]
        print(render(build_table(TITLES[task], rows, METRICS[task]), "markdown"))
    return 0
