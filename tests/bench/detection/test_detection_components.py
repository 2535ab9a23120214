import logging
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope

from backbones import weights, zoo
from backbones.design import Design, TimmModel
from backbones.errors import InputError
from backbones.networks import ImageNetNetwork
from backbones.timm_backbone import create
from backbones.zoo import genotype_of
from bench.detection.components import build_detector, model_config, untrained
from bench.detection.speed import made_batch

from mmdet.registry import MODELS  # isort: skip - behind the components, which see to mmcv's compiled module

PDARTS = zoo.get("PDARTS").genotype


def ssd(**backbone: Any) -> ConfigDict:
    return ConfigDict(
        type="WildnasSSD",
        input_size=64,
        extra_channels=(8,),
        data_preprocessor={"type": "DetDataPreprocessor", "mean": [123.0] * 3, "std": [58.0] * 3, "bgr_to_rgb": True},
        backbone=dict(type="WildnasCellBackbone", genotype="PDARTS", channels=4, layers=3, **backbone),
        neck={"type": "SSDNeck", "l2_norm_scale": None},
        bbox_head={
            "type": "WildnasSSDHead",
            "num_classes": 3,
            "bbox_coder": {
                "type": "DeltaXYWHBBoxCoder",
                "target_means": [0.0, 0.0, 0.0, 0.0],
                "target_stds": [0.1, 0.1, 0.2, 0.2],
            },
        },
        train_cfg={
            "assigner": {"type": "MaxIoUAssigner", "pos_iou_thr": 0.5, "neg_iou_thr": 0.5, "min_pos_iou": 0.0},
            "sampler": {"type": "PseudoSampler"},
            "smoothl1_beta": 1.0,
            "allowed_border": -1,
            "pos_weight": -1,
            "neg_pos_ratio": 3,
        },
        test_cfg={
            "nms_pre": 100,
            "nms": {"type": "nms", "iou_threshold": 0.45},
            "min_bbox_size": 0,
            "score_thr": 0.02,
            "max_per_img": 20,
        },
    )


@pytest.mark.parametrize("genotype", ["PDARTS", str(PDARTS), PDARTS.to_json()])
def test_a_genotype_by_name_text_and_object(genotype: Any) -> None:
    assert genotype_of(genotype) == PDARTS


@pytest.mark.parametrize("genotype", ["PDART", "Genotype(normal=[])", {"normal": []}, 7])
def test_a_bad_genotype(genotype: Any) -> None:
    with pytest.raises(InputError):
        genotype_of(genotype)


def test_loss_and_gradients_reach_every_part() -> None:
    torch.manual_seed(0)
    model = build_detector(ssd())
    data = model.data_preprocessor(made_batch(2, 64, 64, 3), training=True)
    losses = model(**data, mode="loss")
    assert set(losses) == {"loss_cls", "loss_bbox"}
    total, _ = model.parse_losses(losses)
    total.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert bool(torch.isfinite(parameter.grad).all()), name


def test_one_image_trains_batchnorm_on_a_single_point() -> None:
    """An epoch's last batch may be one image, of which the last map has one value a channel."""
    torch.manual_seed(0)
    config = ssd()
    config.neck.norm_cfg = {"type": "BN"}
    model = build_detector(config)
    norm = model.neck.extra_layers[-1][1].bn
    for images, moves in ((1, False), (2, True)):
        before = norm.running_mean.clone()
        losses = model(**model.data_preprocessor(made_batch(images, 64, 64, 3), training=True), mode="loss")
        model.parse_losses(losses)[0].backward()
        assert norm.training
        assert torch.equal(norm.running_mean, before) != moves
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_predictions_lie_in_the_image() -> None:
    torch.manual_seed(0)
    model = build_detector(ssd()).eval()
    with torch.no_grad():
        samples = model(**model.data_preprocessor(made_batch(2, 64, 64, 3)), mode="predict")
    for sample in samples:
        found = sample.pred_instances
        assert 0 < len(found) <= 20
        assert float(found.bboxes.min()) >= 0
        assert float(found.bboxes.max()) <= 64


def test_the_backbone_starts_from_a_classification_network(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = ImageNetNetwork(PDARTS, channels=4, layers=3, num_classes=5, auxiliary=True)
    file = weights.save(network, tmp_path / "classifier.pth", note="for a test")
    model = build_detector(ssd(weights=str(file)))
    model.init_weights()
    theirs = network.state_dict()
    ours = model.backbone.state_dict()
    assert ours
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())


def test_channels_lie_last() -> None:
    assert build_detector(ssd()).backbone.stem0[0].weight.is_contiguous(memory_format=torch.channels_last)


def test_weights_of_another_width_are_refused(tmp_path: Path) -> None:
    file = weights.save(ImageNetNetwork(PDARTS, channels=8, layers=3, num_classes=5), tmp_path / "wide.pth")
    with pytest.raises(InputError, match="differs in shape"):
        build_detector(ssd(weights=str(file))).init_weights()


def test_what_the_config_states_stands() -> None:
    config = ssd()
    config.bbox_head.anchor_generator = {
        "type": "SSDAnchorGenerator",
        "scale_major": False,
        "strides": [8, 16, 32, 64],
        "min_sizes": [5, 10, 20, 40],
        "max_sizes": [10, 20, 40, 60],
        "ratios": [[2], [2], [2], [2]],
    }
    assert build_detector(config).bbox_head.prior_generator.base_sizes == [5, 10, 20, 40]


def test_stated_anchors_of_another_pyramid_are_refused() -> None:
    config = ssd()
    config.bbox_head.anchor_generator = {"type": "SSDAnchorGenerator", "strides": [8, 16, 32], "ratios": [[2]] * 3}
    with pytest.raises(
        InputError, match=r"strides=\[8, 16, 32\]: expected \[8.0, 16.0.* for the maps 8x8, 4x4, 2x2, 1x1"
    ):
        build_detector(config)


def test_a_protocol_of_one_backbone_takes_no_other() -> None:
    config = {"architecture": "timm:vgg16", "model": {"backbone": {"type": "WildnasSSDVGG"}}}
    model = model_config(config, TimmModel("vgg16"), "weights.pth")
    assert model == {"backbone": {"type": "WildnasSSDVGG", "weights": "weights.pth"}}
    for other in (TimmModel("resnet50"), PDARTS):
        with pytest.raises(InputError, match="the protocol is for WildnasSSDVGG only: expected timm:vgg16, not"):
            model_config(config, other, None)


@pytest.mark.parametrize(
    ("design", "channels"), [(PDARTS, [16, 32, 64]), (TimmModel("mobilenetv3_small_050"), [16, 24, 288])]
)
def test_a_neck_of_mmdetection_is_told_the_widths_of_the_maps(design: Design, channels: list[int]) -> None:
    backbone = {"type": "WildnasCellBackbone", "channels": 4, "layers": 3}
    config = {"model": {"type": "RetinaNet", "backbone": backbone, "neck": {"type": "FPN", "in_channels": [1, 2, 3]}}}
    model = model_config(config, design, None)
    assert model["neck"]["in_channels"] == channels
    assert config["model"]["neck"]["in_channels"] == [1, 2, 3]  # type: ignore[index]


def vgg(weights_file: Path | None) -> Any:
    torch.manual_seed(1)
    with DefaultScope.overwrite_default_scope("mmdet"):
        settings = {"out_indices": (3, 4), "out_feature_indices": (22, 34), "ceil_mode": True}
        return MODELS.build({"type": "WildnasSSDVGG", "weights": weights_file and str(weights_file), **settings})


def test_vgg_starts_from_a_classification_network(tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = create("vgg16", num_classes=2).state_dict()
    # The convolutions alone, without half a gigabyte of fully connected layers.
    state = {name: value for name, value in theirs.items() if name.startswith("features.")}
    assert len(state) == 26
    torch.save(state, tmp_path / "vgg16.pth")
    model = vgg(tmp_path / "vgg16.pth")
    model.init_weights()
    ours = model.state_dict()
    assert all(torch.equal(ours[name], value) for name, value in state.items())
    assert sorted(set(ours) - set(state)) == [f"features.{n}.{kind}" for n in (31, 33) for kind in ("bias", "weight")]
    assert model.eval() is model

    torch.save({name: value for name, value in state.items() if name != "features.5.weight"}, tmp_path / "short.pth")
    with pytest.raises(InputError, match=r"lacks features\.5\.weight"):
        vgg(tmp_path / "short.pth").init_weights()
    torch.save({**state, "features.0.weight": torch.zeros(64, 1, 3, 3)}, tmp_path / "grey.pth")
    with pytest.raises(InputError, match=r"differs in shape at features\.0\.weight"):
        vgg(tmp_path / "grey.pth").init_weights()


def test_too_small_an_input() -> None:
    config = ssd()
    config.input_size = 32
    with pytest.raises(InputError, match="use 64 pixels or more"):
        build_detector(config)


def test_an_untrained_detector_is_drawn_without_a_line_for_each_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = lines.append  # type: ignore[method-assign]
    # A logger of this test alone: to a log file, which a run before may have set, mmengine writes past the handlers.
    monkeypatch.setattr(MMLogger, "_instance_dict", OrderedDict())
    log = MMLogger.get_instance("untrained", log_level="INFO")
    log.addHandler(handler)
    before = log.level
    torch.manual_seed(0)
    quiet = untrained(ssd())
    assert all(line.levelno < logging.INFO for line in lines)
    assert log.level == before
    torch.manual_seed(0)
    loud = build_detector(ssd())
    loud.init_weights()
    assert any(line.levelno == logging.INFO for line in lines)
    for one, two in zip(quiet.state_dict().values(), loud.state_dict().values(), strict=True):
        torch.testing.assert_close(one, two)
