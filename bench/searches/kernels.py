"""Count the operations of a search's steps, for `wildnas speed search --kernels`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from bench.machine.kernels import count
from bench.searches.dry_run import places_of_stages
from bench.searches.speed import CLASSES, loop_steps, made_batch, stage_space
from bench.searches.task import search_settings
from search.loop.stages import build_supernet
from search.settings import SearchSettings
from search.supernet import SuperNet
from search.supernet.reference import ReferenceSuperNet

#: Images of a batch; the number of operations does not depend on it.
_IMAGES = 2


@dataclass(frozen=True)
class StepKernels:
    """Operations of one step of a stage.

    Attributes:
        stage: number from 1 on.
        supernet: `moments` or `stacked` (its arithmetic), or `plain`, one module for each operation.
        step: `forward and backward` (with all gradients), `weight step` or `architecture step`.
        kernels, views, host_copies, reads: `bench.machine.kernels.Issued.counts`.
    """

    stage: int
    supernet: str
    step: str
    kernels: int
    views: int
    host_copies: int
    reads: int


def count_search(name: str, options: Sequence[str], stage: int | None, plain: bool) -> list[dict[str, Any]]:
    """Count the steps of a search protocol's stages.

    Args:
        stage: the number of one stage, from 1 on; None is all.
        plain: whether to count the supernet with one module for each operation as well.

    Raises:
        InputError: no such protocol or stage.
    """
    settings = search_settings(name, options)
    return [
        asdict(each)
        for place in places_of_stages(name, settings, stage)
        for other in ((False, True) if plain else (False,))
        for each in count_stage(settings, place, other)
    ]


def count_stage(settings: SearchSettings, place: int, plain: bool = False) -> list[StepKernels]:
    """Count each step of a stage on the CPU, with the arithmetic of a GPU unless the settings choose one.

    Args:
        plain: count the supernet with one module for each operation instead, without the loop's steps.
    """
    stage, classes = settings.stages[place], CLASSES[settings.stem]
    space = stage_space(settings, place)
    torch.manual_seed(0)
    supernet: SuperNet | ReferenceSuperNet = (
        build_supernet(ReferenceSuperNet, settings, stage, space, classes)
        if plain
        else build_supernet(SuperNet, settings, stage, space, classes)
    )
    supernet.set_skip_dropout(stage.skip_dropout)
    data = made_batch(settings, _IMAGES, torch.device("cpu"))
    images, labels = data["weight_images"].float() / 255, data["weight_labels"]

    def forward_and_backward() -> None:
        supernet.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=settings.precision == "bf16"):
            logits: Tensor = supernet(images)
        F.cross_entropy(logits.float(), labels).backward()

    steps: dict[str, Callable[[], object]] = {"forward and backward": forward_and_backward}
    name = "plain"
    if isinstance(supernet, SuperNet):
        name = supernet.arithmetic = supernet.arithmetic or "stacked"
        steps |= loop_steps(settings, supernet, data)
    found = []
    for step, call in steps.items():
        # Not counted: what is created only once, such as an optimiser's state.
        call()
        found.append(StepKernels(place + 1, name, step, **count(call)))
    return found
