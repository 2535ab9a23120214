from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.registry import DATASETS, init_default_scope
from mmengine.structures import InstanceData
from torch import Tensor

from backbones import weights
from backbones.networks import ImageNetNetwork
from bench.detection.coco_data import find
from bench.detection.components import build_detector
from bench.detection.task import DetectionTask
from bench.detection.training import resolve as resolve_config
from bench.tasks.architectures import resolve
from bench.tasks.contract import Job, Protocol
from search.configs import plain

Make = Callable[..., Protocol]
PDARTS = resolve("PDARTS")


class Interrupted(Exception):
    """Stands for a job that is killed."""


def test_a_job_trains_scores_and_leaves_a_checkpoint(make_protocol: Make, made_coco: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = ImageNetNetwork(PDARTS.genotype, channels=4, layers=3, num_classes=5, auxiliary=False)
    start = weights.save(network, tmp_path / "classifier.pth")
    told: list[float] = []
    protocol = make_protocol(made_coco, "train_cfg.max_epochs=1")
    outcome = DetectionTask().run(
        Job(protocol, PDARTS, 0, tmp_path / "job", weights=start, progress=lambda done, doing: told.append(done))
    )
    # All objects are of one size: the two other area metrics are undefined.
    assert set(outcome.metrics) == {"ap", "ap50", "ap75", "aps"}
    assert all(np.isfinite(value) and 0 <= value <= 100 for value in outcome.metrics.values())
    assert outcome.counts == {"val images": 4, "val annotations": 6}
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)

    assert outcome.checkpoint == tmp_path / "job" / "checkpoint.pth"
    state = weights.read_state_dict(outcome.checkpoint)
    before = {f"backbone.{name}": value for name, value in network.state_dict().items()}
    moved = [name for name, value in state.items() if name in before and not torch.equal(value, before[name])]
    parameters = [f"backbone.{name}" for name, _ in network.named_parameters() if f"backbone.{name}" in state]
    assert parameters
    assert set(parameters) <= set(moved)
    assert all(bool(torch.isfinite(value).all()) for value in state.values())

    model = plain(protocol.config["model"])
    model["bbox_head"]["num_classes"] = 2
    detector = build_detector(model)
    detector.load_state_dict(state)
    assert outcome.cost.params == sum(parameter.numel() for parameter in detector.backbone.parameters())


def test_a_resumed_job_ends_where_an_uninterrupted_one_does(
    make_protocol: Make, made_coco: Path, tmp_path: Path
) -> None:
    # With a worker, whose draws are seeded anew every epoch.
    task, protocol = DetectionTask(), make_protocol(made_coco, "train_dataloader.num_workers=1")

    def stop_in_the_second_epoch(done: float, doing: str) -> None:
        if doing.startswith("epoch 2"):
            raise Interrupted

    whole = task.run(Job(protocol, PDARTS, 3, tmp_path / "whole"))
    with pytest.raises(Interrupted):
        task.run(Job(protocol, PDARTS, 3, tmp_path / "halves", progress=stop_in_the_second_epoch))
    assert not (tmp_path / "halves" / "checkpoint.pth").exists()
    # A folder may be moved between the two.
    (tmp_path / "halves").rename(tmp_path / "moved")
    halves = task.run(Job(protocol, PDARTS, 3, tmp_path / "moved"))
    assert (tmp_path / "moved" / "epoch_2.pth").is_file()
    assert halves.metrics == whole.metrics
    assert same(whole.checkpoint, halves.checkpoint)
    short = make_protocol(made_coco, "train_cfg.max_epochs=1")
    first, other = (task.run(Job(short, PDARTS, seed, tmp_path / f"seed{seed}")) for seed in (3, 4))
    assert not same(first.checkpoint, other.checkpoint)


def same(a: Path | None, b: Path | None) -> bool:
    assert a is not None
    assert b is not None
    first: dict[str, Tensor] = weights.read_state_dict(a)
    second: dict[str, Tensor] = weights.read_state_dict(b)
    return first.keys() == second.keys() and all(torch.equal(value, second[name]) for name, value in first.items())


def test_the_objects_themselves_score_full_marks(make_protocol: Make, made_coco: Path, tmp_path: Path) -> None:
    """Category ids that are no labels, crowds, empty and greyscale images: what is there to find is what counts."""
    protocol = make_protocol(made_coco)
    data = find(protocol.config)
    config = resolve_config(Job(protocol, PDARTS, 0, tmp_path / "job"), data)
    init_default_scope("mmdet")
    dataset = DATASETS.build(config.val_dataloader.dataset)
    assert dataset.metainfo["classes"] == ["left", "right"]
    evaluator = Evaluator(config.val_evaluator)
    evaluator.dataset_meta = dataset.metainfo
    for entry in dataset:
        sample = entry["data_samples"]
        found = sample.gt_instances
        # The test pipeline loads boxes after resizing, so that they are the image's own.
        sample.pred_instances = InstanceData(
            bboxes=found.bboxes.tensor, labels=found.labels, scores=torch.ones(len(found))
        )
        evaluator.process([sample])
    assert evaluator.evaluate(len(dataset))["coco/bbox_mAP"] == 1


def test_speed_is_measured(make_protocol: Make, made_coco: Path) -> None:
    speed = DetectionTask().speed(make_protocol(made_coco), PDARTS, batch_size=2, repetitions=2)
    assert speed.batch_size == 2
    assert len(speed.train_images_per_second) == len(speed.inference_images_per_second) == 2
    assert min(*speed.train_images_per_second, *speed.inference_images_per_second) > 0
