from __future__ import annotations

import copy
import resource

import pytest
import timm
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


def macs_of_modules(network: nn.Module, size: int) -> int:
    """The textbook's count: every output element of a layer takes one multiply-add for each weight that it sees."""
    found: list[int] = []

    def count(layer: nn.Module, inputs: tuple[torch.Tensor, ...], out: torch.Tensor) -> None:
        found.append(out.numel() * layer.weight[0].numel())  # type: ignore[operator, union-attr]

    network = copy.deepcopy(network).eval()
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            layer.register_forward_hook(count)
    with torch.no_grad():
        network(torch.empty(1, 3, size, size, device="meta"))
    return sum(found)


@pytest.mark.parametrize("name", ["PDARTS", "PC_DARTS_image"])
@pytest.mark.parametrize("size", [224, 300])
def test_agrees_with_torchs_own_counter_and_a_count_by_layers(
    imagenet: dict[str, ImageNetNetwork], name: str, size: int
) -> None:
    network = copy.deepcopy(imagenet[name]).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.empty(1, 3, size, size, device="meta"))
    # torch counts a multiply-add as two operations.
    assert measure(network, (3, size, size)).macs * 2 == counter.get_total_flops()
    assert measure(network, (3, size, size)).macs == macs_of_modules(network, size)


def test_layers_that_are_called_as_functions_count_too() -> None:
    with torch.device("meta"):
        network = timm.create_model("beit_base_patch16_224")
    # Its queries, keys and values come of `F.linear`: 197 tokens through 12 blocks of 768 * 3 * 768 weights.
    layers = macs_of_modules(network, 224)
    assert measure(network, (3, 224, 224)).macs - layers == 12 * 197 * 768 * 3 * 768


def test_relu6_counts_as_relu_and_synchronised_norms_as_norms() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.ReLU6())
    cost = measure(network, (3, 5, 5))
    assert cost.published_macs - cost.macs == 3 * 8 * 25
    synchronised = nn.SyncBatchNorm.convert_sync_batchnorm(copy.deepcopy(network))
    assert measure(synchronised, (3, 5, 5)) == cost


def test_no_memory_is_taken_and_no_hook_is_called() -> None:
    network = nn.Sequential(nn.Conv2d(4, 4, 1), nn.Flatten(), nn.Linear(4 * 64 * 64, 8_000))
    called: list[nn.Module] = []
    network[0].register_forward_hook(lambda *arguments: called.append(arguments[0]))
    network[0].register_forward_pre_hook(lambda *arguments: called.append(arguments[0]))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert measure(network, (4, 64, 64)).macs == 16 * 64 * 64 + 4 * 64 * 64 * 8_000
    # The weights are 524 MB; the process's peak is in KiB.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
    assert called == []


def test_the_auxiliary_head_inside_a_wrapper_is_left_out() -> None:
    network = CifarNetwork(Genotype.random(0), channels=4, layers=3)
    assert measure(nn.ModuleDict({"network": network})["network"], (3, 16, 16)).params == sum(
        value.numel() for name, value in network.named_parameters() if not name.startswith("auxiliary_head")
    )
    wrapper = nn.Sequential(network)
    assert measure(wrapper, (3, 16, 16)).params == measure(network, (3, 16, 16)).params


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
