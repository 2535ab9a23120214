"""Every row of PC-DARTS Table 5 and P-DARTS Table 4 that is an SSD, at full size, and RetinaNet."""

import functools
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from torch import Tensor

from bench.detection.components import build_detector, model_config
from bench.detection.cost import backbone_cost, detector_cost
from bench.detection.protocol import input_shape
from bench.detection.speed import made_batch
from bench.tasks.architectures import resolve
from bench.tasks.contract import Protocol
from bench.tasks.registry import load_protocol
from search.configs import plain

from mmdet.models.dense_heads import SSDHead  # isort: skip - behind the components, which see to mmcv's compiled module

#: Protocol, architecture, and the backbone's multiply-adds in billions, as P-DARTS prints them. It does not print what
#: this count gives for VGG-16 (31.4 and 80.4 there), MobileNetV2 (0.7, with the last convolution), DARTS at 512 (2.9).
ROWS = [
    ("coco_ssd300_vgg16", "timm:vgg16", None),
    ("coco_ssd512_vgg16", "timm:vgg16", None),
    ("coco_ssd513", "timm:resnet101", 43.4),
    ("coco_ssdlite320", "timm:mobilenetv1_100", 1.2),
    ("coco_ssdlite320", "timm:mobilenetv2_100", None),
    ("coco_ssdlite320", "timm:semnasnet_100", 0.6),
    ("coco_ssd320", "PC_DARTS_image", 1.2),
    ("coco_ssd320", "DARTS_V2", 1.1),
    ("coco_ssd320", "PDARTS", 1.1),
    ("coco_ssd512", "DARTS_V2", None),
    ("coco_ssd512", "PDARTS", 2.9),
    ("coco_ssd512", "PC_DARTS_image", 3.1),
    # Not in the papers: odd maps with cells, SSDLite over cells.
    ("coco_ssd300", "PDARTS", None),
    ("coco_ssdlite320", "PDARTS", None),
]

#: Of each protocol the cells that cost most, to save time; the other cells differ by the genotype alone.
STEPPED = [row for row in ROWS if row[1].startswith("timm:") or row[:2] in (ROWS[6][:2], ROWS[11][:2], ROWS[12][:2])]


@functools.cache
def protocol(name: str) -> Protocol:
    return load_protocol(f"detection/{name}")[1]


def build(name: str, architecture: str, device: str = "cpu") -> Any:
    with torch.device(device):
        return build_detector(model_config(protocol(name).config, resolve(architecture).design, None))


def step(model: Any, images: int, height: int, width: int) -> None:
    """A training step on made images reaches every part."""
    model.train()
    data = model.data_preprocessor(made_batch(images, height, width, 80), training=True)
    total: Tensor = model.parse_losses(model(**data, mode="loss"))[0]
    assert math.isfinite(total.item())
    total.backward()
    for part, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, part
            assert bool(torch.isfinite(parameter.grad).all()), part
    learning = [parameter for parameter in model.backbone.parameters() if parameter.requires_grad]
    first, before = learning[0], learning[0].detach().clone()
    torch.optim.SGD(model.parameters(), lr=1e-3).step()
    assert not torch.equal(first, before)


def costs(model: Any, name: str, published: float | None) -> None:
    height, width = input_shape(protocol(name).config)
    backbone, whole = backbone_cost(model, height, width), detector_cost(model, height, width)
    if published is not None:
        assert round(backbone.published_macs / 1e9, 1) == published
    assert whole.params == sum(parameter.numel() for parameter in model.parameters())
    assert whole.params > backbone.params
    assert whole.macs > backbone.macs


@pytest.mark.parametrize(("name", "architecture", "published"), STEPPED)
def test_a_row_trains_a_step_at_full_size(name: str, architecture: str, published: float | None) -> None:
    torch.manual_seed(0)
    model = build(name, architecture)
    model.init_weights()
    step(model, 1, *input_shape(protocol(name).config))
    costs(model, name, published)


@pytest.mark.parametrize(("name", "architecture", "published"), [row for row in ROWS if row not in STEPPED])
def test_a_row_of_other_cells_is_built(name: str, architecture: str, published: float | None) -> None:
    costs(build(name, architecture, device="meta"), name, published)


def test_ssd300_over_vgg_costs_what_its_layers_do() -> None:
    """Each convolution counted by hand: output side, kernel, channels in and out."""
    model = build("coco_ssd300_vgg16", "timm:vgg16", device="meta")
    blocks = [
        (300, 3, [64, 64]),
        (150, 64, [128, 128]),
        (75, 128, [256] * 3),
        (38, 256, [512] * 3),
        (19, 512, [512] * 3),
    ]
    layers = []
    for side, channels, outs in blocks:
        for out in outs:
            layers.append((side, 3, channels, out))
            channels = out
    layers += [(19, 3, 512, 1024), (19, 1, 1024, 1024)]
    backbone = sum(side**2 * kernel**2 * before * after for side, kernel, before, after in layers)
    assert backbone_cost(model, 300, 300).macs == backbone
    extra = [(19, 1, 1024, 256), (10, 3, 256, 512), (10, 1, 512, 128), (5, 3, 128, 256)]
    extra += [(5, 1, 256, 128), (3, 3, 128, 256), (3, 1, 256, 128), (1, 3, 128, 256)]
    maps = zip((38, 19, 10, 5, 3, 1), (512, 1024, 512, 256, 256, 256), (4, 6, 6, 6, 4, 4), strict=True)
    extra += [(side, 3, channels, anchors * (81 + 4)) for side, channels, anchors in maps]
    whole = backbone + sum(side**2 * kernel**2 * before * after for side, kernel, before, after in extra)
    assert detector_cost(model, 300, 300).macs == whole


def mmdetections(name: str, folder: Path) -> Config:
    """A config of MMDetection as it comes."""
    file = folder / "theirs.py"
    file.write_text(f"_base_ = 'mmdet::ssd/{name}.py'\n", encoding="utf-8")
    return Config.fromfile(str(file))


def unscoped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: unscoped(item) for key, item in value.items() if key != "_scope_"}
    return [unscoped(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("ours", "name"), [("coco_ssd300_vgg16", "ssd300_coco"), ("coco_ssd512_vgg16", "ssd512_coco")])
def test_over_vgg_the_protocol_is_mmdetections(ours: str, name: str, tmp_path: Path) -> None:
    config, theirs = protocol(ours).config, mmdetections(name, tmp_path)
    model, their_model = unscoped(plain(config["model"])), unscoped(plain(theirs.model.to_dict()))
    assert (model["backbone"].pop("type"), their_model["backbone"].pop("type")) == ("WildnasSSDVGG", "SSDVGG")
    assert (model["bbox_head"].pop("type"), their_model["bbox_head"].pop("type")) == ("WildnasSSDHead", "SSDHead")
    assert model["backbone"].pop("init_cfg") is None
    assert their_model["backbone"].pop("init_cfg")["type"] == "Pretrained"
    assert model == their_model
    for key in ("optim_wrapper", "param_scheduler", "train_cfg"):
        assert unscoped(config[key]) == unscoped(plain(theirs[key])), key
    for get in (lambda c: c["train_dataloader"]["dataset"]["dataset"], lambda c: c["val_dataloader"]["dataset"]):
        assert unscoped(plain(get(config)["pipeline"])) == unscoped(plain(get(theirs)["pipeline"]))


def test_our_head_gives_the_boxes_and_losses_of_mmdetections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under MMDetection's own config of SSD300, its head patched as its issue 11063 says."""
    monkeypatch.setattr(SSDHead, "loss_cls", None, raising=False)
    models = []
    for kind in ("SSDHead", "WildnasSSDHead"):
        config = mmdetections("ssd300_coco", tmp_path).model
        config.backbone.init_cfg = None
        config.bbox_head.type = kind
        torch.manual_seed(0)
        models.append(build_detector(config))
        models[-1].init_weights()
    models[1].load_state_dict(models[0].state_dict())
    found, losses = [], []
    for model in models:
        batch = made_batch(1, 300, 300, 80)
        with torch.no_grad():
            found.append(model(**model.data_preprocessor(batch), mode="predict")[0].pred_instances)
            losses.append(model(**model.data_preprocessor(batch, training=True), mode="loss"))
    assert len(found[0]) > 0
    for key in ("bboxes", "scores", "labels"):
        assert torch.equal(found[0][key], found[1][key]), key
    for key in ("loss_cls", "loss_bbox"):
        assert torch.equal(torch.stack(losses[0][key]), torch.stack(losses[1][key])), key
