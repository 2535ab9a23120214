from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from backbones.errors import InputError
from bench.detection.components import build_detector
from bench.detection.protocol import input_shape
from bench.detection.task import DetectionTask
from bench.tasks.contract import Protocol
from search.configs import config_names, load_config

Make = Callable[..., Protocol]


@pytest.mark.parametrize("name", config_names("detection"))
def test_every_protocol_is_valid_and_builds(name: str) -> None:
    config = DetectionTask().validate(load_config(name).values, name)
    with torch.device("meta"):
        model = build_detector(config["model"])
    mean = model.data_preprocessor.mean.shape
    assert tuple(mean) == (3, 1, 1)
    caffe = config["architecture"] == "timm:vgg16"
    assert config["model"]["data_preprocessor"]["std"] == ([1, 1, 1] if caffe else [58.395, 57.12, 57.375])
    assert config["model"]["data_preprocessor"]["mean"] == [123.675, 116.28, 103.53]
    if config["model"]["type"] == "WildnasSSD":
        assert input_shape(config) == (model.pyramid.input_size,) * 2
        assert len(model.bbox_head.prior_generator.strides) == len(model.pyramid.sizes)


def test_a_full_run_is_of_coco_2017() -> None:
    """118,287 and 5,000 images: trainval35k and minival."""
    small = {
        "detection/coco_mini_ssd",
        "detection/coco_person_ssd192",
        "detection/digits_ssd",
        "detection/digits_study_ssd",
    }
    full = [name for name in config_names("detection") if name not in small]
    assert len(full) == 8
    for name in full:
        config = load_config(name).values
        assert config["expected"] == {"train images": 118287, "val images": 5000}
        assert config["pretrained"] is True
        assert config["limit"] is None
    assert load_config("detection/digits_ssd").values["expected"] == {}


def test_what_a_reduced_protocol_says(make_protocol: Make, made_coco: Path) -> None:
    assert load_config("detection/coco_mini_ssd").values["reduced"]
    changed = make_protocol(made_coco, "train_cfg.max_epochs=1")
    assert changed.reasons(pretrained=True) == ("option train_cfg.max_epochs=1",)
    assert "reduced" not in load_config("detection/coco_ssd320").values


@pytest.mark.parametrize(
    ("scale", "shape"), [(300, (300, 300)), ([512, 512], (512, 512)), ([1333, 800], (800, 1333)), ((64, 32), (32, 64))]
)
def test_the_size_of_an_image(scale: object, shape: tuple[int, int]) -> None:
    steps = [{"type": "LoadImageFromFile"}, {"type": "Resize", "scale": scale}]
    assert input_shape({"val_dataloader": {"dataset": {"dataset": {"pipeline": steps}}}}) == shape
    with pytest.raises(InputError, match=r"expected a Resize with scale=\(width, height\)"):
        input_shape({"val_dataloader": {"dataset": {"pipeline": steps[:1]}}})


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
        ("model.input_size=big", "model: input_size='big'"),
        ("model.input_size=96", r"input_size differs from model.input_size|resizes to \[64, 64\]"),
        ("model.bbox_head.type=SSDHead", "expected 'WildnasSSDHead', which can be trained"),
        ("architecture=vgg16", "architecture='vgg16': expected None or the only ARCH"),
        ("architecture=timm:vgg16", "architecture='timm:vgg16': expected None: WildnasCellBackbone takes any"),
        ("expected=5000", "expected=5000: expected counts by name"),
        ("limit=0", "limit=0: expected None or a whole number"),
        ("precision=fp16", "precision='fp16': expected 'fp32' or 'bf16'"),
        ("data_root=elsewhere", "data_root differs from train_dataloader.dataset.data_root"),
    ],
)
def test_a_mistake_is_named(make_protocol: Make, made_coco: Path, option: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        make_protocol(made_coco, option)
    assert "\n" not in str(caught.value)
