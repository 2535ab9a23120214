from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import ConfigDict

from backbones import weights, zoo
from backbones.errors import InputError
from backbones.networks import ImageNetNetwork
from bench.detection.components import build_detector, read_genotype
from bench.detection.speed import made_batch

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
    assert read_genotype(genotype) == PDARTS


@pytest.mark.parametrize("genotype", ["PDART", "Genotype(normal=[])", {"normal": []}, 7])
def test_a_bad_genotype(genotype: Any) -> None:
    with pytest.raises(InputError):
        read_genotype(genotype)


def test_loss_and_gradients_reach_every_part() -> None:
    torch.manual_seed(0)
    model = build_detector(ssd())
    data = model.data_preprocessor(made_batch(2, 64, 3), training=True)
    losses = model(**data, mode="loss")
    assert set(losses) == {"loss_cls", "loss_bbox"}
    total, _ = model.parse_losses(losses)
    total.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert bool(torch.isfinite(parameter.grad).all()), name


def test_predictions_lie_in_the_image() -> None:
    torch.manual_seed(0)
    model = build_detector(ssd()).eval()
    with torch.no_grad():
        samples = model(**model.data_preprocessor(made_batch(2, 64, 3)), mode="predict")
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


def test_too_small_an_input() -> None:
    config = ssd()
    config.input_size = 32
    with pytest.raises(InputError, match="use 64 pixels or more"):
        build_detector(config)
