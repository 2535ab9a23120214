"""The stages of a search: settings that change from epoch to epoch and from stage to stage."""

from __future__ import annotations

import math
from typing import Any, TypeVar

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

from search.derive import Architecture
from search.loop.bilevel import Bilevel
from search.methods.relaxation import BySoftmax
from search.methods.selection import ByThreshold
from search.settings import SearchSettings, Stage
from search.space import SearchSpace
from search.supernet import SuperNet
from search.supernet.weighting import Weighting

#: Height and width of images, in pixels, up to which few operations are faster on a CPU, too: at 8 x 8 P-DARTS
#: takes half the time for a step, at 16 x 16 longer.
SMALL = 8

_Net = TypeVar("_Net", bound=nn.Module)


def skip_dropout_rate(stage: Stage, epoch: int, decay: float) -> float:
    """The rate of dropout behind skip connections in an epoch, counted from 0.

    P-DARTS 4.3.2 and 5.1.1: the rate decays "exponentially" in a stage, so that the path through skip connections is
    blocked at first and open later. In the first epoch in which α moves it has its initial value; then it is multiplied
    by exp(-decay) each epoch. The paper does not say what it is while α is frozen. As in the authors' code, it then
    falls linearly, towards 0 at the stage's end. `decay` = 0.2 is also the code's.
    """
    if epoch < stage.frozen_epochs:
        return stage.skip_dropout * (stage.epochs - epoch - 1) / stage.epochs
    return stage.skip_dropout * math.exp(-decay * (epoch - stage.frozen_epochs))


class StageHook(Hook):
    """Set in each epoch whether α and β move, the rate of dropout behind skip connections, the method's schedules."""

    def __init__(self, stage: Stage, settings: SearchSettings) -> None:
        self.stage = stage
        self.settings = settings

    def before_train_epoch(self, runner: Runner) -> None:
        model = bilevel_of(runner)
        model.set_epoch(runner.epoch, self.stage.epochs)
        model.train_architecture = runner.epoch >= self.stage.frozen_epochs
        model.supernet.set_skip_dropout(skip_dropout_rate(self.stage, runner.epoch, self.settings.skip_dropout_decay))


def build_supernet(
    kind: type[_Net], settings: SearchSettings, stage: Stage, space: SearchSpace, num_classes: int
) -> _Net:
    """Build the supernet of a stage, as `SuperNet` or `ReferenceSuperNet`."""
    method = settings.architecture
    supernet = kind(
        space,
        channels=stage.channels,
        layers=stage.layers,
        num_classes=num_classes,
        partial_channels=settings.partial_channels_of(stage),
        edge_normalisation=settings.edge_normalisation,
        stem=settings.stem,
        random_channels=settings.random_channels,
        weighting=Weighting(space, method.relaxation, method.perturbation, method.auxiliary_skip),
    )
    if isinstance(supernet, SuperNet):
        small = settings.proxy.image_size <= SMALL
        supernet.arithmetic = settings.execution.arithmetic or ("stacked" if small else None)
    return supernet


def bilevel_of(runner: Runner) -> Bilevel:
    model = runner.model.module if hasattr(runner.model, "module") else runner.model
    assert isinstance(model, Bilevel)
    return model


def architecture_of(supernet: SuperNet, settings: SearchSettings) -> Architecture:
    """Collect a supernet's learned parameters and the derivation rule."""
    values: dict[str, Any] = {
        name: value.detach().cpu().double().tolist() for name, value in supernet.architecture_parameters().items()
    }
    relaxation = supernet.weighting.relaxation
    if not isinstance(relaxation, BySoftmax):
        values |= {
            f"weights_{cell}": relaxation.expected(getattr(supernet, f"alpha_{cell}").detach().cpu().double()).tolist()
            for cell in ("normal", "reduce")
        }
    return Architecture(
        **values,
        operations_normal=[list(row) for row in supernet.space.normal],
        operations_reduce=[list(row) for row in supernet.space.reduce],
        nodes=settings.nodes,
        rule=settings.rule,
        max_skips=settings.max_skips,
        threshold=settings.selection.threshold if isinstance(settings.selection, ByThreshold) else None,
    )


@torch.no_grad()
def carry_architecture(supernet: SuperNet, before: Architecture) -> None:
    """Initialise α and β from the stage before (P-DARTS, footnote 1).

    α takes the values of the candidates that are left; their softmax sums to one again, as the footnote requires
    ("according to Eq. 1"). β, which P-DARTS does not have, is copied whole.
    """
    parameters = supernet.architecture_parameters()
    for cell, candidates in (("normal", supernet.space.normal), ("reduce", supernet.space.reduce)):
        learned = zip(getattr(before, f"alpha_{cell}"), getattr(before, f"operations_{cell}"), candidates, strict=True)
        rows = [[row[names.index(name)] for name in left] for row, names, left in learned]
        parameters[f"alpha_{cell}"].copy_(torch.tensor(rows))
        if f"beta_{cell}" in parameters:
            parameters[f"beta_{cell}"].copy_(torch.tensor(getattr(before, f"beta_{cell}")))


def next_space(
    space: SearchSpace, architecture: Architecture | None, stages: list[Stage], index: int, seed: int
) -> SearchSpace:
    """The space of a stage: of the space before, every edge keeps `keep` candidates.

    They have the largest α, where `none` counts, too (P-DARTS 4.3.1); with `keep_by="random"` they are drawn by seed
    and stage (5.2.2).
    """
    stage = stages[index]
    if stage.keep is None:
        return space
    if stage.keep_by == "random":
        return space.drawn(stage.keep, seed * len(stages) + index)
    # `SearchSettings` refuses this in the first stage.
    assert architecture is not None
    alpha_normal, alpha_reduce = (np.array(rows) for rows in (architecture.alpha_normal, architecture.alpha_reduce))
    return space.pruned(stage.keep, alpha_normal, alpha_reduce)
