"""train and score architectures under protocols, and print the tables"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bench.commands.options import add_config_options, add_places, places_of
from bench.console.arguments import positive, whole

if TYPE_CHECKING:
    from bench.console.progress import Progress
    from bench.records.record import Record
    from bench.runs.run import Evaluation, Places, Planned
    from bench.tasks.contract import Task


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "arch",
        nargs="+",
        metavar="ARCH",
        help="a zoo name, a genotype file or literal, a finished search's folder, random:SEED or timm:NAME",
    )
    parser.add_argument("--on", nargs="+", required=True, metavar="PROTOCOL", help="such as classification/digits")
    parser.add_argument("--seeds", type=whole, nargs="+", default=[0], metavar="N")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="weights that the network or backbone starts from")
    parser.add_argument("--eval-only", action="store_true", help="score the weights as they are, without training")
    parser.add_argument(
        "--print-config", action="store_true", help="print the resolved config, of detection for MMDetection's tools"
    )
    parser.add_argument(
        "--test-dev", type=Path, metavar="DIR", help="detection: also write COCO's submission file for test-dev there"
    )
    parser.add_argument("--limit", type=positive, metavar="N", help="so many images of each part; marked as reduced")
    parser.add_argument(
        "--launcher",
        choices=["none", "pytorch"],
        default="none",
        help="pytorch: one run over several processes, which torchrun has started (one a GPU)",
    )
    add_config_options(parser)
    add_places(parser)


def run(arguments: argparse.Namespace) -> int:
    evaluations = _evaluations(arguments)
    if arguments.print_config:
        for evaluation in evaluations:
            print(evaluation.task.config_text(evaluation.protocol, evaluation.architecture))
        return 0
    # Torch is imported when protocols and architectures are known to be some.
    from search.training.parallel import process_group

    with process_group(arguments.launcher):
        return _evaluate(arguments, evaluations)


def _evaluations(arguments: argparse.Namespace) -> list[Evaluation]:
    from bench.runs.run import Evaluation
    from bench.tasks.architectures import resolve
    from bench.tasks.registry import load_protocol

    options = [*arguments.cfg_options, *([f"limit={arguments.limit}"] if arguments.limit else [])]
    protocols = [load_protocol(name, options) for name in dict.fromkeys(arguments.on)]
    _confirm(arguments, [task for task, _ in protocols])
    architectures = [resolve(arch) for arch in dict.fromkeys(arguments.arch)]
    if arguments.eval_only:
        architectures = [architectures[0].with_weights(arguments.weights)]
    return [
        Evaluation(*protocol, architecture, seed, None, arguments.weights, arguments.eval_only)
        for protocol in protocols
        for architecture in architectures
        for seed in dict.fromkeys(arguments.seeds)
    ]


def _confirm(arguments: argparse.Namespace, tasks: list[Task]) -> None:
    """Refuse options that do not go together, or that a task does not know.

    Raises:
        InputError: names the option.
    """
    from backbones.errors import InputError

    if arguments.weights is not None and not arguments.weights.is_file():
        raise InputError(f"--weights {arguments.weights}: no such file")
    if arguments.weights is not None:
        from bench.records.digests import confirm_recorded

        confirm_recorded(arguments.weights, arguments.results)
    if arguments.weights is not None and len(set(arguments.arch)) > 1:
        raise InputError("--weights: are of one architecture; give one ARCH")
    if arguments.eval_only and arguments.weights is None:
        raise InputError("--eval-only: --weights FILE is missing, which is what is to be scored")
    if arguments.eval_only and arguments.seeds != [0]:
        raise InputError("--eval-only: no seed changes what given weights come to; leave --seeds out")
    for task in tasks:
        if arguments.test_dev is not None and task.name != "detection":
            raise InputError(f"--test-dev: is for detection protocols, not for {task.name}")
        if arguments.eval_only and not task.scores_weights:
            raise InputError(f"--eval-only: {task.name} cannot score weights without training")
        if arguments.launcher != "none" and not task.distributed:
            raise InputError(f"--launcher {arguments.launcher}: {task.name} runs in one process only")


def _evaluate(arguments: argparse.Namespace, evaluations: list[Evaluation]) -> int:
    from bench.console.progress import Progress
    from bench.runs.run import join, plan
    from bench.tables import build_table, render
    from bench.tasks.metrics import METRICS, TITLES
    from search.training.parallel import is_main, main_first

    places = places_of(arguments)
    planned: list[Planned] = []
    with main_first():
        planned = [plan(evaluation, places) for evaluation in evaluations]
    if not is_main():
        for item in planned:
            if item.record is None:
                join(item, places, arguments.weights)
        return 0
    progress = Progress([f"{e.protocol.name} · {e.architecture.name} · seed {e.seed}" for e in evaluations])
    records = []
    for place, item in enumerate(planned):
        with progress.stage(place, item.record is not None) as stage:
            records.append(item.record or _alone(item, places, arguments.weights, progress))
            stage.note = "done before" if item.record else "done"
    for task in dict.fromkeys(record.task for record in records):
        rows = [record for record in records if record.task == task]
        print(render(build_table(TITLES[task], rows, METRICS[task]), "markdown"))
    for line in chosen(records):
        print(line)
    if arguments.test_dev is not None:
        _export(evaluations, records, places, arguments.test_dev)
    return 0


def _alone(item: Planned, places: Places, weights: Path | None, progress: Progress) -> Record:
    """Run one, unless another process has done so since it was planned."""
    from bench.runs.locks import alone
    from bench.runs.run import evaluate

    name = item.evaluation.name
    with alone(places.results, name):
        return places.store.find_run(name, item.key) or evaluate(item, places, weights, progress)


def _export(evaluations: list[Evaluation], records: list[Record], places: Places, folder: Path) -> None:
    """Write the submission files of trained detectors.

    Raises:
        InputError: a run's checkpoint is gone, or test-dev's images cannot be used.
    """
    from backbones.errors import InputError
    from bench.console.progress import Progress
    from bench.detection.test_dev import export_test_dev
    from bench.runs.run import checkpoint_of

    progress = Progress([f"test-dev · {record.name}" for record in records])
    for place, (evaluation, record) in enumerate(zip(evaluations, records, strict=True)):
        checkpoint = checkpoint_of(record, places)
        if checkpoint is None:
            raise InputError(f"{record.name}: its checkpoint is gone from {places.work}, and --test-dev needs it")
        with progress.stage(place) as stage:
            out = folder / f"seed{record.seed}"
            stage.note = str(export_test_dev(evaluation.protocol, evaluation.architecture, checkpoint, out, progress))


def chosen(records: list[Record]) -> list[str]:
    """For each protocol that holds images out to choose by, which of several runs is chosen: a line each."""
    lines = []
    for protocol in dict.fromkeys(record.protocol for record in records):
        runs = [record for record in records if record.protocol == protocol and "validation_error" in record.metrics]
        if len(runs) > 1:
            best = min(runs, key=lambda record: record.metrics["validation_error"].value)
            validation, test = (best.metrics[key].value for key in ("validation_error", "top1_error"))
            lines.append(
                f"{protocol}: {best.architecture.name}, seed {best.seed}, has the least validation error "
                f"({validation:.2f} %) of {len(runs)} runs; its test error is {test:.2f} %"
            )
    return lines
