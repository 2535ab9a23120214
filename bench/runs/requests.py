"""Turn names into evaluations: find and check architectures, protocols and options."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from backbones.design import TimmModel
from backbones.errors import InputError
from backbones.genotype import Genotype
from bench.runs.run import Evaluation
from bench.runs.starting import StartingWeights, confirm_file, find_weights, is_file_name
from bench.tasks.architectures import resolve
from bench.tasks.contract import given
from bench.tasks.metrics import EVALUATED
from bench.tasks.registry import Notice, load_protocol, with_own_data


def evaluations(
    architectures: Sequence[str | Genotype | TimmModel],
    protocols: Sequence[str],
    seeds: Sequence[int] = (0,),
    weights: Path | str | None = None,
    options: Sequence[str] = (),
    limit: int | None = None,
    evaluate_only: bool = False,
    test_dev: str | Path | None = None,
    launcher: str = "none",
    data: Path | None = None,
    work: Path = Path("work"),
    notice: Notice = warnings.warn,
    results: Path = Path("results"),
) -> list[Evaluation]:
    """List every architecture under every protocol with every seed. See `bench.api.evaluate` for the arguments.

    Raises:
        InputError: an unknown name, or arguments that exclude each other or that a task does not support.
    """
    options = [*options, *([f"limit={limit}"] if limit else [])]
    loaded = [
        load_protocol(name, with_own_data(name, options, data, work, notice), EVALUATED)
        for name in dict.fromkeys(protocols)
    ]
    if weights is not None and is_file_name(str(weights)):
        confirm_file(str(weights))
    if weights is not None and len(set(architectures)) > 1:
        raise InputError("weights: belong to one architecture; give one")
    if evaluate_only and weights is None:
        raise InputError("evaluate only: weights are missing; expected the file of the weights to score")
    if evaluate_only and list(seeds) != [0]:
        raise InputError("evaluate only: a seed does not change the score of given weights; leave seeds out")
    for task, _ in loaded:
        if test_dev is not None and task.name != "detection":
            raise InputError(f"test-dev: needs a detection protocol, not one of {task.name}")
        if weights is not None and not task.takes_weights:
            raise InputError(f"weights: {task.name} scores networks at initialisation; leave them out")
        if evaluate_only and not task.scores_weights:
            raise InputError(f"evaluate only: {task.name} cannot score weights without training")
        if launcher != "none" and not task.distributed:
            raise InputError(f"launcher {launcher}: {task.name} runs in one process only; leave it out")
    known = [resolve(architecture) for architecture in dict.fromkeys(architectures)]
    start = StartingWeights() if weights is None else find_weights(str(weights), known[0].design, results)
    if weights is not None:
        known = [start.named(known[0], evaluate_only)]
    return [
        Evaluation(
            task,
            start.fed(task, protocol),
            architecture,
            seed,
            start.record,
            start.file,
            evaluate_only,
            start.card,
            start.remark(protocol.name, task.normalisation(protocol.config)),
        )
        for task, protocol in loaded
        for architecture in known
        for seed in dict.fromkeys(seeds)
    ]


def search_of(
    protocol: str,
    seed: int = 0,
    options: Sequence[str] = (),
    data: Path | None = None,
    work: Path = Path("work"),
    notice: Notice = warnings.warn,
) -> Evaluation:
    """Turn a search protocol and a seed into an evaluation without an architecture.

    Raises:
        InputError: no such search protocol, or unknown options.
    """
    options = with_own_data(protocol, options, data, work, notice)
    return Evaluation(*load_protocol(protocol, options, ("search",)), None, seed)


def resolved_configs(
    architectures: Sequence[str | Genotype | TimmModel], protocols: Sequence[str], **others: Any
) -> Iterator[str]:
    """Resolved config of every protocol with every architecture, as text. See `evaluations` for the arguments."""
    for evaluation in evaluations(architectures, protocols, **others):
        yield evaluation.task.config_text(evaluation.protocol, given(evaluation.architecture))
