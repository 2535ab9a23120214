"""A search as a list of stages: what changes from epoch to epoch and from stage to stage."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.hooks import Hook
from mmengine.runner import Runner

from backbones.files import write_text
from search.bilevel import Bilevel
from search.derive import Architecture, derive
from search.settings import SearchSettings, Stage
from search.space import SearchSpace
from search.supernet import SuperNet


def skip_dropout_rate(stage: Stage, epoch: int, decay: float) -> float:
    """The rate of dropout behind skip connections in an epoch (from 0 on).

    P-DARTS 4.3.2 and 5.1.1: it decays within a stage, "exponentially", so that the path through skip connections is
    blocked at first and open later. While α is frozen it falls linearly, towards 0 at the stage's end; when α begins to
    move it starts again at the initial rate and is multiplied by exp(-decay) each epoch.
    """
    if epoch < stage.frozen_epochs:
        return stage.skip_dropout * (stage.epochs - epoch - 1) / stage.epochs
    return stage.skip_dropout * math.exp(-decay * (epoch - stage.frozen_epochs))


class StageHook(Hook):
    """Set what depends on the epoch, and log α's entropy and the current genotype at its end."""

    def __init__(self, stage: Stage, settings: SearchSettings, log: Path) -> None:
        self.stage = stage
        self.settings = settings
        self.log = log

    def before_train_epoch(self, runner: Runner) -> None:
        model = bilevel_of(runner)
        model.train_architecture = runner.epoch >= self.stage.frozen_epochs
        model.supernet.set_skip_dropout(skip_dropout_rate(self.stage, runner.epoch, self.settings.skip_dropout_decay))

    def after_train_epoch(self, runner: Runner) -> None:
        supernet = bilevel_of(runner).supernet
        architecture = architecture_of(supernet, self.settings)
        genotype = derive(architecture)
        entry: dict[str, Any] = {
            "epoch": runner.epoch + 1,
            "alpha_entropy_normal": mean_entropy(architecture.alpha_normal),
            "alpha_entropy_reduce": mean_entropy(architecture.alpha_reduce),
            "skip_count": genotype.skip_count,
            "genotype": genotype.to_json(),
        }
        append_epoch(self.log, entry)


def append_epoch(log: Path, entry: dict[str, Any]) -> None:
    """Add an epoch's line to a log; lines of this epoch or later, left by an interrupted run, are replaced."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.is_file() else []
    earlier = [line for line in lines if json.loads(line)["epoch"] < entry["epoch"]]
    write_text(log, "\n".join([*earlier, json.dumps(entry)]) + "\n")


def bilevel_of(runner: Runner) -> Bilevel:
    model = runner.model.module if hasattr(runner.model, "module") else runner.model
    assert isinstance(model, Bilevel)
    return model


def architecture_of(supernet: SuperNet, settings: SearchSettings) -> Architecture:
    """What a supernet has learned, with the rule by which it becomes a genotype."""
    values = {
        name: value.detach().cpu().double().tolist() for name, value in supernet.architecture_parameters().items()
    }
    return Architecture(
        **values,
        operations_normal=[list(row) for row in supernet.space.normal],
        operations_reduce=[list(row) for row in supernet.space.reduce],
        nodes=settings.nodes,
        rule=settings.rule,
        max_skips=settings.max_skips,
    )


def next_space(space: SearchSpace, architecture: Architecture | None, stages: list[Stage], place: int) -> SearchSpace:
    """The space of a stage: what the stage before has left, pruned to `keep` candidates an edge.

    The last stage of several never keeps `none` (P-DARTS: the final cell's edges are chosen among real operations);
    `SearchSettings` sees to it that its `keep` leaves room for that.
    """
    keep = stages[place].keep
    if architecture is None or keep is None:
        return space
    alpha_normal, alpha_reduce = (np.array(rows) for rows in (architecture.alpha_normal, architecture.alpha_reduce))
    return space.pruned(keep, alpha_normal, alpha_reduce, last=place == len(stages) - 1)


def mean_entropy(alpha: list[list[float]]) -> float:
    """Mean over the edges of the entropy of softmax(α), in nats."""
    values = np.array(alpha)
    weights = np.exp(values - values.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    # A weight that has underflown to 0 adds nothing.
    logarithms = np.log(weights, out=np.zeros_like(weights), where=weights > 0)
    return float(-(weights * logarithms).sum(axis=1).mean())
