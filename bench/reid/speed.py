"""Images per second of PCB in training and in inference, on made images."""

from __future__ import annotations

from types import SimpleNamespace

import torch

from bench.contract import Speed
from bench.reid.engine import PcbEngine, build_optimisation
from bench.reid.pcb import PCB
from bench.reid.schema import ReidConfig
from bench.timing import repeat


def measure_speed(pcb: PCB, identities: int, config: ReidConfig, batch_size: int, repetitions: int) -> Speed:
    """Time the engine's own training step and feature extraction on one batch of noise that stays on the device."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    pcb = pcb.to(device)
    images = torch.randn(batch_size, 3, config.height, config.width, device=device)
    batch = {"img": images, "pid": torch.arange(batch_size, device=device) % identities}
    no_data = SimpleNamespace(train_loader=None, test_loader=None, num_train_pids=identities)
    engine = PcbEngine(no_data, pcb, *build_optimisation(pcb, config, pretrained=True), config.label_smooth)
    # What the engine's loop keeps count with.
    engine.batch_idx, engine.num_batches, engine.max_epoch = 0, 1, 1

    def extract() -> None:
        with torch.no_grad():
            engine.extract_features(images)

    engine.set_model_mode("train")
    train = repeat(lambda: engine.forward_backward(batch), repetitions)
    engine.set_model_mode("eval")
    return Speed.of(batch_size, train, repeat(extract, repetitions))
