"""Measure training and inference of architectures on synthetic images, each in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from backbones.errors import InputError
from bench.machine.timing import isolated
from bench.tasks.architectures import NamedArchitecture, resolve
from bench.tasks.contract import Protocol, Speed
from bench.tasks.registry import get_task, load_protocol

#: Option of a classification protocol that switches the faster memory layout off, for comparison.
PLAIN = "execution.channels_last=False"


@dataclass(frozen=True)
class SpeedMeasurement:
    """Speed of one architecture under one protocol."""

    protocol: Protocol
    architecture: str
    speed: Speed

    @property
    def title(self) -> str:
        return f"{self.architecture} on {self.protocol.name}{' (plain)' if PLAIN in self.protocol.options else ''}"

    def to_json(self) -> dict[str, Any]:
        named = {"protocol": self.protocol.name, "architecture": self.architecture}
        return {**named, "options": list(self.protocol.options), **asdict(self.speed)}


def measure_tasks(
    kind: str,
    architectures: Sequence[str],
    names: Sequence[str],
    options: Sequence[str],
    plain: bool,
    batch_size: int | None,
    repetitions: int,
    tell: Callable[[str], None],
) -> list[SpeedMeasurement]:
    """Measure each architecture under its protocol.

    Args:
        kind: the name of the task.
        names: protocols: one for all architectures, or one for each.
        plain: whether to measure each with `PLAIN` as well.
        batch_size: None is 128 on a GPU, else 8.
        tell: called with a line before each measurement.

    Raises:
        InputError: an unknown name, a protocol of another task, another number of protocols than one or one for each
            architecture, or too little memory for the batch.
    """
    known = [resolve(name) for name in architectures]
    variants = [options, [*options, PLAIN]] if plain else [options]
    protocols = [protocols_for(kind, names, variant, len(known)) for variant in variants]
    measured = []
    for architecture, *each in zip(known, *protocols, strict=True):
        for protocol in each:
            tell(" ".join([architecture.name, "on", protocol.name, *protocol.options, "…"]))
            what = (kind, protocol, architecture, batch_size, repetitions)
            speed = isolated(measure, *what, hint="a smaller --batch-size")
            measured.append(SpeedMeasurement(protocol, architecture.name, speed))
    return measured


def protocols_for(kind: str, names: Sequence[str], options: Sequence[str], count: int) -> list[Protocol]:
    """Load a protocol for every architecture."""
    protocols = []
    for name in names:
        task, protocol = load_protocol(name, options)
        if task.name != kind:
            raise InputError(f"{name}: expected a protocol of {kind}, not of {task.name}")
        protocols.append(protocol)
    if len(protocols) not in (1, count):
        raise InputError(f"{len(protocols)} protocols for {count} architectures; give one, or one for each")
    return protocols * (count // len(protocols))


def measure(
    kind: str, protocol: Protocol, architecture: NamedArchitecture, batch_size: int | None, repetitions: int
) -> Speed:
    """Measure in this process."""
    import torch

    batch_size = batch_size or (128 if torch.cuda.is_available() else 8)
    return get_task(kind).speed(protocol, architecture, batch_size, repetitions)
