"""What a search would take: a step of each stage, its peak memory, and the time of the whole."""

from __future__ import annotations

import statistics
import sys

from bench.console.progress import clock
from bench.machine.isolation import isolated
from bench.searches.speed import StageSpeed, estimate, measure_stage
from bench.searches.task import SearchProtocol, steps_per_epoch


def dry_run(protocol: SearchProtocol, seed: int) -> list[str]:
    """Run one step of each stage, after a warm-up, each in a process of its own; a table, a line each.

    Raises:
        InputError: the data cannot be used, or memory does not suffice.
    """
    settings = protocol.settings
    steps = steps_per_epoch(protocol, seed)
    speeds = []
    for place in range(len(settings.stages)):
        print(f"stage {place + 1} of {len(settings.stages)} …", file=sys.stderr)
        hint = f"--cfg-options batch_size={settings.batch_size // 2}"
        speeds.append(isolated(measure_stage, settings, place, settings.batch_size, 1, hint=hint))
    seconds = estimate(settings, speeds, steps)
    return [_table(protocol, speeds, seconds), _total(protocol, speeds, steps, sum(seconds))]


def _table(protocol: SearchProtocol, speeds: list[StageSpeed], seconds: list[float]) -> str:
    from tabulate import tabulate

    rows = [
        [
            speed.stage,
            speed.layers,
            speed.channels,
            speed.candidates,
            f"{statistics.median(speed.weight_step):.3f}",
            f"{statistics.median(speed.architecture_step):.3f}",
            f"{speed.peak_memory / 1e6:.0f}",
            stage.epochs,
            clock(whole),
        ]
        for speed, stage, whole in zip(speeds, protocol.settings.stages, seconds, strict=True)
    ]
    headers = [
        "stage",
        "cells",
        "C",
        "candidates",
        "weight step (s)",
        "architecture step (s)",
        "peak memory (MB)",
        "epochs",
        "time",
    ]
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True)


def _total(protocol: SearchProtocol, speeds: list[StageSpeed], steps: int, seconds: float) -> str:
    whole = clock(seconds)
    memory = max(speed.peak_memory for speed in speeds) / 1e6
    batch = f"batch {protocol.settings.batch_size}, {steps} steps an epoch"
    note = "" if protocol.settings.proxy.memory else "; reading and decoding of images not counted"
    return f"{protocol.name} on {speeds[0].device}: about {whole}, {memory:.0f} MB beyond the images ({batch}{note})"
