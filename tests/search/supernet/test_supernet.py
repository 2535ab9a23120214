from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from backbones.errors import InputError
from backbones.genotype import SEARCH_OPERATIONS
from search.space import SearchSpace
from search.supernet import reference as reference_module
from search.supernet.fan import MixedFan
from search.supernet.network import SuperNet, edge_weights
from search.supernet.reference import ReferenceSuperNet
from tests.search.supernet.twins import both, compare, pruned_space


@pytest.fixture
def double() -> None:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("size", [8, 9])
@pytest.mark.parametrize("pruned", [False, True])
@pytest.mark.parametrize("edge_normalisation", [False, True])
@pytest.mark.parametrize("k", [1, 2, 4])
def test_equals_one_module_for_each_edge_and_operation(
    k: int, edge_normalisation: bool, pruned: bool, size: int
) -> None:
    """In float64; 4 layers are normal, reduction, reduction, normal."""
    torch.manual_seed(k)
    space = pruned_space(2) if pruned else SearchSpace.full(2, SEARCH_OPERATIONS)
    compare(*both(space, 4, 4, partial_channels=k, edge_normalisation=edge_normalisation), size)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize(
    ("nodes", "channels", "k", "stem"),
    [
        # Edges together and apart: 8, 16 and 32 mixed channels from the first stage to the last.
        (4, 16, 2, "cifar"),
        (4, 16, 1, "cifar"),
        (5, 8, 8, "cifar"),
        (3, 8, 2, "imagenet"),
    ],
)
def test_equals_it_at_the_papers_widths(nodes: int, channels: int, k: int, stem: str) -> None:
    torch.manual_seed(0)
    space = SearchSpace.full(nodes, SEARCH_OPERATIONS)
    size = 64 if stem == "imagenet" else 8
    compare(*both(space, channels, 3, partial_channels=k, edge_normalisation=True, stem=stem), size)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("edge_normalisation", [False, True])
def test_equals_it_with_random_channels(edge_normalisation: bool) -> None:
    torch.manual_seed(0)
    space = SearchSpace.full(3, SEARCH_OPERATIONS)
    settings = {"partial_channels": 4, "edge_normalisation": edge_normalisation, "random_channels": True}
    net, reference = both(space, 8, 4, **settings)
    compare(net, reference, 9)
    x = torch.randn(2, 3, 8, 8)
    assert not torch.equal(net.train()(x), net(x))
    assert torch.equal(net.eval()(x), net(x))


@pytest.mark.usefixtures("double")
def test_equals_it_with_the_operations_of_nasnet_and_amoebanet() -> None:
    torch.manual_seed(0)
    space = SearchSpace.full(3, ("none", "sep_conv_7x7", "conv_7x1_1x7", "skip_connect", "max_pool_3x3"))
    compare(*both(space, 8, 4, partial_channels=2), 9)


def test_equals_it_in_float32() -> None:
    torch.manual_seed(0)
    net, reference = both(SearchSpace.full(4, SEARCH_OPERATIONS), 16, 8, partial_channels=4, edge_normalisation=True)
    x = torch.randn(8, 3, 32, 32)
    torch.testing.assert_close(net(x), reference(x), rtol=1e-3, atol=1e-4)


def test_three_nodes_and_the_imagenet_stem() -> None:
    net = SuperNet(SearchSpace.full(3, SEARCH_OPERATIONS), 8, 3, 5, 2, True, stem="imagenet")
    assert net(torch.randn(2, 3, 64, 64)).shape == (2, 5)
    assert [cell.out_channels for cell in net.cells] == [24, 48, 96]


def test_pc_darts_cifar_supernet_has_299578_weights() -> None:
    with torch.device("meta"):
        net = SuperNet(SearchSpace.full(4, SEARCH_OPERATIONS), 16, 8, 10, 4, edge_normalisation=True)
    assert sum(each.numel() for each in net.weight_parameters()) == 299_578
    assert {name: tuple(value.shape) for name, value in net.architecture_parameters().items()} == {
        "alpha_normal": (14, 8),
        "alpha_reduce": (14, 8),
        "beta_normal": (14,),
        "beta_reduce": (14,),
    }


def test_architecture_parameters_are_parameters_but_no_weights() -> None:
    net = SuperNet(SearchSpace.full(2, SEARCH_OPERATIONS), 4, 3, edge_normalisation=True)
    weights = {id(each) for each in net.weight_parameters()}
    architecture = {id(each) for each in net.architecture_parameters().values()}
    assert not weights & architecture
    assert weights | architecture == {id(each) for each in net.parameters()}
    assert set(net.architecture_parameters()) < set(net.state_dict())
    assert all(value.abs().max() < 0.01 for value in net.architecture_parameters().values())
    without = SuperNet(SearchSpace.full(2, SEARCH_OPERATIONS), 4, 3)
    assert set(without.architecture_parameters()) == {"alpha_normal", "alpha_reduce"}


def test_k_must_divide_the_channels() -> None:
    with pytest.raises(InputError, match=r"partial_channels=3 .* channels=16"):
        SuperNet(SearchSpace.full(2, SEARCH_OPERATIONS), 16, 3, partial_channels=3)
    with pytest.raises(InputError, match="'vgg'"):
        SuperNet(SearchSpace.full(2, SEARCH_OPERATIONS), 16, 3, stem="vgg")


def test_supernet_cells_have_no_affine_norms() -> None:
    net = SuperNet(SearchSpace.full(2, SEARCH_OPERATIONS), 4, 3)
    assert not any(norm.affine for norm in net.cells.modules() if isinstance(norm, nn.BatchNorm2d))


def test_edge_weights_are_a_softmax_for_each_node() -> None:
    weights = edge_weights(torch.tensor([1.0, 1.0, 0.0, 0.0, 0.0]), 2)
    torch.testing.assert_close(weights, torch.tensor([1 / 2, 1 / 2, 1 / 3, 1 / 3, 1 / 3]))
    assert edge_weights(torch.randn(14), 4).split([2, 3, 4, 5])[3].sum() == pytest.approx(1)


def net_of(*operations: str) -> SuperNet:
    torch.manual_seed(0)
    return SuperNet(SearchSpace.full(2, operations), 4, 3)


def test_skip_dropout_acts_on_skip_connections_only() -> None:
    x = torch.randn(4, 3, 8, 8)
    net = net_of("none", "max_pool_3x3", "avg_pool_3x3", "sep_conv_3x3", "dil_conv_3x3")
    expected = net(x)
    net.set_skip_dropout(0.9)
    assert torch.equal(net(x), expected)


def test_skip_dropout_acts_in_training_only() -> None:
    x = torch.randn(4, 3, 8, 8)
    net = net_of("skip_connect", "sep_conv_3x3")
    expected = net.eval()(x)
    net.set_skip_dropout(0.5)
    assert torch.equal(net(x), expected)
    net.train()
    assert not torch.equal(net(x), net(x))
    net.set_skip_dropout(0.0)
    assert torch.equal(net(x), net(x))


def test_skip_dropout_scales_what_it_keeps() -> None:
    fan = MixedFan([("skip_connect",)], 4, 1).train()
    x = torch.rand(8, 4, 8, 8) + 0.5
    (out,) = fan(x, torch.tensor([[0.5]]), torch.tensor(0.75))
    kept = out != 0
    torch.testing.assert_close(out[kept], (2 * x)[kept])
    # 2,048 draws of probability 1/4: 512 on average, standard deviation 20.
    assert 410 < int(kept.sum()) < 615


def test_skip_dropout_stands_behind_identities_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 14 edges in 8 cells, the 8 of stride 2 in both reductions have none: 96 dropouts, not 112 (P-DARTS' code)."""
    space = SearchSpace.full(4, ("skip_connect", "none"))
    plain = ReferenceSuperNet(space, 2, 8)
    plain.set_skip_dropout(0.5)
    dropped: list[Sequence[int]] = []
    real = reference_module.dropout_mask

    def count(shape: Sequence[int], rate: Tensor) -> Tensor:
        dropped.append(shape)
        return real(shape, rate)

    monkeypatch.setattr(reference_module, "dropout_mask", count)
    plain(torch.randn(2, 3, 32, 32))
    assert len(dropped) == 96


def test_no_skip_dropout_behind_a_factorised_reduction() -> None:
    torch.manual_seed(0)
    fan = MixedFan([("skip_connect",), ("skip_connect",)], 4, 2).train()
    x, weights = torch.randn(4, 4, 8, 8), torch.ones(2, 1)
    for one, other in zip(fan(x, weights, torch.tensor(0.9)), fan(x, weights), strict=True):
        assert torch.equal(one, other)
        assert (one != 0).all()
