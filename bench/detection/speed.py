"""Images per second of an SSD, on made images with made boxes."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.structures import InstanceData
from torch import Tensor

from backbones.errors import InputError
from bench.architectures import Architecture
from bench.contract import Protocol, Speed
from bench.detection.components import backbone_config, build_detector
from bench.timing import repeat
from search.configs import plain

#: Boxes on each made image; COCO has seven on average.
BOXES = 7


def measure_speed(protocol: Protocol, architecture: Architecture, batch_size: int, repetitions: int) -> Speed:
    """Time training steps (forward, backward, update) and inference steps (forward, NMS), each after a warm-up.

    Raises:
        InputError: the batch size or the number of repetitions is not positive.
    """
    if batch_size < 1 or repetitions < 1:
        raise InputError(f"batch size {batch_size}, {repetitions} repetitions: expected 1 or more of both")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model_config = plain(protocol.config["model"])
    model_config["backbone"] = backbone_config(model_config["backbone"], architecture.design, weights=None)
    model = build_detector(model_config).to(device)
    batch = made_batch(batch_size, model_config["input_size"], model_config["bbox_head"]["num_classes"])
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)

    def train_step() -> None:
        data = model.data_preprocessor(batch, training=True)
        loss: Tensor = model.parse_losses(model(**data, mode="loss"))[0]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def inference_step() -> None:
        with torch.no_grad():
            model(**model.data_preprocessor(batch), mode="predict")

    model.train()
    train = repeat(train_step, repetitions)
    model.eval()
    return Speed.of(batch_size, train, repeat(inference_step, repetitions))


def made_batch(batch_size: int, input_size: int, num_classes: int) -> dict[str, Any]:
    """A batch as the loader gives it: images of noise `(3, S, S)`, each with the same number of boxes."""
    from mmdet.structures import DetDataSample

    draw = torch.Generator().manual_seed(0)
    images, samples = [], []
    for _ in range(batch_size):
        corners = torch.rand(BOXES, 2, 2, generator=draw).sort(dim=1).values * (input_size - 2)
        boxes = torch.cat([corners[:, 0], corners[:, 1] + 2], dim=1)
        labels = torch.randint(num_classes, (BOXES,), generator=draw)
        shape = (input_size, input_size)
        meta = {"img_shape": shape, "ori_shape": shape, "pad_shape": shape, "scale_factor": (1.0, 1.0), "img_id": 0}
        sample = DetDataSample(metainfo=meta)
        sample.gt_instances = InstanceData(bboxes=boxes, labels=labels)
        sample.ignored_instances = InstanceData(bboxes=torch.zeros(0, 4), labels=torch.zeros(0, dtype=torch.long))
        images.append(torch.randint(256, (3, *shape), generator=draw, dtype=torch.uint8))
        samples.append(sample)
    return {"inputs": images, "data_samples": samples}
