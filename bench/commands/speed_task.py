"""`wildnas speed classification|detection|reid`: images per second, latency and memory of architectures."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench import api
from bench.commands.measuring import add_measuring, conditions, network_kernels, spread, table
from bench.commands.options import add_results
from bench.console.arguments import positive

if TYPE_CHECKING:
    from bench.tasks.speed import SpeedMeasurement


#: As `bench.latency.measure` has them.
RUNTIMES = ("eager", "compiled", "onnxruntime")


def add_arguments(parser: argparse.ArgumentParser, required: bool = True) -> None:
    """Add the options; `required`: whether ARCH must be given."""
    parser.add_argument("arch", nargs="+" if required else "*", metavar="ARCH", help="as for evaluate")
    parser.add_argument(
        "--on", nargs="+", required=required, metavar="PROTOCOL", help="one for all, or one for each ARCH"
    )
    parser.add_argument("--batch-size", type=positive, metavar="N", help="default: 128 on a GPU, else 8")
    record = "keep latency and throughput of the whole network as records, by device and runtime"
    parser.add_argument("--record", action="store_true", help=record)
    runtimes = f"of --record: {', '.join(RUNTIMES)} (default: eager)"
    parser.add_argument("--runtimes", nargs="+", choices=RUNTIMES, metavar="R", help=runtimes)
    add_results(parser)
    add_measuring(parser, plain="measure with execution.channels_last=False as well")


def run(arguments: argparse.Namespace) -> int:
    _refuse_meaningless(arguments)
    if arguments.kernels:
        return network_kernels(arguments)
    if arguments.record:
        return _recorded(arguments)
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


def _refuse_meaningless(arguments: argparse.Namespace) -> None:
    """Raise InputError for an option that would change nothing beside the others."""
    if arguments.record and (arguments.json or arguments.plain):
        raise api.InputError("speed: --record prints a table of what it keeps; leave --json and --plain out")
    if arguments.record and arguments.kernels:
        raise api.InputError("speed: --kernels counts, which no record keeps; leave --kernels or --record out")
    if arguments.runtimes and not arguments.record:
        raise api.InputError("speed: --runtimes is of --record, which is missing")


def _recorded(arguments: argparse.Namespace) -> int:
    """Measure whole networks, write the records and print their table."""
    records = api.record_latencies(
        arguments.kind,
        arguments.arch,
        arguments.on,
        arguments.cfg_options,
        arguments.runtimes or ["eager"],
        arguments.batch_size or 8,
        arguments.repetitions,
        lambda text: print(text, file=sys.stderr),
        arguments.results,
    )
    for text in api.tables_of(records):
        print(text)
    return 0


def report(measured: Sequence[SpeedMeasurement]) -> list[str]:
    """Format the measurements as a table of medians, with ratios of the first to every other."""
    rows = [
        {
            "network": each.title,
            "training (images/s)": spread(each.speed.train_images_per_second, 1),
            "inference (images/s)": spread(each.speed.inference_images_per_second, 1),
            "latency, batch 1 (ms)": _milliseconds(each.speed.latency),
            "peak memory (MB)": f"{each.speed.peak_memory / 1e6:.0f}" if each.speed.peak_memory else "",
        }
        for each in measured
    ]
    first, speed = measured[0], measured[0].speed
    repetitions = len(speed.train_images_per_second)
    lines = [conditions(speed.device, speed.batch_size, speed.precision, repetitions), table(rows)]
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


def _milliseconds(seconds: Sequence[float]) -> str:
    return f"{1000 * statistics.median(seconds):.1f}" if seconds else ""
