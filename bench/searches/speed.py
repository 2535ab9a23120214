"""Measure a search's steps on synthetic images, for `wildnas speed search` and `wildnas search --dry-run`."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.machine import environment
from bench.machine.timing import repeat
from search.loop.bilevel import build_bilevel, build_optimisers
from search.loop.stages import build_supernet
from search.settings import SearchSettings
from search.space import SearchSpace
from search.supernet import SuperNet
from search.supernet.reference import ReferenceSuperNet
from search.training.execution import gpu_settings

#: The most expensive first: a later stage is measured with the most expensive candidates that it can have left.
_DEAREST = (
    "conv_7x1_1x7",
    "sep_conv_7x7",
    "sep_conv_5x5",
    "sep_conv_3x3",
    "dil_conv_5x5",
    "dil_conv_3x3",
    "skip_connect",
    "max_pool_3x3",
    "avg_pool_3x3",
    "noise",
    "none",
)

#: Classes of the synthetic labels: CIFAR-10's and ImageNet's.
CLASSES = {"cifar": 10, "imagenet": 1000}


@dataclass(frozen=True)
class StageSpeed:
    """Time and memory of one stage of a search; seconds of each repetition.

    Attributes:
        stage: number from 1 on.
        supernet: `fast`, the one that searches, or `plain`, one module for each operation.
        forward_backward: a forward and backward pass of the supernet, with the gradients of its weights.
        weight_step, architecture_step: a whole step of the bilevel loop with augmentation and optimiser; empty for the
            plain supernet.
        peak_memory: bytes; of the GPU if there is one, else the growth of the process.
    """

    stage: int
    supernet: str
    layers: int
    channels: int
    candidates: int
    batch_size: int
    device: str
    precision: str
    forward_backward: list[float]
    weight_step: list[float]
    architecture_step: list[float]
    peak_memory: int

    @property
    def images_per_second(self) -> float:
        """Images of the weight half per second of weight steps."""
        return self.batch_size / statistics.median(self.weight_step or self.forward_backward)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "images_per_second": self.images_per_second}


def stage_space(settings: SearchSettings, place: int) -> SearchSpace:
    """Search space of a stage's size, with the most expensive candidates that earlier stages can leave."""
    space, keep = settings.space(), settings.stages[place].keep
    normal, reduce = (
        tuple(tuple(name for name in names if name in sorted(names, key=_DEAREST.index)[:keep]) for names in rows)
        for rows in (space.normal, space.reduce)
    )
    return SearchSpace(settings.nodes, normal, reduce)


def made_batch(settings: SearchSettings, images: int, device: torch.device) -> dict[str, Tensor]:
    """Make a batch of noise for the loop, with the same images and labels in both halves."""
    size = settings.proxy.image_size
    made = {
        "images": torch.randint(256, (images, 3, size, size), dtype=torch.uint8, device=device),
        "labels": torch.randint(CLASSES[settings.stem], (images,), device=device),
    }
    return {f"{half}_{name}": value for half in ("weight", "architecture") for name, value in made.items()}


def measure_stage(
    settings: SearchSettings, place: int, batch_size: int, repetitions: int, plain: bool = False
) -> StageSpeed:
    """Time one stage's steps after a warm-up.

    Args:
        plain: time the supernet with one module for each operation instead.
    """
    stage = settings.stages[place]
    space = stage_space(settings, place)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    classes = CLASSES[settings.stem]
    before = environment.memory()
    environment.reset_peak_memory()
    kind: type[nn.Module] = ReferenceSuperNet if plain else SuperNet
    supernet = build_supernet(kind, settings, stage, space, classes).to(device)
    data = made_batch(settings, batch_size, device)
    labels = data["weight_labels"]
    prepared = (data["weight_images"].float() / 255 - 0.5) / 0.25

    def forward_backward() -> None:
        supernet.zero_grad(set_to_none=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bf16"):
            loss: Tensor = F.cross_entropy(supernet(prepared).float(), labels)
        loss.backward()

    with gpu_settings(settings.execution.tf32, settings.execution.cudnn_benchmark):
        passes = repeat(forward_backward, repetitions)
        steps = loop_steps(settings, supernet, data)
        times = {name: repeat(step, repetitions) for name, step in steps.items()}
    return StageSpeed(
        stage=place + 1,
        supernet="plain" if plain else "fast",
        layers=stage.layers,
        channels=stage.channels,
        candidates=len(space.normal[0]),
        batch_size=batch_size,
        device=environment.device_name(),
        precision=settings.precision,
        forward_backward=passes,
        weight_step=times.get("weight step", []),
        architecture_step=times.get("architecture step", []),
        peak_memory=environment.growth(before),
    )


def loop_steps(
    settings: SearchSettings, supernet: nn.Module, data: dict[str, Tensor]
) -> dict[str, Callable[[], object]]:
    """Steps of the bilevel loop, with augmentation and optimiser; none for the plain supernet."""
    if not isinstance(supernet, SuperNet):
        return {}
    model = build_bilevel(settings, supernet).to(data["weight_images"].device)
    optimisers = build_optimisers(supernet, settings.weights, settings.architecture)
    model.train()

    def architecture_step() -> None:
        batch = model.batch(data, "architecture")
        # Second order looks ahead with the batch of the weight step, which is needed anyway.
        model.architecture_step(batch, batch, optimisers)

    return {
        "weight step": lambda: model.weight_step(model.batch(data, "weight"), optimisers["weights"]),
        "architecture step": architecture_step,
    }


def estimate(settings: SearchSettings, speeds: list[StageSpeed], steps_per_epoch: int) -> list[float]:
    """Estimate the seconds of every stage from the medians of its steps."""
    seconds = []
    for stage, speed in zip(settings.stages, speeds, strict=True):
        weight, architecture = statistics.median(speed.weight_step), statistics.median(speed.architecture_step)
        moving = stage.epochs - stage.frozen_epochs
        seconds.append(steps_per_epoch * (stage.epochs * weight + moving * architecture))
    return seconds
