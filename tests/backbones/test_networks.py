from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backbones import zoo
from backbones.cells import Cell
from backbones.errors import InputError
from backbones.genotype import Genotype
from backbones.networks import CifarNetwork, ImageNetNetwork, reduction_places

#: Parameters without the auxiliary head: CIFAR-10 at C=36 and at C=64 (20 cells), ImageNet at C=48 (14 cells).
PARAMETERS = {
    "DARTS_V1": (3_169_414, 9_765_066, 4_510_432),
    "DARTS_V2": (3_349_342, 10_310_730, 4_718_752),
    "PC_DARTS_cifar": (3_634_678, 11_093_962, 5_270_560),
    "PC_DARTS_image": (3_721_510, 11_402_442, 5_342_464),
    "PDARTS": (3_433_798, 10_521_802, 4_944_352),
    "NASNet": (3_830_950, 11_620_298, 5_564_320),
    "AmoebaNet": (3_145_078, 9_594_570, 4_627_360),
}
#: The published sizes in millions (P-DARTS Tables 1 and 3; PC-DARTS Tables 1 and 2).
PUBLISHED = {"DARTS_V2": (3.3, 4.7), "PC_DARTS_cifar": (3.6, 5.3), "PDARTS": (3.4, 4.9)}


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_to_the_unit(name: str) -> None:
    genotype = zoo.get(name).genotype
    with torch.device("meta"):
        networks = (
            CifarNetwork(genotype, auxiliary=False),
            CifarNetwork(genotype, channels=64, auxiliary=False),
            ImageNetNetwork(genotype, auxiliary=False),
        )
    counted = tuple(parameters(network) for network in networks)
    assert counted == PARAMETERS[name]
    if name in PUBLISHED:
        assert tuple(round(counted[place] / 1e6, 1) for place in (0, 2)) == PUBLISHED[name]


def test_auxiliary_heads_to_the_unit() -> None:
    genotype = zoo.get("PDARTS").genotype
    with torch.device("meta"):
        cifar, imagenet = CifarNetwork(genotype), ImageNetNetwork(genotype)
    assert cifar.auxiliary_head is not None
    assert imagenet.auxiliary_head is not None
    assert parameters(cifar.auxiliary_head) == 476_426
    assert parameters(imagenet.auxiliary_head) == 1_260_776


def test_reductions_stand_at_a_third_and_two_thirds() -> None:
    assert [reduction_places(layers) for layers in (3, 8, 14, 20)] == [(1, 2), (2, 5), (4, 9), (6, 13)]


@pytest.mark.parametrize("size", [(32, 32), (33, 31), (17, 20), (8, 8), (48, 64)])
def test_cifar_network_takes_any_size(size: tuple[int, int]) -> None:
    network = CifarNetwork(Genotype.random(0), channels=4, layers=6, num_classes=7)
    x = torch.randn(2, 3, *size)
    logits, auxiliary = network(x)
    assert logits.shape == auxiliary.shape == (2, 7)
    assert network.eval()(x).shape == (2, 7)


@pytest.mark.parametrize("size", [(224, 224), (97, 64), (75, 75), (32, 32)])
def test_imagenet_network_takes_any_size(size: tuple[int, int]) -> None:
    network = ImageNetNetwork(Genotype.random(1), channels=4, layers=3, num_classes=7)
    x = torch.randn(2, 3, *size)
    logits, auxiliary = network(x)
    assert logits.shape == auxiliary.shape == (2, 7)
    assert network.eval()(x).shape == (2, 7)


@pytest.mark.parametrize("kind", [CifarNetwork, ImageNetNetwork])
def test_without_auxiliary_head_training_gives_logits_only(kind: type[CifarNetwork] | type[ImageNetNetwork]) -> None:
    network = kind(Genotype.random(2), channels=4, layers=3, auxiliary=False)
    assert isinstance(network(torch.randn(2, 3, 64, 64)), Tensor)


def test_stacking_by_hand() -> None:
    """8 cells: 2 and 5 reduce and double the width; the auxiliary head reads cell 5; the classifier the mean."""
    network = CifarNetwork(zoo.get("PDARTS").genotype, channels=4, layers=8).double()
    x = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    before_last = last = F.batch_norm(F.conv2d(x, network.stem[0].weight, padding=1), None, None, training=True)
    sizes, channels, auxiliary = [], [], None
    for place, cell in enumerate(network.cells):
        before_last, last = last, cell(before_last, last)
        sizes.append(last.shape[-1])
        channels.append(last.shape[1])
        if place == 5:
            assert network.auxiliary_head is not None
            auxiliary = network.auxiliary_head(last)
    assert sizes == [32, 32, 16, 16, 16, 8, 8, 8]
    assert channels == [16, 16, 32, 32, 32, 64, 64, 64]
    logits, from_network = network(x)
    torch.testing.assert_close(logits, network.classifier(F.adaptive_avg_pool2d(last, 1).flatten(1)))
    torch.testing.assert_close(from_network, auxiliary)


def test_imagenet_stem_ends_at_strides_4_and_8_and_pools_as_the_original_at_224() -> None:
    network = ImageNetNetwork(Genotype.random(3), channels=4, layers=3, auxiliary=False).eval()
    x = torch.randn(1, 3, 224, 224)
    before_last = network.stem0(x)
    last = network.stem1(before_last)
    assert (before_last.shape[1:], last.shape[1:]) == ((4, 56, 56), (4, 28, 28))
    for cell in network.cells:
        before_last, last = last, cell(before_last, last)
    original = network.classifier(F.avg_pool2d(last, 7).flatten(1))
    torch.testing.assert_close(network(x), original)


@pytest.mark.parametrize(("kind", "size"), [(CifarNetwork, 32), (ImageNetNetwork, 224)])
def test_auxiliary_head_is_the_originals_at_the_originals_size(
    kind: type[CifarNetwork] | type[ImageNetNetwork], size: int
) -> None:
    head = kind(Genotype.random(3), channels=4, layers=3, num_classes=5).auxiliary_head
    assert head is not None
    head.eval()
    stride, map_size = (3, 8) if kind is CifarNetwork else (2, 7)
    x = torch.randn(2, 64, map_size, map_size)
    pooled = F.avg_pool2d(x.relu(), 5, stride=stride)
    assert pooled.shape[-1] == 2
    norm = head.features[3]
    out = F.conv2d(pooled, head.features[2].weight)
    out = F.batch_norm(out, norm.running_mean, norm.running_var).relu()
    out = F.conv2d(out, head.features[5].weight)
    if kind is CifarNetwork:
        out = F.batch_norm(out, torch.zeros(768), torch.ones(768))
    torch.testing.assert_close(head(x), head.classifier(out.relu().flatten(1)))


def test_drop_path_rate_reaches_every_cell() -> None:
    network = CifarNetwork(Genotype.random(4), channels=4, layers=3, drop_path=0.1)
    assert network.drop_path_rate == 0.1
    network.drop_path_rate = 0.3
    assert network.drop_path_rate == 0.3
    assert {cell.drop_path_rate for cell in network.modules() if isinstance(cell, Cell)} == {0.3}
    for rate in (-0.1, 1.0, 1.5):
        with pytest.raises(ValueError, match="drop-path"):
            network.drop_path_rate = rate


def test_drop_path_changes_training_only() -> None:
    network = CifarNetwork(zoo.get("PDARTS").genotype, channels=4, layers=3, auxiliary=False)
    x = torch.randn(2, 3, 16, 16)
    reference = network.eval()(x)
    network.drop_path_rate = 0.5
    assert torch.equal(network(x), reference)
    network.train()
    assert not torch.equal(network(x), network(x))


@pytest.mark.parametrize("settings", [{"layers": 0}, {"channels": 0}, {"channels": 5}, {"channels": 4.0}])
@pytest.mark.parametrize("kind", [CifarNetwork, ImageNetNetwork])
def test_sizes_that_cannot_be_are_named(
    kind: type[CifarNetwork] | type[ImageNetNetwork], settings: dict[str, Any]
) -> None:
    with pytest.raises(InputError, match=f"{next(iter(settings))}={next(iter(settings.values()))}"):
        kind(zoo.get("PDARTS").genotype, **settings)


def test_width_follows_what_each_cell_concatenates() -> None:
    edges = (("skip_connect", 0), ("skip_connect", 1), ("skip_connect", 0), ("skip_connect", 2))
    genotype = Genotype(edges, (3,), edges, (2, 3))
    network = CifarNetwork(genotype, channels=4, layers=3)
    assert [cell.out_channels for cell in network.cells] == [4, 16, 32]
    assert network.classifier.in_features == 32
    assert network(torch.randn(2, 3, 8, 8))[0].shape == (2, 10)
