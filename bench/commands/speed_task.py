"""`wildnas speed classification|detection|reid`: images per second, latency and memory of architectures."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench import api
from bench.commands import kernels
from bench.console.arguments import positive

if TYPE_CHECKING:
    from bench.tasks.speed import SpeedMeasurement


def add_arguments(parser: argparse.ArgumentParser, required: bool = True) -> None:
    """Add the options; `required`: whether ARCH must be given."""
    parser.add_argument("arch", nargs="+" if required else "*", metavar="ARCH", help="as for evaluate")
    parser.add_argument(
        "--on", nargs="+", required=required, metavar="PROTOCOL", help="one for all, or one for each ARCH"
    )
    parser.add_argument("--batch-size", type=positive, metavar="N", help="default: 128 on a GPU, else 8")
    kernels.add_measuring(parser, plain="measure with execution.channels_last=False as well")


def run(arguments: argparse.Namespace) -> int:
    if arguments.kernels:
        return kernels.networks(arguments)
    measured = api.measure_tasks(
        arguments.kind,
        arguments.arch,
        arguments.on,
        arguments.cfg_options,
        arguments.plain,
        arguments.batch_size,
        arguments.repetitions,
        lambda text: print(text, file=sys.stderr),
    )
    if arguments.json:
        print(json.dumps({"measurements": [each.to_json() for each in measured]}))
    else:
        print("\n".join(report(measured)))
    return 0


def report(measured: Sequence[SpeedMeasurement]) -> list[str]:
    """Format the measurements as a table of medians, with ratios of the first to every other."""
    from tabulate import tabulate

    headers = [
        "network",
        "training (images/s)",
        "inference (images/s)",
        "latency, batch 1 (ms)",
        "peak memory (MB)",
    ]
    rows = [
        [
            each.title,
            _spread(each.speed.train_images_per_second),
            _spread(each.speed.inference_images_per_second),
            f"{1000 * statistics.median(each.speed.latency):.1f}" if each.speed.latency else "",
            f"{each.speed.peak_memory / 1e6:.0f}" if each.speed.peak_memory else "",
        ]
        for each in measured
    ]
    first = measured[0]
    lines = [
        f"{first.speed.device}; batch {first.speed.batch_size}; {first.speed.precision}; median (least to most) of "
        f"{len(first.speed.train_images_per_second)} after a warm-up",
        tabulate(rows, headers, tablefmt="github", disable_numparse=True),
    ]
    for other in measured[1:]:
        train, inference = (
            statistics.median(getattr(first.speed, key)) / statistics.median(getattr(other.speed, key))
            for key in ("train_images_per_second", "inference_images_per_second")
        )
        ratios = f"in training {train:.2f}, in inference {inference:.2f}"
        lines.append(f"speed of {first.title} relative to {other.title}: {ratios}")
        if len(first.speed.sample) == len(other.speed.sample) > 0 and first.architecture == other.architecture:
            differences = (abs(a - b) for a, b in zip(first.speed.sample, other.speed.sample, strict=True))
            lines.append(f"largest difference of their training losses and logits: {max(differences):.1e}")
    return [*lines, *_whole_trainings(measured)]


def _whole_trainings(measured: Sequence[SpeedMeasurement]) -> list[str]:
    """Estimate the protocols' trainings on this device, if their configs have the number of images."""
    from bench.console.progress import clock

    lines = []
    for each in measured:
        config = each.protocol.config
        images = config.get("expected", {}).get("train images")
        if images and "epochs" in config:
            seconds = config["epochs"] * images / statistics.median(each.speed.train_images_per_second)
            lines.append(f"{each.title}: {config['epochs']} epochs of {images:,} images would take {clock(seconds)}")
    return lines


def _spread(rates: Sequence[float]) -> str:
    return f"{statistics.median(rates):.1f} ({min(rates):.1f} to {max(rates):.1f})"
