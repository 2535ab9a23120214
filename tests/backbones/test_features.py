from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from backbones import zoo
from backbones.errors import InputError
from backbones.features import CellBackbone
from backbones.genotype import Genotype
from backbones.networks import CifarNetwork, ImageNetNetwork
from backbones.weights import load, save

PDARTS = zoo.get("PDARTS").genotype


def small(**settings: Any) -> CellBackbone:
    return CellBackbone(PDARTS, **{"channels": 4, "layers": 6, **settings})


def test_taps_of_the_imagenet_network() -> None:
    """192 channels at stride 8 (cell 3), 384 at 16 (cell 8), 768 at 32 (cell 13)."""
    with torch.device("meta"):
        backbone = CellBackbone(PDARTS)
        outputs: list[Tensor] = []
        for cell in backbone.cells:
            cell.register_forward_hook(lambda module, inputs, out: outputs.append(out))
        maps = backbone(torch.empty(1, 3, 320, 320))
    assert backbone.feature_channels == (192, 384, 768)
    assert [tuple(out.shape[1:]) for out in maps] == [(192, 40, 40), (384, 20, 20), (768, 10, 10)]
    assert [next(place for place, out in enumerate(outputs) if out is tap) for tap in maps] == [3, 8, 13]


@pytest.mark.parametrize("size", [300, 320, 97, 64])
@pytest.mark.parametrize("layers", [3, 5, 8])
def test_map_sizes_are_the_strides_rounded_up(size: int, layers: int) -> None:
    with torch.device("meta"):
        backbone = small(layers=layers, out_strides=(4, 8, 16, 32))
        maps = backbone(torch.empty(1, 3, size, size))
    assert [out.shape[-1] for out in maps] == [-(-size // stride) for stride in (4, 8, 16, 32)]
    assert tuple(out.shape[1] for out in maps) == backbone.feature_channels == (4, 16, 32, 64)


def test_cifar_stem_has_strides_1_2_4() -> None:
    backbone = small(stem="cifar", out_strides=(1, 2, 4))
    assert [tuple(out.shape[1:]) for out in backbone(torch.randn(2, 3, 16, 12))] == [
        (16, 16, 12),
        (32, 8, 6),
        (64, 4, 3),
    ]


@pytest.mark.parametrize("layers", [3, 4, 5, 6, 14])
@pytest.mark.parametrize("stem", ["imagenet", "cifar"])
def test_last_stride_1_keeps_the_size_of_the_map_before(layers: int, stem: str) -> None:
    strides = (8, 16, 32) if stem == "imagenet" else (1, 2, 4)
    with torch.device("meta"):
        backbone = small(layers=layers, stem=stem, out_strides=strides, last_stride=1)
        unchanged = small(layers=layers, stem=stem, out_strides=strides)
        maps = backbone(torch.empty(1, 3, 96, 48))
    sizes = [(96 // stride, 48 // stride) for stride in (*strides[:2], strides[1])]
    assert [tuple(out.shape[-2:]) for out in maps] == sizes
    shapes = [{name: value.shape for name, value in each.state_dict().items()} for each in (backbone, unchanged)]
    assert shapes[0] == shapes[1]


def test_maps_are_the_networks_own(tmp_path: Path) -> None:
    """The weights of a classification network load as they are, and each tap is the output of its cell."""
    network = ImageNetNetwork(PDARTS, channels=4, layers=6, num_classes=3)
    network(torch.randn(4, 3, 64, 64))
    file = save(network, tmp_path / "network.pth")
    backbone = small(out_strides=(4, 8, 16, 32)).eval()
    report = load(backbone, file)
    assert set(report.loaded) == set(backbone.state_dict())
    assert report.left_out
    assert all(name.startswith(("classifier.", "auxiliary_head.")) for name in report.left_out)
    outputs: dict[int, Tensor] = {}
    for place, cell in enumerate(network.eval().cells):
        cell.register_forward_hook(lambda module, inputs, out, place=place: outputs.update({place: out}))
    x = torch.randn(2, 3, 64, 64)
    network(x)
    expected = (network.stem0(x), outputs[1], outputs[3], outputs[5])
    for out, wanted in zip(backbone(x), expected, strict=True):
        assert torch.equal(out, wanted)


def test_weights_of_a_cifar_network_load(tmp_path: Path) -> None:
    file = save(CifarNetwork(PDARTS, channels=4, layers=6), tmp_path / "network.pth")
    load(small(stem="cifar", out_strides=(4,)), file)


@pytest.mark.parametrize(("strides", "cells"), [((4,), 0), ((8,), 2), ((8, 16), 4), ((32,), 6)])
def test_cells_behind_the_deepest_map_are_not_there(strides: tuple[int, ...], cells: int, tmp_path: Path) -> None:
    backbone = small(out_strides=strides)
    assert len(backbone.cells) == cells
    whole = ImageNetNetwork(PDARTS, channels=4, layers=6, num_classes=3)
    report = load(backbone, save(whole, tmp_path / "whole.pth"))
    assert len(report.loaded) + len(report.left_out) == len(whole.state_dict())
    assert ("cells" in str(report)) == (cells < 6)
    maps = backbone(torch.randn(2, 3, 64, 64))
    assert backbone.feature_channels == tuple(out.shape[1] for out in maps)
    sum(out.square().mean() for out in maps).backward()
    # What one device does not use, several devices would wait for.
    unused = {name.split(".")[0] for name, value in backbone.named_parameters() if value.grad is None}
    assert unused == ({"stem1"} if cells == 0 else set())


def step(backbone: CellBackbone) -> set[str]:
    """The top-level parts (`stem0`, `cells.3`, …) in which one step of training moved a weight or a statistic."""
    backbone.train()
    before = copy.deepcopy(backbone.state_dict())
    optimiser = torch.optim.SGD([each for each in backbone.parameters() if each.requires_grad], lr=0.5)
    sum(out.square().mean() for out in backbone(torch.randn(2, 3, 64, 64))).backward()
    optimiser.step()
    moved = [name for name, value in backbone.state_dict().items() if not torch.equal(value, before[name])]
    return {".".join(name.split(".")[: 2 if name.startswith("cells") else 1]) for name in moved}


@pytest.mark.parametrize(
    ("frozen", "kept"),
    [
        (0, set()),
        (1, {"stem0", "stem1"}),
        (2, {"stem0", "stem1", "cells.0", "cells.1"}),
        (3, {"stem0", "stem1", "cells.0", "cells.1", "cells.2", "cells.3"}),
    ],
)
def test_frozen_stages_stay_as_they_are(frozen: int, kept: set[str]) -> None:
    every = {"stem0", "stem1", *(f"cells.{place}" for place in range(6))}
    assert step(small(frozen_stages=frozen)) == every - kept


def test_four_frozen_stages_are_the_whole_backbone() -> None:
    backbone = small(frozen_stages=4).train()
    assert not any(parameter.requires_grad for parameter in backbone.parameters())
    assert not any(module.training for module in backbone.modules() if isinstance(module, nn.BatchNorm2d))


def test_frozen_stages_of_the_cifar_stem() -> None:
    backbone = small(stem="cifar", out_strides=(1, 2, 4), frozen_stages=2)
    assert step(backbone) == {f"cells.{place}" for place in range(2, 6)}


def test_norm_eval_keeps_statistics_and_trains_weights() -> None:
    backbone = small(norm_eval=True)
    before = {name: value.clone() for name, value in backbone.named_buffers()}
    assert "stem0" in step(backbone)
    assert all(torch.equal(value, before[name]) for name, value in backbone.named_buffers())
    assert backbone.training


def test_norm_eval_keeps_synchronised_statistics_too() -> None:
    backbone = nn.SyncBatchNorm.convert_sync_batchnorm(small(norm_eval=True)).train()
    norms = [part for part in backbone.modules() if isinstance(part, nn.SyncBatchNorm)]
    assert norms
    assert not any(norm.training for norm in norms)


def test_drop_path_acts_in_training() -> None:
    backbone = small(drop_path=0.5, norm_eval=True)
    x = torch.randn(2, 3, 64, 64)
    assert not torch.equal(backbone.train()(x)[-1], backbone(x)[-1])
    assert torch.equal(backbone.eval()(x)[-1], backbone(x)[-1])


def test_checkpointing_keeps_less_for_the_backward_pass() -> None:
    def kept(backbone: CellBackbone) -> int:
        sizes: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(lambda x: sizes.append(x.numel()) or x, lambda x: x):
            backbone.train()(torch.randn(2, 3, 64, 64))
        return sum(sizes)

    assert kept(small(checkpointing=True)) < kept(small()) / 2


@pytest.mark.parametrize("settings", [{}, {"norm_eval": True}, {"frozen_stages": 2}, {"drop_path": 0.4}])
def test_checkpointing_changes_nothing(settings: dict[str, Any]) -> None:
    """Outputs, gradients and, since each cell runs twice, BatchNorm's statistics after a step."""
    plain = small(**settings)
    saving = copy.deepcopy(plain)
    saving.checkpointing = True
    x = torch.randn(2, 3, 64, 64)
    results = []
    for backbone in (plain, saving):
        torch.manual_seed(0)
        maps = backbone.train()(x)
        sum(out.square().mean() for out in maps).backward()
        results.append(maps)
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))
    for (name, one), other in zip(plain.named_parameters(), saving.parameters(), strict=True):
        assert (one.grad is None) == (other.grad is None), name
        if one.grad is not None:
            torch.testing.assert_close(one.grad, other.grad, msg=name)
    for (name, one), other in zip(plain.named_buffers(), saving.buffers(), strict=True):
        assert torch.equal(one, other), name
    assert {norm.momentum for norm in saving.modules() if isinstance(norm, nn.BatchNorm2d)} == {0.1}


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"layers": 2}, "layers=2"),
        ({"last_stride": 3}, "last_stride=3"),
        ({"frozen_stages": 5}, "frozen_stages=5"),
        ({"frozen_stages": -1}, "frozen_stages=-1"),
        ({"stem": "vgg"}, "'vgg'"),
        ({"out_strides": ()}, "out_strides"),
        ({"out_strides": (64,)}, "64"),
        ({"out_strides": (16, 8)}, "16, 8"),
        ({"out_strides": (8, 8)}, "8, 8"),
        ({"stem": "cifar"}, "[1, 2, 4]"),
        ({"drop_path": 1.0}, "drop_path=1.0"),
        ({"channels": 5}, "channels=5"),
        ({"channels": 0}, "channels=0"),
        ({"channels": "48"}, "channels='48'"),
        ({"layers": 14.0}, "layers=14.0"),
        ({"frozen_stages": None}, "frozen_stages=None"),
        ({"drop_path": "0.1"}, "drop_path='0.1'"),
        ({"out_strides": 8}, "out_strides=8"),
    ],
)
def test_settings_that_cannot_be_are_named(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError) as caught:
        small(**settings)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_any_genotype_makes_a_backbone() -> None:
    for seed in range(3):
        maps = CellBackbone(Genotype.random(seed), channels=4, layers=3)(torch.randn(1, 3, 75, 50))
        assert [tuple(out.shape[-2:]) for out in maps] == [(10, 7), (5, 4), (3, 2)]
