"""Count the operations of a search's steps, for `wildnas speed search --kernels`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


def count_search(name: str, options: Sequence[str], stage: int | None, plain: bool) -> list[dict[str, Any]]:
    """Count the steps of a search protocol's stages, with the values of `count_stage`.

    Args:
        stage: the number of one stage, from 1 on; None is all.
        plain: whether to count the supernet with one module for each operation as well.

    Raises:
        InputError: no such protocol or stage.
    """
    settings = search_settings(name, options)
    kinds = (False, True) if plain else (False,)
    places = places_of_stages(name, settings, stage)
    return [counts for place in places for other in kinds for counts in count_stage(settings, place, other)]


def count_stage(settings: SearchSettings, place: int, plain: bool = False) -> list[dict[str, Any]]:
    """Count each step of a stage on the CPU, with the arithmetic of a GPU unless the settings choose one.

    Args:
        plain: count the supernet with one module for each operation instead, without the loop's steps.

    Returns:
        For each step the number of the `stage`, from 1 on; `supernet`, its arithmetic or `plain`; `step`, which is
        `forward and backward` (with all gradients), `weight step` or `architecture step`; and its counts
        (`bench.machine.kernels.Issued.counts`).
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
    found: list[dict[str, Any]] = []
    for step, call in steps.items():
        # Not counted: what is created only once, such as an optimiser's state.
        call()
        found.append({"stage": place + 1, "supernet": name, "step": step, **count(call)})
    return found
