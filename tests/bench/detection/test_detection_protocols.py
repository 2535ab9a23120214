from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from backbones import zoo
from backbones.cost import measure
from backbones.errors import InputError
from bench.contract import Protocol
from bench.detection.components import WildnasCellBackbone, build_detector
from bench.detection.task import DetectionTask
from search.configs import config_names, load_config

Make = Callable[..., Protocol]


@pytest.mark.parametrize("name", config_names("detection"))
def test_every_protocol_is_valid_and_builds(name: str) -> None:
    config = DetectionTask().validate(load_config(name).values, name)
    with torch.device("meta"):
        model = build_detector(config["model"])
    size = config["model"]["input_size"]
    assert model.pyramid.input_size == size
    assert len(model.bbox_head.prior_generator.strides) == len(model.pyramid.sizes)
    mean = model.data_preprocessor.mean.shape
    assert tuple(mean) == (3, 1, 1)
    assert config["model"]["data_preprocessor"]["std"] == [58.395, 57.12, 57.375]


@pytest.mark.parametrize(
    ("name", "architecture", "published"),
    [
        ("coco_ssd320", "PC_DARTS_image", 1.2),
        ("coco_ssd320", "PDARTS", 1.1),
        ("coco_ssd320", "DARTS_V2", 1.1),
        ("coco_ssd512", "PDARTS", 2.9),
    ],
)
def test_the_backbones_cost_what_the_papers_print(name: str, architecture: str, published: float) -> None:
    config = load_config(f"detection/{name}").values["model"]
    settings = {key: value for key, value in config["backbone"].items() if key not in ("type", "genotype")}
    with torch.device("meta"):
        backbone = WildnasCellBackbone(zoo.get(architecture).genotype.to_json(), **settings)
    size = config["input_size"]
    assert round(measure(backbone, (3, size, size)).published_macs / 1e9, 1) == published


def test_what_a_reduced_protocol_says(make_protocol: Make, made_coco: Path) -> None:
    assert load_config("detection/coco_mini_ssd").values["reduced"]
    changed = make_protocol(made_coco, "train_cfg.max_epochs=1")
    assert changed.reasons(pretrained=True) == ("option train_cfg.max_epochs=1",)
    assert "reduced" not in load_config("detection/coco_ssd320").values


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("learning_rate=1", "unknown key 'learning_rate'"),
        ("modle.input_size=64", "unknown key 'modle'; did you mean 'model'"),
        ("model.backbone.chanels=8", "unknown key 'chanels' of WildnasCellBackbone; did you mean 'channels'"),
        ("model.anchor_percent=1", "unknown key 'anchor_percent' of WildnasSSD"),
        ("optim_wrapper.optimizer.lrr=1", "unknown key 'lrr' of SGD"),
        ("train_dataloader.dataset.dataset.pipelines=1", "unknown key 'pipelines' of CocoDataset"),
        ("train_dataloader.workers=1", "train_dataloader: unknown key 'workers'"),
        ("default_hooks.checkpoint.intervall=1", "unknown key 'intervall' of CheckpointHook"),
        ("param_scheduler.0.T_maximum=1", "unknown key 'T_maximum' of CosineAnnealingLR"),
        ("optim_wrapper.optimizer.type=SGDM", "optimizer.type: nothing is registered as 'SGDM'; did you mean 'SGD'"),
        ("train_cfg.max_epochs=0", "train_cfg.max_epochs=0: expected a whole number"),
        ("train_cfg.type=IterBasedTrainLoop", "train_cfg: expected epochs"),
        ("task=reid", "task='reid'"),
        ("reduced=short", "reduced='short'"),
        ("embedded=letters", "embedded='letters'"),
        ("model.backbone.type=SSDVGG", "model.backbone.type='SSDVGG': expected 'WildnasCellBackbone'"),
        ("model.backbone.layers=2", "layers=2"),
        ("model.input_size=big", "model.input_size='big'"),
        ("model.input_size=96", r"input_size differs from model.input_size|resizes to \[64, 64\]"),
        ("data_root=elsewhere", "data_root differs from train_dataloader.dataset.data_root"),
    ],
)
def test_a_mistake_is_named(make_protocol: Make, made_coco: Path, option: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        make_protocol(made_coco, option)
    assert "\n" not in str(caught.value)
