"""Images per second, latency and memory of a detector, on random images with random boxes."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.structures import InstanceData
from torch import Tensor, nn

from backbones.errors import InputError
from bench.detection.components import model_config, untrained
from bench.detection.protocol import input_shape
from bench.machine import environment
from bench.machine.timing import repeat
from bench.tasks.architectures import NamedArchitecture
from bench.tasks.contract import Protocol, Speed

#: Boxes on each random image; COCO has seven on average.
BOXES = 7


def measure_speed(protocol: Protocol, architecture: NamedArchitecture, batch_size: int, repetitions: int) -> Speed:
    """Time training steps (forward, backward, update) and inference (forward, decoding, NMS), each after a warm-up.

    The images have the protocol's size. Preprocessing on the device is timed too; reading and augmenting are not. The
    memory is right only in a process of its own (`bench.machine.timing.isolated`).

    Raises:
        InputError: batch size or repetitions are below 1, or the protocol is for another backbone only.
    """
    if batch_size < 1 or repetitions < 1:
        raise InputError(f"batch size {batch_size}, {repetitions} repetitions: expected 1 or more of both")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    before = environment.memory()
    environment.reset_peak_memory()
    torch.manual_seed(0)
    model = untrained(model_config(protocol.config, architecture.design, weights=None))
    model.to(device)
    head = model.bbox_head if model.with_bbox else model.roi_head.bbox_head
    batch, single = (made_batch(size, *input_shape(protocol.config), head.num_classes) for size in (batch_size, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)

    model.train()
    train = repeat(lambda: _train(model, batch, optimizer), repetitions)
    model.eval()
    inference = repeat(lambda: _detect(model, batch), repetitions)
    latency = repeat(lambda: _detect(model, single), repetitions)
    return Speed.of(
        batch_size,
        train,
        inference,
        device=environment.device_name(),
        latency=latency,
        peak_memory=environment.growth(before),
    )


def _train(model: Any, batch: dict[str, Any], optimizer: torch.optim.Optimizer) -> None:
    data = model.data_preprocessor(batch, training=True)
    loss: Tensor = model.parse_losses(model(**data, mode="loss"))[0]
    optimizer.zero_grad()
    loss.backward()
    # The protocol's learning rate may be too high for random boxes.
    nn.utils.clip_grad_norm_(model.parameters(), 10)
    optimizer.step()


def _detect(model: Any, batch: dict[str, Any]) -> None:
    with torch.inference_mode():
        model(**model.data_preprocessor(batch), mode="predict")


def made_batch(batch_size: int, height: int, width: int, num_classes: int) -> dict[str, Any]:
    """Draw a batch in the loader's form: images of noise `(3, H, W)`, each with the same number of boxes."""
    from mmdet.structures import DetDataSample

    draw = torch.Generator().manual_seed(0)
    images, samples = [], []
    for _ in range(batch_size):
        corners = torch.rand(BOXES, 2, 2, generator=draw).sort(dim=1).values * torch.tensor([width - 2, height - 2])
        boxes = torch.cat([corners[:, 0], corners[:, 1] + 2], dim=1)
        labels = torch.randint(num_classes, (BOXES,), generator=draw)
        shape = (height, width)
        meta = {"img_shape": shape, "ori_shape": shape, "pad_shape": shape, "scale_factor": (1.0, 1.0), "img_id": 0}
        sample = DetDataSample(metainfo=meta)
        sample.gt_instances = InstanceData(bboxes=boxes, labels=labels)
        sample.ignored_instances = InstanceData(bboxes=torch.zeros(0, 4), labels=torch.zeros(0, dtype=torch.long))
        images.append(torch.randint(256, (3, *shape), generator=draw, dtype=torch.uint8))
        samples.append(sample)
    return {"inputs": images, "data_samples": samples}
