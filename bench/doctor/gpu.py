"""Check a GPU's results and speed: `wildnas doctor --gpu`, the first command to run on a new machine.

The supernet is that of PC-DARTS on CIFAR-10 (C = 16, 8 cells, K = 4), at a batch of 64.
"""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backbones.errors import InputError
from bench.machine import environment
from bench.machine.timing import repeat
from bench.searches.speed import made_batch
from search.loop.bilevel import Bilevel, build_bilevel, build_optimisers
from search.loop.graph import Capture, Replays
from search.loop.stages import build_supernet
from search.settings import SearchSettings
from search.space import SearchSpace
from search.supernet import SuperNet
from search.supernet.reference import ReferenceSuperNet
from search.supernet.twins import give_weights, twins
from search.training.execution import gpu_settings

#: Number of steps after which graphed and eager training are compared.
STEPS = 20

#: An arithmetic's error may be this many times that of the plain supernet in the same precision.
FACTOR = 3

#: Relative differences that are always accepted. In fp32, rounding may change the sign before a ReLU or the maximum of
#: a pool. On a CPU that made a relative difference of 2e-3 in the gradients of 8 cells; all else made 1e-6.
FLOORS = {"fp32": 2e-2, "bf16": 0.0}

#: Networks whose speed is measured: architecture, protocol and batch size.
NETWORKS = (
    ("PC_DARTS_image", "classification/imagenet_mobile", 128),
    ("PC_DARTS_image", "detection/coco_ssd320", 32),
    ("PDARTS", "reid/market1501_p3", 32),
)


@dataclass(frozen=True)
class Finding:
    """One checked or measured number.

    Attributes:
        value: a relative difference, milliseconds, images per second or bytes; see `unit`.
        sound: whether rounding explains the difference; None for a time or a size.
    """

    what: str
    value: float
    unit: str
    sound: bool | None = None


def examine(
    device: torch.device,
    settings: SearchSettings,
    batch: int = 64,
    repetitions: int = 10,
    capture: Callable[[], Capture] | None = None,
    say: Callable[[str], None] = lambda doing: None,
) -> list[Finding]:
    """Compare and time the supernet's forms on a device.

    Args:
        settings: a search, whose first stage's supernet is used.
        capture: makes the graphs; None skips them.
        say: called with a line before each measurement.
    """
    rows: list[Finding] = []
    for precision in ("fp32", "bf16"):
        say(f"errors of both arithmetics, {precision}")
        # Not in TF32: its 10 bits of mantissa would hide a wrong sum.
        with gpu_settings(tf32=False, cudnn_benchmark=False):
            rows += agreement(device, settings.model_copy(update={"precision": precision}), batch)
    if capture is not None:
        say("graphed steps against eager steps")
        with gpu_settings(settings.execution.tf32, settings.execution.cudnn_benchmark):
            rows += graph_agreement(device, settings, batch, capture)
    for form in ("plain", "moments", "stacked", *(["graph"] if capture is not None else [])):
        say(f"milliseconds, {form}")
        with gpu_settings(settings.execution.tf32, settings.execution.cudnn_benchmark):
            rows += step_times(device, settings, batch, repetitions, form, capture)
    return rows


def agreement(device: torch.device, settings: SearchSettings, batch: int) -> list[Finding]:
    """Measure the errors of outputs and gradients of both arithmetics against the plain supernet in float64.

    Errors are relative to the norm of the plain supernet's. An arithmetic is sound if its error is at most `FACTOR`
    times that of the plain supernet in the same precision, or below `FLOORS`.
    """
    torch.manual_seed(0)
    net, plain = (_build(kind, settings) for kind in (SuperNet, ReferenceSuperNet))
    assert isinstance(net, SuperNet)
    assert isinstance(plain, ReferenceSuperNet)
    for value in net.architecture_parameters().values():
        nn.init.normal_(value)
    give_weights(net, plain)
    data = made_batch(settings, batch, device)
    images, labels = data["weight_images"].float() / 128 - 1, data["weight_labels"]
    exact = copy.deepcopy(plain).to(device).double()
    expected = _pass(exact, images.double(), labels, "fp32")
    plain.to(device)
    logits = _pass(plain, images, labels, settings.precision)
    gradients = [[_gradient(each) for each in of.parameters()] for of in (plain, exact)]
    own = {"outputs": _difference([logits], [expected]), "gradients": _difference(*gradients)}
    rows = []
    for arithmetic in ("moments", "stacked"):
        other = copy.deepcopy(net).to(device)
        other.arithmetic = arithmetic
        logits = _pass(other, images, labels, settings.precision)
        pairs = twins(other, exact, "grad")
        found = {
            "outputs": _difference([logits], [expected]),
            "gradients": _difference([mine for _, mine in pairs], [theirs for theirs, _ in pairs]),
        }
        for name, difference in found.items():
            what = f"{arithmetic} in {settings.precision} against plain in float64: {name}"
            sound = difference <= max(FACTOR * own[name], FLOORS[settings.precision])
            rows.append(Finding(what, difference, "relative", sound))
    return rows


def graph_agreement(
    device: torch.device, settings: SearchSettings, batch: int, capture: Callable[[], Capture]
) -> list[Finding]:
    """Compare weights, α and β after `STEPS` graphed steps with those after as many eager steps."""
    ends = []
    for replays in (None, Replays(capture(), required=True)):
        bilevel, optimisers = _bilevel(device, settings, replays)
        torch.manual_seed(1)
        for _ in range(STEPS):
            bilevel.train_step(made_batch(settings, batch, device), optimisers)
        ends.append([value.detach().clone() for value in bilevel.supernet.parameters()])
    difference = _difference(ends[1], ends[0])
    sound = difference <= FLOORS["fp32"]
    return [Finding(f"graph against eager after {STEPS} steps", difference, "relative", sound)]


def step_times(
    device: torch.device,
    settings: SearchSettings,
    batch: int,
    repetitions: int,
    form: str,
    capture: Callable[[], Capture] | None = None,
) -> list[Finding]:
    """Measure median milliseconds of a step, and its peak memory.

    Args:
        form: `plain` (forward and backward pass alone), `moments` or `stacked` (a step of the loop that also trains α),
            or `graph` (the stacked step replayed).
    """
    before = environment.memory()
    environment.reset_peak_memory()
    data = made_batch(settings, batch, device)
    if form == "plain":
        torch.manual_seed(0)
        net = _build(ReferenceSuperNet, settings).to(device)
        images = data["weight_images"].float() / 128 - 1
        what, seconds = "forward and backward", repeat(lambda: _pass(net, images, data["weight_labels"]), repetitions)
    else:
        replays = Replays(capture(), required=True) if form == "graph" and capture is not None else None
        bilevel, optimisers = _bilevel(device, settings, replays)
        bilevel.supernet.arithmetic = "moments" if form == "moments" else "stacked"
        # Not timed: the steps before a capture, and the capture itself.
        for _ in range(4 if replays is not None else 0):
            bilevel.train_step(data, optimisers)
        what, seconds = "step", repeat(lambda: bilevel.train_step(data, optimisers), repetitions)
    return [
        Finding(f"{form}, {what}, batch {batch}", 1000 * statistics.median(seconds), "ms"),
        Finding(f"{form}, peak memory", environment.growth(before), "bytes"),
    ]


def network_rates(repetitions: int, say: Callable[[str], None] = lambda doing: None) -> list[Finding]:
    """Measure training and inference of an evaluation network, SSD320 and PCB, in images per second."""
    from bench.tasks.architectures import resolve
    from bench.tasks.registry import load_protocol

    rows = []
    for name, on, batch in NETWORKS:
        say(f"{name} on {on}")
        task, protocol = load_protocol(on)
        speed = task.speed(protocol, resolve(name), batch, repetitions)
        for key in ("train_images_per_second", "inference_images_per_second"):
            what = f"{name} on {on}, {key.split('_')[0]}, batch {batch}"
            rows.append(Finding(what, statistics.median(getattr(speed, key)), "images/s"))
        if speed.peak_memory:
            rows.append(Finding(f"{name} on {on}, peak memory", speed.peak_memory, "bytes"))
    return rows


def examine_gpu(say: Callable[[str], None]) -> dict[str, Any]:
    """Check and measure this machine's GPU; the result is ready for JSON.

    Raises:
        InputError: there is no GPU.
    """
    if not torch.cuda.is_available():
        raise InputError("there is no GPU on this machine to check; everything runs on the CPU")
    from bench.searches.task import search_settings
    from search.loop.graph import CudaCapture

    start = time.perf_counter()
    settings = search_settings("search/pc_darts_cifar10")
    rows = examine(torch.device("cuda"), settings, capture=CudaCapture, say=say)
    rows += network_rates(5, say)
    return {
        "device": environment.device_name(),
        "versions": environment.package_versions(),
        "seconds": time.perf_counter() - start,
        "sound": all(row.sound is not False for row in rows),
        "rows": [{"what": row.what, "value": row.value, "unit": row.unit, "sound": row.sound} for row in rows],
    }


def _build(kind: type[nn.Module], settings: SearchSettings) -> nn.Module:
    space = SearchSpace.full(settings.nodes, settings.operations)
    return build_supernet(kind, settings, settings.stages[0], space, 10)


def _bilevel(device: torch.device, settings: SearchSettings, replays: Replays | None) -> tuple[Bilevel, Any]:
    torch.manual_seed(0)
    supernet = _build(SuperNet, settings)
    assert isinstance(supernet, SuperNet)
    supernet.arithmetic = "stacked"
    bilevel = build_bilevel(settings, supernet.to(device), replays).train()
    bilevel.train_architecture = True
    return bilevel, build_optimisers(supernet, settings.weights, settings.architecture)


def _pass(net: nn.Module, images: Tensor, labels: Tensor, precision: str = "fp32") -> Tensor:
    """Run forward and backward, and return the logits in fp32."""
    net.zero_grad(set_to_none=True)
    with torch.autocast(images.device.type, torch.bfloat16, enabled=precision == "bf16"):
        logits: Tensor = net(images)
    logits = logits.float()
    F.cross_entropy(logits, labels).backward()
    return logits.detach()


def _gradient(parameter: Tensor) -> Tensor:
    assert parameter.grad is not None
    return parameter.grad


def _difference(found: list[Tensor], expected: list[Tensor]) -> float:
    """Norm of all differences, relative to the norm of the expected values."""
    apart = torch.stack([(one - other).float().norm() for one, other in zip(found, expected, strict=True)]).norm()
    return float(apart / torch.stack([other.float().norm() for other in expected]).norm())
