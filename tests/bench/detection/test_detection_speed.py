from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from backbones.errors import InputError
from bench.detection.components import build_detector, model_config
from bench.detection.protocol import input_shape
from bench.detection.speed import BOXES, made_batch, measure_speed
from bench.machine.timing import repeat
from bench.tasks.architectures import resolve
from bench.tasks.contract import Protocol
from bench.tasks.registry import load_protocol

Make = Callable[..., Protocol]
PDARTS = resolve("PDARTS")


def test_what_is_measured(make_protocol: Make, made_coco: Path) -> None:
    speed = measure_speed(make_protocol(made_coco), PDARTS, batch_size=3, repetitions=2)
    assert speed.batch_size == 3
    for values in (speed.train_images_per_second, speed.inference_images_per_second, speed.latency):
        assert len(values) == 2
        assert min(values) > 0
    # In a process that has held more before, it need not grow.
    assert speed.peak_memory >= 0


def test_made_images_are_of_the_size_and_their_boxes_lie_within() -> None:
    batch = made_batch(2, 40, 60, 5)
    for image, sample in zip(batch["inputs"], batch["data_samples"], strict=True):
        assert image.shape == (3, 40, 60)
        boxes, labels = sample.gt_instances.bboxes, sample.gt_instances.labels
        assert len(boxes) == len(labels) == BOXES
        assert bool((boxes[:, 2:] - boxes[:, :2] >= 2).all())
        assert float(boxes.min()) >= 0
        assert bool((boxes[:, 2:] <= torch.tensor([60.0, 40.0])).all())
        assert 0 <= int(labels.min()) <= int(labels.max()) < 5


@pytest.mark.parametrize(("batch_size", "repetitions"), [(0, 1), (1, 0)])
def test_nothing_to_measure(make_protocol: Make, made_coco: Path, batch_size: int, repetitions: int) -> None:
    with pytest.raises(InputError, match="expected 1 or more of both"):
        measure_speed(make_protocol(made_coco), PDARTS, batch_size, repetitions)


def test_a_protocol_of_one_backbone_is_not_measured_over_another() -> None:
    _, protocol = load_protocol("detection/coco_ssd300_vgg16")
    with pytest.raises(InputError, match="expected timm:vgg16, not a genotype"):
        measure_speed(protocol, PDARTS, 1, 1)
    with pytest.raises(InputError, match="expected timm:vgg16, not timm:resnet50"):
        measure_speed(protocol, resolve("timm:resnet50"), 1, 1)


def test_ssd320_over_cells_is_faster_than_ssd300_over_vgg() -> None:
    """P-DARTS 5.4.1: with 29 times fewer multiply-adds."""
    seconds = {}
    for name, architecture in (("coco_ssd320", "PDARTS"), ("coco_ssd300_vgg16", "timm:vgg16")):
        config = load_protocol(f"detection/{name}")[1].config
        torch.manual_seed(0)
        model = build_detector(model_config(config, resolve(architecture).design, weights=None))
        model.init_weights()
        data = model.eval().data_preprocessor(made_batch(1, *input_shape(config), 80))
        with torch.inference_mode():
            seconds[name] = min(repeat(lambda: model(**data, mode="predict"), 2))  # noqa: B023 - called at once
    assert seconds["coco_ssd320"] < 0.5 * seconds["coco_ssd300_vgg16"]
