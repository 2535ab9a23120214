"""Compute all scores of a network, with the seconds of each and the reason for each undefined one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from backbones.cost import Cost
from backbones.cpu.channels_last import without_own_kernels
from backbones.design import Design
from bench.zerocost import structure
from bench.zerocost.gradients import fisher, grad_norm, grasp, snip
from bench.zerocost.naswot import jacob_cov, naswot
from bench.zerocost.network import Undefined, as_initialised
from bench.zerocost.synflow import synflow
from bench.zerocost.zen import zen
from search.training.progress import ProgressCallback

Score = Callable[[], float]


@dataclass
class Scores:
    """Scores by name: values of the defined ones, seconds of all, and reasons why the others are undefined."""

    values: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    undefined: dict[str, str] = field(default_factory=dict)


def compute_scores(
    network: nn.Module,
    design: Design,
    cost: Cost,
    images: Tensor,
    labels: Tensor,
    seed: int,
    progress: ProgressCallback = lambda fraction, doing: None,
) -> Scores:
    """Compute the scores of a network at initialisation; its weights are not changed.

    Args:
        images: prepared images, `(N, 3, H, W)`.
        labels: `(N,)`.
        seed: the seed of the Zen score's random numbers.
    """
    network = as_initialised(network)
    height, width = images.shape[-2:]
    of_batch = network, images, labels
    scores: dict[str, Score] = {
        "params": lambda: cost.params / 1e6,
        "multiply_adds": lambda: cost.published_macs / 1e6,
        "depth": lambda: structure.depth(network, images),
        "skip_count": lambda: structure.skip_count(design),
        "grad_norm": lambda: grad_norm(*of_batch),
        "snip": lambda: snip(*of_batch),
        "grasp": lambda: grasp(*of_batch),
        "fisher": lambda: fisher(*of_batch),
        "synflow": lambda: synflow(network, (3, height, width)),
        "jacob_cov": lambda: jacob_cov(network, images),
        "naswot": lambda: naswot(network, images),
        "zen": lambda: zen(network, tuple(images.shape), torch.Generator().manual_seed(seed)),
    }
    found = Scores()
    with without_own_kernels():
        for number, (name, score) in enumerate(scores.items()):
            progress(number / len(scores), name)
            # Some of timm's models keep what an evaluation has computed, until they are trained.
            as_initialised(network.train())
            _compute(found, name, score)
    progress(1.0, "done")
    return found


def _compute(found: Scores, name: str, score: Score) -> None:
    start = time.monotonic()
    try:
        value = score()
        if not math.isfinite(value):
            raise Undefined(f"it is {value}, no finite number")
        found.values[name] = value
    except Undefined as error:
        found.undefined[name] = str(error)
    found.seconds[name] = round(time.monotonic() - start, 4)
