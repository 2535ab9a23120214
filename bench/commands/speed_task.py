"""`wildnas speed classification|detection|reid`: images per second, latency and memory of architectures."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from bench.commands import kernels
from bench.commands.options import add_config_options
from bench.console.arguments import positive

if TYPE_CHECKING:
    from bench.tasks.architectures import Architecture
    from bench.tasks.contract import Protocol, Speed

#: The option by which a classification protocol runs as written: an operation after the other, maps contiguous.
PLAIN = "execution.channels_last=False"


@dataclass(frozen=True)
class Measurement:
    """The speed of one architecture under one protocol."""

    protocol: Protocol
    architecture: str
    speed: Speed

    @property
    def title(self) -> str:
        return f"{self.architecture} on {self.protocol.name}{' (plain)' if PLAIN in self.protocol.options else ''}"

    def to_json(self) -> dict[str, Any]:
        named = {"protocol": self.protocol.name, "architecture": self.architecture}
        return {**named, "options": list(self.protocol.options), **asdict(self.speed)}


def add_arguments(parser: argparse.ArgumentParser, required: bool = True) -> None:
    """Add the options; `required`: whether there is nothing to measure without an ARCH."""
    parser.add_argument("arch", nargs="+" if required else "*", metavar="ARCH", help="as for evaluate")
    parser.add_argument(
        "--on", nargs="+", required=required, metavar="PROTOCOL", help="one for all, or one for each ARCH"
    )
    parser.add_argument("--batch-size", type=positive, metavar="N", help="default: 128 on a GPU, else 8")
    parser.add_argument("--repetitions", type=positive, default=5, metavar="N", help="after a warm-up (default: 5)")
    parser.add_argument("--plain", action="store_true", help=f"with {PLAIN} as well")
    kernels.add_argument(parser)
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    add_config_options(parser)


def run(arguments: argparse.Namespace) -> int:
    if arguments.kernels:
        return kernels.classification(arguments)
    from bench.machine.isolation import isolated
    from bench.tasks.architectures import resolve

    architectures = [resolve(arch) for arch in arguments.arch]
    variants = [_protocols(arguments, arguments.cfg_options)]
    if arguments.plain:
        variants.append(_protocols(arguments, [*arguments.cfg_options, PLAIN]))
    measured = []
    for architecture, *protocols in zip(architectures, *variants, strict=True):
        for protocol in protocols:
            print(" ".join([architecture.name, "on", protocol.name, *protocol.options, "…"]), file=sys.stderr)
            what = (arguments.kind, protocol, architecture, arguments.batch_size, arguments.repetitions)
            speed = isolated(measure, *what, hint="a smaller --batch-size")
            measured.append(Measurement(protocol, architecture.name, speed))
    if arguments.json:
        print(json.dumps({"measurements": [each.to_json() for each in measured]}))
    else:
        print("\n".join(report(measured)))
    return 0


def _protocols(arguments: argparse.Namespace, options: Sequence[str]) -> list[Protocol]:
    """A protocol for every ARCH.

    Raises:
        InputError: one is of another task, or their number fits neither one nor that of ARCH.
    """
    from backbones.errors import InputError
    from bench.tasks.registry import load_protocol

    protocols = []
    for name in arguments.on:
        task, protocol = load_protocol(name, options)
        if task.name != arguments.kind:
            raise InputError(f"--on {name}: is a protocol of {task.name}, not of {arguments.kind}")
        protocols.append(protocol)
    if len(protocols) not in (1, len(arguments.arch)):
        raise InputError(f"--on: {len(protocols)} protocols for {len(arguments.arch)} ARCH; give one, or one for each")
    return protocols * (len(arguments.arch) // len(protocols))


def measure(
    kind: str, protocol: Protocol, architecture: Architecture, batch_size: int | None, repetitions: int
) -> Speed:
    """Measure in this process."""
    import torch

    from bench.tasks.registry import get_task

    batch_size = batch_size or (128 if torch.cuda.is_available() else 8)
    return get_task(kind).speed(protocol, architecture, batch_size, repetitions)


def report(measured: Sequence[Measurement]) -> list[str]:
    """The measurements as a table for eyes: medians, and what the first is against every other."""
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
        lines.append(f"{first.title} is so many times as fast as {other.title}: {ratios}")
        if len(first.speed.sample) == len(other.speed.sample) > 0 and first.architecture == other.architecture:
            differences = (abs(a - b) for a, b in zip(first.speed.sample, other.speed.sample, strict=True))
            lines.append(f"largest difference of their training losses and logits: {max(differences):.1e}")
    return [*lines, *_whole_trainings(measured)]


def _whole_trainings(measured: Sequence[Measurement]) -> list[str]:
    """How long the protocols' trainings would take on this device, where they say how many images an epoch has."""
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
