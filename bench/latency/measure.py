"""Measure a network's latency and throughput, and keep them as a record."""

from __future__ import annotations

import re
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from backbones.errors import InputError
from bench.export.networks import Exportable
from bench.export.writing import FAILURES, confirm_packages, trial_images, write
from bench.latency.networks import confirm_deployed, deployed
from bench.machine import environment
from bench.machine.timing import isolated, repeat
from bench.records.record import SCHEMA_VERSION, Record
from bench.records.store import RecordStore
from bench.runs.run import run_key
from bench.tasks.architectures import NamedArchitecture, resolve
from bench.tasks.contract import Protocol
from bench.tasks.metrics import METRICS
from bench.tasks.speed import protocols_for

RUNTIMES = ("eager", "compiled", "onnxruntime")

#: Passes over one image for each repetition; quantiles need more of them than a throughput does.
PASSES = 10


@dataclass(frozen=True)
class Timing:
    """Times of a network in one runtime.

    Attributes:
        latency: seconds of each pass over one image.
        batches: seconds of each pass over a batch.
        cost: parameters and multiply-adds of the whole network.
    """

    device: str
    latency: tuple[float, ...]
    batches: tuple[float, ...]
    batch_size: int
    cost: dict[str, Any]


def record_latencies(
    kind: str,
    architectures: Sequence[str],
    names: Sequence[str],
    options: Sequence[str],
    runtimes: Sequence[str],
    batch_size: int,
    repetitions: int,
    tell: Callable[[str], None],
    results: Path = Path("results"),
) -> list[Record]:
    """Measure architectures under protocols in some runtimes, each in a process of its own, and write the records.

    Args:
        names: protocols: one for all architectures, or one for each.
        runtimes: of `RUNTIMES`.
        repetitions: passes over a batch; over one image `PASSES` times as many.
        tell: called with a line before each measurement.

    Raises:
        InputError: an unknown name, a network without an export, a runtime that is missing here, or too little memory.
    """
    for runtime in runtimes:
        if runtime not in RUNTIMES:
            raise InputError(f"runtime {runtime!r}: expected one of {', '.join(RUNTIMES)}")
    confirm_deployed(kind)
    if "onnxruntime" in runtimes:
        confirm_packages()
    known = [resolve(name) for name in architectures]
    protocols = protocols_for(kind, names, options, len(known))
    records = []
    for architecture, protocol in zip(known, protocols, strict=True):
        for runtime in dict.fromkeys(runtimes):
            tell(f"{architecture.name} on {protocol.name}, {runtime} …")
            started = _now()
            what = (kind, protocol, architecture, runtime, batch_size, repetitions)
            timing = isolated(measure_timing, *what, hint="a smaller --batch-size")
            record = _record(kind, protocol, architecture, runtime, timing, repetitions, started)
            RecordStore(results).write(record, replace=True)
            records.append(record)
    return records


def measure_timing(
    kind: str, protocol: Protocol, architecture: NamedArchitecture, runtime: str, batch_size: int, repetitions: int
) -> Timing:
    """Measure in this process."""
    networks = deployed(kind, protocol, architecture)
    one = _timed(networks.single, runtime, 1, PASSES * repetitions)
    many = _timed(networks.batched, runtime, batch_size, repetitions)
    return Timing(environment.precise_device(), tuple(one), tuple(many), batch_size, networks.cost.to_json())


def _timed(network: Exportable, runtime: str, count: int, repetitions: int) -> list[float]:
    images = trial_images(count, network.shape)
    call = {"eager": _eager, "compiled": _compiled, "onnxruntime": _onnxruntime}[runtime](network, images)
    return repeat(call, repetitions)


def _eager(network: Exportable, images: Tensor) -> Callable[[], object]:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    module, inputs = network.network.to(device), images.to(device)

    def call() -> object:
        with torch.inference_mode():
            return module(inputs)

    return call


def _compiled(network: Exportable, images: Tensor) -> Callable[[], object]:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    module, inputs = torch.compile(network.network.to(device)), images.to(device)

    def call() -> object:
        with torch.inference_mode():
            return module(inputs)

    try:
        call()
    except FAILURES as error:
        problem = " ".join(str(error).split())[:200]
        raise InputError(f"compiled: torch.compile does not work here: {problem}") from error
    return call


def _onnxruntime(network: Exportable, images: Tensor) -> Callable[[], object]:
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.onnx"
        write(network, file, "onnx", len(images))
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = torch.get_num_threads()
        wanted = ("CUDAExecutionProvider", "CPUExecutionProvider")
        providers = [name for name in wanted if name in onnxruntime.get_available_providers()]
        session = onnxruntime.InferenceSession(file.read_bytes(), options, providers=providers)
    _confirm_device(session.get_providers())
    inputs = {"images": images.numpy()}
    return lambda: session.run(None, inputs)


def _confirm_device(providers: Sequence[str]) -> None:
    """Check that ONNX Runtime computes on the device that latencies of this machine are kept by.

    Raises:
        InputError: it fell back to the CPU, of which it says nothing.
    """
    if torch.cuda.is_available() and "CUDAExecutionProvider" not in providers:
        raise InputError(
            "onnxruntime: computes on the CPU, but this machine's latencies are those of its GPU; install "
            "onnxruntime-gpu, or hide the GPU (CUDA_VISIBLE_DEVICES=)"
        )


def latency_protocol(protocol: str, runtime: str, device: str, options: Sequence[str] = ()) -> str:
    """The name under which latencies are kept; those of two devices, or of changed protocols, never share it."""
    slug = re.sub(r"[^A-Za-z0-9]+", "-", device).strip("-").lower()
    changed = f"-{run_key({'options': list(options)}).partition(':')[2][:8]}" if options else ""
    return f"latency/{protocol.replace('/', '-')}-{runtime}-{slug}{changed}"


def _record(
    kind: str,
    protocol: Protocol,
    architecture: NamedArchitecture,
    runtime: str,
    timing: Timing,
    repetitions: int,
    started: str,
) -> Record:
    milliseconds = sorted(1000 * seconds for seconds in timing.latency)
    tenths = statistics.quantiles(milliseconds, n=10, method="inclusive")
    values = {
        "latency": statistics.median(milliseconds),
        "latency_p10": tenths[0],
        "latency_p90": tenths[-1],
        "throughput": timing.batch_size / statistics.median(timing.batches),
    }
    config = {
        "task": "latency",
        "on": protocol.name,
        "of": kind,
        "options": list(protocol.options),
        "runtime": runtime,
        "device": timing.device,
        "batch_size": timing.batch_size,
        "repetitions": repetitions,
    }
    name = latency_protocol(protocol.name, runtime, timing.device, protocol.options)
    key = run_key({"protocol": name, "config": config, "architecture": architecture.to_json()})
    return Record.model_validate(
        {
            "schema_version": SCHEMA_VERSION,
            "task": "latency",
            "version": 1,
            "protocol": name,
            "architecture": architecture.to_json(),
            "method": architecture.method,
            "seed": 0,
            "key": key,
            "reduced": [f"option {option}" for option in protocol.options],
            "config": config,
            # Random images of the network's size, drawn from a fixed seed.
            "data": {"counts": {"images": timing.batch_size}, "fingerprint": run_key({"images": "random"})},
            "environment": environment.describe(),
            "parents": [],
            "initial_weights": None,
            "metrics": {
                metric.key: {
                    "value": values[metric.key],
                    "unit": metric.unit,
                    "higher_is_better": metric.higher_is_better,
                }
                for metric in METRICS["latency"]
            },
            "counts": {"passes": len(timing.latency), "batches": len(timing.batches)},
            "cost": {"seconds": sum(timing.latency) + sum(timing.batches), "peak_memory": 0, **timing.cost},
            "started": started,
            "finished": _now(),
        }
    )


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
