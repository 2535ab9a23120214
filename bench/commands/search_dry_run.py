"""Output of `wildnas search --dry-run`: a line for each stage, and one for the whole search."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from bench.console.progress import clock

if TYPE_CHECKING:
    from bench.searches.dry_run import DryRun


def dry_run(measured: DryRun) -> list[str]:
    """Format the measurement as a table and a sum."""
    return [_table(measured), _total(measured)]


def _table(measured: DryRun) -> str:
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
            epochs,
            clock(whole),
        ]
        for speed, epochs, whole in zip(measured.speeds, measured.epochs, measured.seconds, strict=True)
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


def _total(measured: DryRun) -> str:
    whole = clock(sum(measured.seconds))
    memory = max(speed.peak_memory for speed in measured.speeds) / 1e6
    batch = f"batch {measured.batch_size}, {measured.steps} steps an epoch"
    note = "" if measured.in_memory else "; without reading and decoding of images"
    device = measured.speeds[0].device
    return f"{measured.protocol} on {device}: about {whole}, {memory:.0f} MB beyond the images ({batch}{note})"
