"""Images per second of PCB in training and inference, on random images."""

from __future__ import annotations

from types import SimpleNamespace

import torch

from backbones.design import Design
from bench.machine import environment
from bench.machine.timing import repeat
from bench.reid.engine import PcbEngine
from bench.reid.model import build_pcb
from bench.reid.schema import ReidConfig
from bench.tasks.contract import Speed


def measure_speed(design: Design, identities: int, config: ReidConfig, batch_size: int, repetitions: int) -> Speed:
    """Time the engine's own training step and feature extraction on one batch of noise that stays on the device."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    before = environment.memory()
    environment.reset_peak_memory()
    pcb = build_pcb(config, design, identities).to(device)
    images = torch.randn(batch_size, 3, config.height, config.width, device=device)
    # The number of images per identity that a triplet loss needs.
    batch = {"img": images, "pid": torch.arange(batch_size, device=device) // config.instances % identities}
    no_data = SimpleNamespace(train_loader=None, test_loader=None, num_train_pids=identities)
    # At least one epoch, since a protocol without training is timed too.
    engine = PcbEngine(no_data, pcb, config.model_copy(update={"epochs": max(1, config.epochs)}), pretrained=True)
    # Counters of the engine's loop.
    engine.batch_idx, engine.num_batches = 0, 1

    @torch.no_grad()
    def extract(some: torch.Tensor) -> None:
        engine.extract_features(some)

    engine.set_model_mode("train")
    train = repeat(lambda: engine.forward_backward(batch), repetitions)
    peak = environment.growth(before)
    engine.set_model_mode("eval")
    return Speed.of(
        batch_size,
        train,
        repeat(lambda: extract(images), repetitions),
        device=environment.device_name(),
        precision=config.precision,
        latency=repeat(lambda: extract(images[:1]), repetitions),
        peak_memory=peak,
    )
