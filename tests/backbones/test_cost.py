from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from backbones import zoo
from backbones.cost import Cost, measure
from backbones.features import CellBackbone
from backbones.genotype import Genotype
from backbones.networks import CifarNetwork, ImageNetNetwork

#: Millions at 224: conv and linear multiply-adds, and the papers' convention.
IMAGENET = {
    "DARTS_V2": (529.91, 544.0),
    "PC_DARTS_cifar": (571.14, 585.9),
    "PC_DARTS_image": (581.63, 597.1),
    "PDARTS": (542.82, 557.1),
}


@pytest.fixture(scope="module")
def imagenet() -> dict[str, ImageNetNetwork]:
    with torch.device("meta"):
        return {name: ImageNetNetwork(zoo.get(name).genotype) for name in IMAGENET}


@pytest.mark.parametrize("name", IMAGENET)
def test_imagenet_multiply_adds(imagenet: dict[str, ImageNetNetwork], name: str) -> None:
    cost = measure(imagenet[name], (3, 224, 224))
    assert (round(cost.macs / 1e6, 2), round(cost.published_macs / 1e6, 1)) == IMAGENET[name]


@pytest.mark.parametrize("name", ["PDARTS", "PC_DARTS_image"])
def test_agrees_with_torchs_own_counter(imagenet: dict[str, ImageNetNetwork], name: str) -> None:
    network = copy.deepcopy(imagenet[name]).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.empty(1, 3, 224, 224, device="meta"))
    # torch counts a multiply-add as two operations.
    assert measure(network, (3, 224, 224)).macs * 2 == counter.get_total_flops()


def test_params_leave_out_the_auxiliary_head(imagenet: dict[str, ImageNetNetwork]) -> None:
    assert measure(imagenet["PDARTS"], (3, 64, 64)).params == 4_944_352
    assert sum(parameter.numel() for parameter in imagenet["PDARTS"].parameters()) == 4_944_352 + 1_260_776


@pytest.mark.parametrize(
    # P-DARTS Table 4 and PC-DARTS Table 5, in billions. At 512, 3.1 is P-DARTS' ImageNet row, whose genotype was never
    # published and which costs as much as PC_DARTS_image at 320 too. DARTS' 2.9 at 512 is another tool's, as its 574 M
    # at 224 is: this count gives 2.84.
    ("name", "size", "published"),
    [
        ("DARTS_V2", 320, 1.1),
        ("PDARTS", 320, 1.1),
        ("PC_DARTS_image", 320, 1.2),
        ("PDARTS", 512, 2.9),
        ("PC_DARTS_image", 512, 3.1),
    ],
)
def test_detection_backbones(name: str, size: int, published: float) -> None:
    with torch.device("meta"):
        backbone = CellBackbone(zoo.get(name).genotype)
    assert round(measure(backbone, (3, size, size)).published_macs / 1e9, 1) == published


def test_counts_by_hand() -> None:
    network = nn.Sequential(
        nn.Conv2d(4, 8, 3, stride=2, padding=1, groups=2), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(72, 5)
    )
    cost = measure(network, (4, 5, 6))
    macs = 8 * 3 * 3 * (2 * 9) + 72 * 5
    assert cost == Cost(params=8 * 2 * 9 + 8 + 16 + 72 * 5 + 5, macs=macs, published_macs=macs + 2 * 8 * 9 + 8 * 9)
    assert cost.to_json() == {"params": cost.params, "macs": macs, "published_macs": cost.published_macs}


def test_the_module_stays_as_it_is() -> None:
    network = CifarNetwork(Genotype.random(0), channels=4, layers=3).train()
    before = copy.deepcopy(network.state_dict())
    one = measure(network, (3, 16, 16))
    assert network.training
    for name, value in network.state_dict().items():
        assert value.device.type == "cpu"
        assert torch.equal(value, before[name])
    assert not any(module._forward_hooks for module in network.modules())
    assert measure(network.eval(), (3, 16, 16)) == one
