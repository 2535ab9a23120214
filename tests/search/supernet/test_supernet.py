from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backbones.errors import InputError
from backbones.operations import SEARCH_OPERATIONS
from search.space import SearchSpace, edge_sources
from search.supernet.branches import Branch, Dilated, Factorised7, Separable, Skip
from search.supernet.fan import MixedFan
from search.supernet.network import SuperNet, edge_weights
from search.supernet.reference import ReferenceSuperNet

Twin = tuple[Tensor | None, Tensor | None]


def twins(net: SuperNet, reference: ReferenceSuperNet, of: str) -> list[Twin]:
    """Every weight (`of` is "data") or gradient ("grad") of the reference, and where the supernet has it."""

    def get(parameter: Tensor) -> Tensor:
        return getattr(parameter, of)

    pairs = [
        (get(theirs), get(dict(net.named_parameters())[name]))
        for name, theirs in reference.named_parameters()
        if not name.startswith("cells.")
    ]
    for mine, theirs in zip(net.cells, reference.cells, strict=True):
        for ours, plain in ((mine.preprocess0, theirs.preprocess0), (mine.preprocess1, theirs.preprocess1)):
            pairs += list(zip(map(get, plain.parameters()), map(get, ours.weights), strict=True))
        for edge, (source, target) in enumerate(net.space.edges):
            # The edges that leave a node, by rising target, in groups.
            place = [each for each in net.space.edges if each[0] == source].index((source, target))
            for group in mine.fans[source].groups:
                if place < len(group.rows):
                    break
                place -= len(group.rows)
            plain = theirs.edges[edge]
            for name, operation in zip(plain.names, plain.operations, strict=True):
                weights = [get(parameter) for parameter in operation.parameters()]
                if weights:
                    index = [e for e, row in enumerate(group.rows) if name in row].index(place)
                    found = weights_of_edge(group.branches[name], index, get)
                    pairs += list(zip(weights, found, strict=True))
    return pairs


def weights_of_edge(branch: Branch, index: int, get: Callable[[Tensor], Tensor]) -> list[Tensor]:
    """The weights that a branch has for one of its edges, shaped as those of the single operation."""
    count, channels = branch.count, branch.channels

    def inside(weight: Tensor) -> Tensor:
        return get(weight).unflatten(0, (channels, count))[:, index]

    def outside(weight: Tensor) -> Tensor:
        return get(weight).unflatten(0, (count, channels))[index]

    def point(weight: Tensor) -> Tensor:
        return get(weight)[index][..., None, None]

    if isinstance(branch, Separable):
        first = [inside(branch.depthwise_1), point(branch.pointwise_1)]
        return [*first, outside(branch.depthwise_2), point(branch.pointwise_2)]
    if isinstance(branch, Dilated):
        return [inside(branch.depthwise), point(branch.pointwise)]
    if isinstance(branch, Factorised7):
        return [outside(branch.wide), outside(branch.high)]
    assert isinstance(branch, Skip)
    return list(point(branch.halves))


def pruned_space(nodes: int) -> SearchSpace:
    """Other candidates on every edge: pools, skips, `none` and convolutions in all mixtures."""
    rows = list(itertools.combinations(SEARCH_OPERATIONS, 3))
    edges = len(edge_sources(nodes))
    normal = tuple(rows[(7 * edge) % len(rows)] for edge in range(edges))
    reduce = tuple(rows[(11 * edge + 3) % len(rows)] for edge in range(edges))
    return SearchSpace(nodes, normal, reduce)


@pytest.fixture
def double() -> None:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def both(space: SearchSpace, channels: int, layers: int, **settings: Any) -> tuple[SuperNet, ReferenceSuperNet]:
    """A supernet and the plain one, of the same weights, with α and β that are not near 0."""
    net = SuperNet(space, channels, layers, 3, **settings)
    reference = ReferenceSuperNet(space, channels, layers, 3, **settings)
    for value in net.architecture_parameters().values():
        nn.init.normal_(value)
    for theirs, mine in twins(net, reference, "data"):
        theirs.copy_(mine)
    assert sum(each.numel() for each in reference.parameters()) == sum(each.numel() for each in net.parameters())
    return net, reference


def compare(net: SuperNet, reference: ReferenceSuperNet, size: int, rtol: float = 1e-7) -> None:
    """Logits, all gradients, and logits in evaluation by the statistics that both have taken in from the batch."""
    x, labels = torch.randn(3, 3, size, size), torch.tensor([0, 1, 2])
    torch.manual_seed(5)
    logits = net(x)
    torch.manual_seed(5)
    expected = reference(x)
    torch.testing.assert_close(logits, expected, rtol=rtol / 100, atol=1e-10)
    for each in (logits, expected):
        F.cross_entropy(each, labels).backward()
    for theirs, mine in twins(net, reference, "grad"):
        assert theirs is not None
        torch.testing.assert_close(mine, theirs, rtol=rtol, atol=1e-10)
    torch.testing.assert_close(net.eval()(x), reference.eval()(x), rtol=rtol / 100, atol=1e-10)


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
    (out,) = fan(x, torch.tensor([[0.5]]), 0.75)
    kept = out != 0
    torch.testing.assert_close(out[kept], (2 * x)[kept])
    # 2,048 draws of probability 1/4: 512 on average, standard deviation 20.
    assert 410 < int(kept.sum()) < 615


def test_skip_dropout_stands_behind_identities_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 14 edges in 8 cells, the 8 of stride 2 in both reductions have none: 96 dropouts, not 112 (P-DARTS' code)."""
    space = SearchSpace.full(4, ("skip_connect", "none"))
    plain = ReferenceSuperNet(space, 2, 8)
    plain.set_skip_dropout(0.5)
    dropped: list[Tensor] = []
    real = F.dropout

    def count(x: Tensor, p: float, training: bool = True) -> Tensor:
        dropped.append(x)
        return real(x, p, training)

    monkeypatch.setattr(F, "dropout", count)
    plain(torch.randn(2, 3, 32, 32))
    assert len(dropped) == 96


def test_no_skip_dropout_behind_a_factorised_reduction() -> None:
    torch.manual_seed(0)
    fan = MixedFan([("skip_connect",), ("skip_connect",)], 4, 2).train()
    x, weights = torch.randn(4, 4, 8, 8), torch.ones(2, 1)
    for one, other in zip(fan(x, weights, 0.9), fan(x, weights, 0.0), strict=True):
        assert torch.equal(one, other)
        assert (one != 0).all()
