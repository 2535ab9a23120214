"""Estimate time and memory of a search from steps on synthetic images, each stage in a process of its own."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from backbones.errors import InputError
from bench.machine.timing import isolated
from bench.searches.speed import StageSpeed, estimate, measure_stage
from bench.searches.task import search_settings, settings_of, steps_per_epoch
from bench.tasks.registry import Notice, load_protocol, with_own_data
from search.settings import SearchSettings

#: Called with a line before each measurement.
Tell = Callable[[str], None]


@dataclass(frozen=True)
class DryRun:
    """Time and memory of a whole search.

    Attributes:
        steps: steps of an epoch.
        epochs, seconds: epochs and estimated seconds of every stage.
        in_memory: whether all images are held in memory; if not, the time to read and decode them is not included.
    """

    protocol: str
    batch_size: int
    steps: int
    speeds: Sequence[StageSpeed]
    epochs: Sequence[int]
    seconds: Sequence[float]
    in_memory: bool


def dry_run(
    name: str,
    seed: int,
    options: Sequence[str],
    launcher: str,
    tell: Tell,
    data: Path | None = None,
    work: Path = Path("work"),
    notice: Notice = warnings.warn,
) -> DryRun:
    """Run one step of each stage, after a warm-up.

    Raises:
        InputError: the data cannot be used, memory is too small, or there are several processes.
    """
    _, protocol = load_protocol(name, with_own_data(name, options, data, work, notice), ("search",))
    if launcher != "none" or int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise InputError("a dry run measures one process: start it without torchrun, with batch_size of one process")
    settings, steps = settings_of(protocol), steps_per_epoch(protocol, seed)
    speeds = []
    hint = f"the option batch_size={settings.batch_size // 2}"
    for index in range(len(settings.stages)):
        tell(f"stage {index + 1} of {len(settings.stages)} …")
        speeds.append(isolated(measure_stage, settings, index, settings.batch_size, 1, hint=hint))
    epochs = [stage.epochs for stage in settings.stages]
    seconds = estimate(settings, speeds, steps)
    return DryRun(protocol.name, settings.batch_size, steps, speeds, epochs, seconds, settings.proxy.memory)


def measure_stages(
    name: str,
    options: Sequence[str],
    stage: int | None,
    batch_size: int | None,
    repetitions: int,
    plain: bool,
    tell: Tell,
) -> list[StageSpeed]:
    """Time the steps of a search's stages.

    Args:
        stage: the number of one stage, from 1 on; None is all.
        batch_size: None is the protocol's.
        plain: whether to time the supernet with one module for each operation as well.

    Raises:
        InputError: no such protocol or stage, or memory is too small.
    """
    settings = search_settings(name, options)
    size, speeds = batch_size or settings.batch_size, []
    for index in places_of_stages(name, settings, stage):
        for other in (False, True) if plain else (False,):
            tell(f"stage {index + 1}{', plain' * other} …")
            call = (measure_stage, settings, index, size, repetitions, other)
            speeds.append(isolated(*call, hint=f"--batch-size {max(size // 2, 1)}"))
    return speeds


def places_of_stages(name: str, settings: SearchSettings, stage: int | None) -> Sequence[int]:
    """Indices of all stages, or of one.

    Args:
        stage: the number of one stage, from 1 on; None is all.

    Raises:
        InputError: the search has no such stage.
    """
    count = len(settings.stages)
    if stage is not None and stage > count:
        raise InputError(f"stage {stage}: {name} has {count} stage{'s' * (count > 1)}")
    return range(count) if stage is None else [stage - 1]
