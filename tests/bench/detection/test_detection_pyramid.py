from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from backbones import zoo
from backbones.errors import InputError
from backbones.features import CellBackbone
from backbones.timm_backbone import TimmBackbone
from bench.detection import components  # noqa: F401 - before MMDetection
from bench.detection.pyramid import confirm, derive, probe
from search.configs import load_config, plain

from mmdet.registry import MODELS, TASK_UTILS  # isort: skip


@pytest.fixture(autouse=True)
def _mmdetection_s_names() -> Iterator[None]:
    """MMDetection's components by their bare names, whatever a Runner of another test left as the default scope."""
    with DefaultScope.overwrite_default_scope("mmdet"):
        yield


def backbone(**settings: object) -> CellBackbone:
    with torch.device("meta"):
        return CellBackbone(zoo.get("PDARTS").genotype, channels=8, layers=5, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("input_size", "sizes"),
    [
        (300, (38, 19, 10, 5, 3, 1)),
        (320, (40, 20, 10, 5, 3, 1)),
        (512, (64, 32, 16, 8, 4, 2, 1)),
        (192, (24, 12, 6, 3, 1)),
        (128, (16, 8, 4, 2, 1)),
        (100, (13, 7, 4, 2, 1)),
        (64, (8, 4, 2, 1)),
        (65, (9, 5, 3, 1)),
    ],
)
def test_pyramids_close_and_are_what_the_network_gives(input_size: int, sizes: tuple[int, ...]) -> None:
    body = backbone()
    pyramid = derive(input_size, *probe(body, input_size), extra_channels=(16, 8))
    assert pyramid.sizes == sizes
    with torch.device("meta"):
        neck = MODELS.build({"type": "SSDNeck", "l2_norm_scale": None, **pyramid.neck()})
    confirm(pyramid, neck)
    generator = TASK_UTILS.build({"type": "SSDAnchorGenerator", "scale_major": False, **pyramid.anchors()})
    priors = generator.grid_priors([(size, size) for size in sizes], device="cpu")
    # The centres of the anchors of every map spread over the whole image, and not beyond it by more than a step.
    for level, boxes in enumerate(priors):
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        assert centres.min() == pytest.approx(pyramid.strides[level] / 2, abs=1e-3)
        assert abs(float(centres.max()) + pyramid.strides[level] / 2 - input_size) < pyramid.strides[level]


@pytest.mark.parametrize(
    ("config", "input_size", "sizes", "percents"),
    [("ssd300_coco", 300, (38, 19), (7, 15, 90)), ("ssd512_coco", 512, (64, 32), (4, 10, 90))],
)
def test_over_vgg_it_is_mmdetections_ssd(
    tmp_path_factory: pytest.TempPathFactory,
    config: str,
    input_size: int,
    sizes: tuple[int, ...],
    percents: tuple[int, ...],
) -> None:
    file = tmp_path_factory.mktemp("config") / "theirs.py"
    file.write_text(f"_base_ = 'mmdet::ssd/{config}.py'\n", encoding="utf-8")
    model = Config.fromfile(str(file)).model
    pyramid = derive(input_size, sizes, (512, 1024))
    neck = pyramid.neck()
    assert {key: neck[key] for key in ("in_channels", "out_channels", "level_strides", "level_paddings")} == {
        key: tuple(model.neck[key]) for key in ("in_channels", "out_channels", "level_strides", "level_paddings")
    }
    assert neck["last_kernel_size"] == model.neck.get("last_kernel_size", 3)
    theirs = TASK_UTILS.build(model.bbox_head.anchor_generator)
    ours = TASK_UTILS.build({"type": "SSDAnchorGenerator", "scale_major": False, **pyramid.anchors(percents)})
    maps = [(size, size) for size in pyramid.sizes]
    for a, b in zip(theirs.grid_priors(maps, device="cpu"), ours.grid_priors(maps, device="cpu"), strict=True):
        assert torch.equal(a, b)


def test_over_two_maps_halved_to_one_it_is_mmdetections_ssdlite(tmp_path: Path) -> None:
    file = tmp_path / "theirs.py"
    file.write_text("_base_ = 'mmdet::ssd/ssdlite_mobilenetv2-scratch_8xb24-600e_coco.py'\n", encoding="utf-8")
    theirs = Config.fromfile(str(file))
    pyramid = derive(320, (20, 10), (96, 1280), (512, 256, 256, 128), halve_to_one=True)
    assert pyramid.sizes == (20, 10, 5, 3, 2, 1)
    neck = pyramid.neck()
    for key in ("in_channels", "out_channels", "level_strides", "level_paddings"):
        assert neck[key] == tuple(theirs.model.neck[key]), key
    assert neck["last_kernel_size"] == 3
    generator = theirs.model.bbox_head.anchor_generator
    assert [round(stride) for stride in pyramid.strides] == generator.strides
    ours = load_config("detection/coco_ssdlite320").values
    assert ours["model"]["bbox_head"]["anchor_generator"] == plain(generator)
    for part in ("neck", "bbox_head"):
        for key in ("use_depthwise", "norm_cfg", "act_cfg", "init_cfg"):
            assert ours["model"][part][key] == plain(theirs.model[part][key]), (part, key)
    for key in ("lr", "weight_decay", "momentum"):
        assert ours["optim_wrapper"]["optimizer"][key] == theirs.optim_wrapper.optimizer[key]
    assert ours["auto_scale_lr"]["base_batch_size"] == theirs.auto_scale_lr.base_batch_size


@pytest.mark.parametrize("input_size", [64, 65, 100, 300, 320, 513])
def test_a_pyramid_halved_to_one_is_what_the_network_gives(input_size: int) -> None:
    body = backbone(out_strides=(16, 32))
    pyramid = derive(input_size, *probe(body, input_size), (16, 8), halve_to_one=True)
    assert pyramid.sizes[-1] == 1
    with torch.device("meta"):
        confirm(pyramid, MODELS.build({"type": "SSDNeck", "l2_norm_scale": None, **pyramid.neck()}))


def test_the_finer_last_map_has_its_true_stride() -> None:
    pyramid = derive(320, *probe(backbone(last_stride=1), 320))
    assert pyramid.sizes[:4] == (40, 20, 20, 10)
    assert pyramid.strides[:4] == (8, 16, 16, 32)


def test_maps_of_a_network_without_padding_have_its_strides() -> None:
    """Inception's maps at 300 pixels; 8, 16 and 32 are its strides."""
    with torch.device("meta"):
        sizes, channels = probe(TimmBackbone("inception_v3"), 300)
    assert sizes == (35, 17, 8)
    assert derive(300, sizes, channels).strides[:3] == (8, 16, 32)


def test_too_small_an_input_says_from_which_size_on() -> None:
    with pytest.raises(InputError, match=r"input size 32: .* use 64 pixels or more"):
        derive(32, *probe(backbone(), 32))


@pytest.mark.parametrize("percents", [(7, 15), (15, 7, 90), (7, 15, 16), (7.0, 15, 90), (0, 15, 90)])
def test_bad_anchor_percents(percents: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="anchor_percents"):
        derive(320, (40, 20, 10), (8, 8, 8)).anchors(percents)  # type: ignore[arg-type]


def test_a_neck_of_other_arguments_is_noticed() -> None:
    body = backbone()
    pyramid = derive(128, *probe(body, 128))
    arguments = {**pyramid.neck(), "level_strides": (1, 1)}
    with torch.device("meta"):
        neck = MODELS.build({"type": "SSDNeck", "l2_norm_scale": None, **arguments})
    with pytest.raises(ValueError, match="the pyramid at 128 pixels"):
        confirm(pyramid, neck)
