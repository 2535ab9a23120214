from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from backbones import zoo
from backbones.build import build_backbone, build_classifier
from backbones.cost import measure
from backbones.design import TimmModel
from backbones.errors import InputError
from backbones.features import CellBackbone
from backbones.networks import CifarNetwork, ImageNetNetwork
from backbones.timm_backbone import TimmBackbone
from backbones.weights import load, save

#: Channels at strides 8, 16 and 32 as the models' papers have them.
CHANNELS = {
    "resnet50": (512, 1024, 2048),
    "resnet101": (512, 1024, 2048),
    "vgg16": (512, 512, 512),
    "mobilenetv1_100": (256, 512, 1024),
    "mobilenetv2_100": (32, 96, 320),
    # MnasNet-A1.
    "semnasnet_100": (40, 112, 320),
    # Channels last in their shapes.
    "swin_tiny_patch4_window7_224": (192, 384, 768),
}
#: Small models that are built in three different ways.
SMALL = ["resnet10t", "mobilenetv3_small_050", "vgg11"]


def on_meta(name: str, **settings: Any) -> TimmBackbone:
    with torch.device("meta"):
        return TimmBackbone(name, **settings)


@pytest.mark.parametrize("name", CHANNELS)
def test_maps_are_those_of_the_models_papers(name: str) -> None:
    backbone = on_meta(name)
    assert backbone.feature_channels == CHANNELS[name]
    maps = backbone.eval()(torch.empty(2, 3, 224, 224, device="meta"))
    shapes = [(2, c, 224 // s, 224 // s) for c, s in zip(CHANNELS[name], (8, 16, 32), strict=True)]
    assert [tuple(m.shape) for m in maps] == shapes


@pytest.mark.parametrize(
    # He et al. 2016, Table 1: 3.8e9 and 7.6e9 with the stride in the first convolution of a block; timm has it in the
    # second, for which torchvision's documentation has 4.09 and 7.80, and 15.47 for VGG-16. Sandler et al. 2018, Table
    # 4: 300 M.
    ("name", "params", "macs"),
    [
        ("resnet50", "25.6", "4.09"),
        ("resnet101", "44.5", "7.80"),
        ("mobilenetv2_100", "3.5", "0.30"),
        ("vgg16", "138.4", "15.47"),
    ],
)
def test_cost_of_whole_models(name: str, params: str, macs: str) -> None:
    with torch.device("meta"):
        network = build_classifier(TimmModel(name), "imagenet", 48, 14, num_classes=1000, auxiliary=True)
    cost = measure(network, (3, 224, 224))
    assert (f"{cost.params / 1e6:.1f}", f"{cost.macs / 1e9:.2f}") == (params, macs)
    assert cost.published_macs > cost.macs


def test_maps_with_channels_last_in_their_shape_are_turned_and_not_mirrored() -> None:
    torch.manual_seed(0)
    backbone = TimmBackbone("swinv2_tiny_window8_256", out_strides=(4,)).eval()
    with torch.no_grad():
        (found,) = backbone(torch.randn(1, 3, 256, 256))
        again = backbone.model(torch.zeros(1, 3, 256, 256))[0]
    assert found.shape == (1, 96, 64, 64)
    assert again.shape == (1, 64, 64, 96)
    with torch.no_grad():
        image = torch.randn(1, 3, 256, 256)
        assert torch.equal(backbone(image)[0][0, 5, 3, 40], backbone.model(image)[0][0, 3, 40, 5])


@pytest.mark.parametrize("name", ["efficientvit_m0", "shvit_s1", "rdnet_tiny"])
def test_names_joined_by_underscores_are_found(name: str) -> None:
    with torch.device("meta"):
        names = timm.create_model(name).state_dict()
    backbone = on_meta(name, out_strides=(16,))
    assert set(backbone.renamed(dict.fromkeys(names, 0))) >= set(backbone.state_dict())


@pytest.mark.parametrize("strides", [(8,), (16, 32), (4, 8, 16, 32)])
def test_strides_can_be_chosen(strides: tuple[int, ...]) -> None:
    full = on_meta("resnet10t", out_strides=(4, 8, 16, 32))
    backbone = on_meta("resnet10t", out_strides=strides)
    channels = dict(zip(full.out_strides, full.feature_channels, strict=True))
    assert backbone.feature_channels == tuple(channels[stride] for stride in strides)
    maps = backbone.eval()(torch.empty(1, 3, 64, 64, device="meta"))
    assert [m.shape[-1] for m in maps] == [64 // stride for stride in strides]


@pytest.mark.parametrize("name", ["resnet50", "resnet101", "mobilenetv2_100", "efficientnet_b0"])
def test_last_stride_1_keeps_the_size_of_the_map_before(name: str) -> None:
    backbone = on_meta(name, last_stride=1)
    sizes = [m.shape[-2:] for m in backbone.eval()(torch.empty(1, 3, 384, 128, device="meta"))]
    assert sizes == [(48, 16), (24, 8), (24, 8)]


def test_last_stride_1_leaves_the_attention_of_the_map_before_as_it_is() -> None:
    torch.manual_seed(0)
    plain = TimmBackbone("pvt_v2_b0", out_strides=(16, 32)).eval()
    fine = TimmBackbone("pvt_v2_b0", out_strides=(16, 32), last_stride=1).eval()
    fine.load_state_dict(plain.state_dict())
    image = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        before, after = plain(image), fine(image)
    assert torch.equal(before[0], after[0])
    assert (before[1].shape[-1], after[1].shape[-1]) == (7, 14)


def test_last_stride_1_keeps_the_weights_and_no_other_map_changes() -> None:
    # No other halving in ResNet-18's last stage than the two of its first block.
    torch.manual_seed(0)
    plain = TimmBackbone("resnet18").eval()
    fine = TimmBackbone("resnet18", last_stride=1).eval()
    fine.load_state_dict(plain.state_dict())
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        before, after = plain(image), fine(image)
    assert torch.equal(before[0], after[0])
    assert torch.equal(before[1], after[1])
    changed = {
        name
        for name, module in fine.named_modules()
        if isinstance(module, nn.Conv2d) and module.stride != plain.get_submodule(name).stride
    }
    assert changed == {"model.layer4.0.conv1", "model.layer4.0.downsample.0"}


@pytest.mark.parametrize("name", SMALL)
def test_maps_are_timms_own(name: str) -> None:
    backbone = TimmBackbone(name).eval()
    plain = timm.create_model(name, features_only=True).eval()
    stripped = {key.removeprefix("model."): value for key, value in backbone.state_dict().items()}
    plain.load_state_dict({key: stripped.get(key, value) for key, value in plain.state_dict().items()})
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        for stride, found in zip((8, 16, 32), backbone(image), strict=True):
            place = plain.feature_info.reduction().index(stride)
            assert torch.equal(found, plain(image)[place])


@pytest.mark.parametrize("name", [*SMALL, "vit_tiny_patch16_224"])
@pytest.mark.parametrize("written_by", ["this project", "timm"])
def test_weights_of_the_whole_model_load(name: str, written_by: str, tmp_path: Path) -> None:
    torch.manual_seed(1)
    whole = timm.create_model(name, num_classes=5).eval()
    if written_by == "this project":
        file = save(whole, tmp_path / "whole.pth", TimmModel(name))
    else:
        file = tmp_path / "model.safetensors"
        save_file(whole.state_dict(), file)
    backbone = TimmBackbone(name, out_strides=(16,) if name.startswith("vit") else (16, 32)).eval()
    report = load(backbone, file, TimmModel(name))
    assert len(report.loaded) == len(backbone.state_dict())
    assert len(report.loaded) + len(report.left_out) == len(whole.state_dict())
    image = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        maps = whole.forward_intermediates(image, intermediates_only=True, norm=False)
        last = backbone(image)[-1]
        assert any(found.shape == last.shape and torch.allclose(last, found, atol=1e-5) for found in maps)


def test_wrapped_names_have_their_counterparts() -> None:
    with torch.device("meta"):
        names = timm.create_model("nasnetalarge").state_dict()
        backbone = TimmBackbone("nasnetalarge", out_strides=(16, 32))
    assert all(name.startswith("model.body.") for name in backbone.state_dict())
    assert set(backbone.renamed(dict.fromkeys(names, 0))) >= set(backbone.state_dict())
    assert {name for name in names if backbone.is_spare(name)} == {"last_linear.weight", "last_linear.bias"}


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    file = save(timm.create_model("resnet18", num_classes=5), tmp_path / "resnet18.pth", TimmModel("resnet18"))
    with pytest.raises(InputError, match=r"resnet18\.pth: holds the weights of another"):
        load(TimmBackbone("resnet10t"), file, TimmModel("resnet10t"))
    with pytest.raises(InputError, match=r"resnet18\.pth: .*was it made by the same"):
        load(TimmBackbone("resnet10t"), file)


def test_a_damaged_safetensors_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"\x10\0\0\0\0\0\0\0 garbage")
    with pytest.raises(InputError, match=r"model\.safetensors: cannot be read as safetensors") as caught:
        load(TimmBackbone("resnet10t"), file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("stages", "kept"), [(1, "layer1"), (2, "layer2"), (3, "layer3"), (4, "layer4")])
def test_frozen_stages_stay_as_they_are(stages: int, kept: str) -> None:
    backbone = TimmBackbone("resnet10t", frozen_stages=stages)
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            # timm starts the last of every block at 0, which hides the block's gradients.
            nn.init.ones_(module.weight)
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    if stages < 4:
        sum(m.square().mean() for m in backbone.train()(torch.randn(2, 3, 64, 64))).backward()
        with torch.no_grad():
            for parameter in backbone.parameters():
                if parameter.grad is not None:
                    parameter -= parameter.grad
    else:
        backbone.train()(torch.randn(2, 3, 64, 64))
        assert not any(parameter.requires_grad for parameter in backbone.parameters())
    for name, value in backbone.state_dict().items():
        parts = name.split(".")[1]
        frozen = not parts.startswith("layer") or parts <= kept
        assert torch.equal(value, before[name]) == frozen, name


@pytest.mark.parametrize(
    ("name", "strides", "stages", "frozen"),
    [
        # Its position embedding belongs to the root module, beside all that is not frozen.
        ("hiera_tiny_224", (16, 32), 1, 15),
        ("visformer_tiny", (8, 16, 32), 2, None),
    ],
)
def test_exactly_what_the_frozen_map_is_computed_with_is_frozen(
    name: str, strides: tuple[int, ...], stages: int, frozen: int | None
) -> None:
    with torch.device("meta"):
        model = timm.create_model(name, features_only=True)
    place = model.feature_info.reduction().index(4 * 2 ** (stages - 1))
    image = torch.empty(1, 3, 224, 224, device="meta")
    parameters = dict(model.named_parameters())
    gradients = torch.autograd.grad(model(image)[place].sum(), list(parameters.values()), allow_unused=True)
    expected = {key for key, gradient in zip(parameters, gradients, strict=True) if gradient is not None}
    backbone = on_meta(name, out_strides=strides, frozen_stages=stages)
    found = {key.removeprefix("model.") for key, value in backbone.named_parameters() if not value.requires_grad}
    assert found == expected
    assert frozen in (None, len(found))


def test_norm_eval_keeps_statistics() -> None:
    backbone = TimmBackbone("resnet10t", norm_eval=True).train()
    before = {name: value.clone() for name, value in backbone.named_buffers()}
    backbone(torch.randn(2, 3, 64, 64))
    assert all(torch.equal(value, before[name]) for name, value in backbone.named_buffers())
    assert backbone.training


def test_checkpointing_keeps_less_and_changes_no_gradient() -> None:
    torch.manual_seed(0)
    plain = TimmBackbone("resnet10t", norm_eval=True).train()
    saving = TimmBackbone("resnet10t", norm_eval=True, checkpointing=True).train()
    saving.load_state_dict(plain.state_dict())
    image = torch.randn(2, 3, 64, 64)
    kept = []
    for backbone in (plain, saving):
        sizes: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(lambda x, sizes=sizes: sizes.append(x.numel()) or x, lambda x: x):
            loss = sum(m.square().mean() for m in backbone(image))
        kept.append(sum(sizes))
        loss.backward()
    assert kept[1] < kept[0]
    for one, other in zip(plain.parameters(), saving.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad)


@pytest.mark.parametrize(
    ("name", "settings", "named"),
    [
        ("resnet5", {}, "did you mean 'timm:resnet50'"),
        ("zzzzzzz", {}, "no model of that name"),
        ("resnet10t", {"out_strides": ()}, "expected one or more strides"),
        ("resnet10t", {"out_strides": 8}, "out_strides=8: expected a list"),
        ("resnet10t", {"out_strides": ("8",)}, "expected a list"),
        ("resnet10t", {"last_stride": 1.0}, "last_stride=1.0"),
        ("resnet10t", {"frozen_stages": None}, "frozen_stages=None"),
        ("resnet10t", {"drop_path": "0.1"}, "drop_path='0.1'"),
        ("resnet10t", {"out_strides": (16, 8)}, "rising"),
        ("resnet10t", {"out_strides": (8, 64)}, r"expected rising strides out of \[2, 4, 8, 16, 32\]"),
        ("vit_tiny_patch16_224", {}, r"out of \[16\]"),
        ("resnet10t", {"last_stride": 3}, "last_stride=3"),
        # The pooled shortcut of ResNet-D, and kernels of 2x2, cannot keep a map's size.
        ("vgg11", {"last_stride": 1}, "timm:vgg11: last_stride=1"),
        ("resnet50d", {"last_stride": 1}, "timm:resnet50d: last_stride=1"),
        ("convnext_atto", {"last_stride": 1}, "timm:convnext_atto: last_stride=1"),
        ("resnet10t", {"last_stride": 1, "out_strides": (8, 16)}, "last_stride=1: expected maps"),
        # Its attention has tables of one size.
        ("mvitv2_tiny", {"last_stride": 1}, "timm:mvitv2_tiny: last_stride=1"),
        ("hrnet_w18_small", {"checkpointing": True}, "timm:hrnet_w18_small: checkpointing=True"),
        ("resnet10t", {"frozen_stages": 5}, "frozen_stages=5"),
        ("vit_tiny_patch16_224", {"frozen_stages": 1, "out_strides": (16,)}, "no map of stride 4"),
        ("resnet10t", {"drop_path": 1.0}, "drop_path=1.0"),
        ("vgg11", {"drop_path": 0.2}, "timm:vgg11: cannot be built with .*drop_path_rate=0.2"),
        ("vit_tiny_patch16_224", {"checkpointing": True, "out_strides": (16,)}, "not supported by this model"),
    ],
)
def test_what_cannot_be_is_named(name: str, settings: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named) as caught:
        on_meta(name, **settings)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("name", ["", "a b", "x" * 10_000, "resnet50.a1_in1k", "../x", "résnet"])
def test_a_name_that_can_be_none_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="timm:") as caught:
        TimmModel(name)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_one_factory_builds_both() -> None:
    genotype = zoo.get("PDARTS").genotype
    with torch.device("meta"):
        cells = build_backbone(genotype, channels=8, layers=5, out_strides=(16, 32))
        model = build_backbone(TimmModel("resnet10t"), channels=8, layers=5, out_strides=(16, 32))
        assert isinstance(build_classifier(genotype, "cifar", 4, 3, 10, auxiliary=False), CifarNetwork)
        assert isinstance(build_classifier(genotype, "imagenet", 4, 3, 10, auxiliary=True), ImageNetNetwork)
    assert isinstance(cells, CellBackbone)
    assert isinstance(model, TimmBackbone)
    assert (cells.feature_channels, model.feature_channels) == ((64, 128), (256, 512))
    assert cells.out_strides == model.out_strides == (16, 32)
