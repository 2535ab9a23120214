from __future__ import annotations

import copy
import itertools

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backbones.errors import InputError
from backbones.operations import SEARCH_OPERATIONS, build_operation
from search.space import SearchSpace, edge_sources
from search.supernet import MixedCell, MixedFan, SuperNet, channel_shuffle, edge_weights


class PlainEdge(nn.Module):
    """Equation 1 of PC-DARTS, read literally: one module for each candidate."""

    def __init__(self, names: tuple[str, ...], channels: int, stride: int, k: int) -> None:
        super().__init__()
        self.k, self.stride = k, stride
        self.operations = nn.ModuleList()
        for name in names:
            operation = build_operation(name, channels // k, stride, affine=False)
            if name.endswith("pool_3x3"):
                operation = nn.Sequential(operation, nn.BatchNorm2d(channels // k, affine=False))
            self.operations.append(operation)

    def forward(self, x: Tensor, alpha: Tensor) -> Tensor:
        selected = x.shape[1] // self.k
        exponentials = alpha.exp()
        out = sum(
            exponentials[place] / exponentials.sum() * operation(x[:, :selected])
            for place, operation in enumerate(self.operations)
        )
        if self.k == 1:
            return out
        bypassed = x[:, selected:]
        if self.stride == 2:
            bypassed = biggest_of_four(bypassed)
        return nn.ChannelShuffle(self.k)(torch.cat([out, bypassed], dim=1))


def biggest_of_four(x: Tensor) -> Tensor:
    """2x2 max pooling; at an odd border of what there is."""
    height, width = x.shape[-2] % 2, x.shape[-1] % 2
    padded = F.pad(x, (0, width, 0, height), value=-torch.inf)
    corners = [padded[:, :, row::2, column::2] for row in (0, 1) for column in (0, 1)]
    return torch.stack(corners).amax(dim=0)


class PlainCell(nn.Module):
    """A cell with one `PlainEdge` for each edge, summed node by node (PC-DARTS eq. 2)."""

    def __init__(self, net: SuperNet, cell: MixedCell, k: int) -> None:
        super().__init__()
        self.preprocess = nn.ModuleList([copy.deepcopy(cell.preprocess0), copy.deepcopy(cell.preprocess1)])
        self.reduction = cell.reduction
        self.nodes = net.space.nodes
        channels = cell.out_channels // self.nodes
        rows = net.space.reduce if cell.reduction else net.space.normal
        self.edges = nn.ModuleList(
            PlainEdge(rows[edge], channels, 2 if cell.reduction and source < 2 else 1, k)
            for edge, (source, _) in enumerate(edge_sources(self.nodes))
        )

    def forward(self, before_last: Tensor, last: Tensor, alpha: Tensor, beta: Tensor | None) -> Tensor:
        nodes = [self.preprocess[0](before_last), self.preprocess[1](last)]
        edge = 0
        for target in range(2, self.nodes + 2):
            into = range(edge, edge + target)
            share = torch.ones(target) if beta is None else beta[into].exp() / beta[into].exp().sum()
            nodes.append(sum(share[i] * self.edges[e](nodes[i], alpha[e]) for i, e in enumerate(into)))
            edge += target
        return torch.cat(nodes[2:], dim=1)


class PlainSuperNet(nn.Module):
    """The supernet as the papers define it, with the weights of a `SuperNet`."""

    def __init__(self, net: SuperNet, k: int) -> None:
        super().__init__()
        self.stem = copy.deepcopy(net.stem)
        self.cells = nn.ModuleList(PlainCell(net, cell, k) for cell in net.cells)
        self.classifier = copy.deepcopy(net.classifier)
        for name, value in net.architecture_parameters().items():
            self.register_parameter(name, nn.Parameter(value.detach().clone()))
        with torch.no_grad():
            for mine, theirs in self.twins(net):
                mine.copy_(theirs)

    def twins(self, net: SuperNet) -> list[tuple[nn.Parameter, nn.Parameter]]:
        """Every parameter of this network with that of the other."""
        modules = [(self.stem, net.stem), (self.classifier, net.classifier)]
        for plain, cell in zip(self.cells, net.cells, strict=True):
            modules += [(plain.preprocess[0], cell.preprocess0), (plain.preprocess[1], cell.preprocess1)]
            rows = net.space.reduce if cell.reduction else net.space.normal
            for edge, (source, target) in enumerate(edge_sources(net.space.nodes)):
                fan: MixedFan = cell.fans[source]
                # The edges that leave a node, by rising target.
                leaving = [each for each in edge_sources(net.space.nodes) if each[0] == source]
                candidates = fan.edges[leaving.index((source, target))]
                for name, operation in zip(rows[edge], plain.edges[edge].operations, strict=True):
                    if any(True for _ in operation.parameters()):
                        modules.append((operation, candidates[name]))
        pairs = []
        for mine, theirs in modules:
            assert [name for name, _ in mine.named_parameters()] == [name for name, _ in theirs.named_parameters()]
            pairs += list(zip(mine.parameters(), theirs.parameters(), strict=True))
        names = net.architecture_parameters()
        return pairs + [(self.get_parameter(name), value) for name, value in names.items()]

    def forward(self, x: Tensor) -> Tensor:
        before_last = last = self.stem(x)
        for cell in self.cells:
            kind = "reduce" if cell.reduction else "normal"
            beta = getattr(self, f"beta_{kind}", None)
            before_last, last = last, cell(before_last, last, getattr(self, f"alpha_{kind}"), beta)
        return self.classifier(F.adaptive_avg_pool2d(last, 1).flatten(1))


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


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("size", [8, 9])
@pytest.mark.parametrize("pruned", [False, True])
@pytest.mark.parametrize("edge_normalisation", [False, True])
@pytest.mark.parametrize("k", [1, 2, 4])
def test_equals_one_module_for_each_edge_and_operation(
    k: int, edge_normalisation: bool, pruned: bool, size: int
) -> None:
    """Outputs and gradients of weights, α and β, in float64; 4 layers are normal, reduction, reduction, normal."""
    torch.manual_seed(k)
    space = pruned_space(2) if pruned else SearchSpace.full(2, SEARCH_OPERATIONS)
    net = SuperNet(space, 4, 4, 3, partial_channels=k, edge_normalisation=edge_normalisation)
    for value in net.architecture_parameters().values():
        nn.init.normal_(value)
    plain = PlainSuperNet(net, k)
    assert sum(each.numel() for each in plain.parameters()) == sum(each.numel() for each in net.parameters())
    x = torch.randn(3, 3, size, size)
    labels = torch.tensor([0, 1, 2])
    logits, expected = net(x), plain(x)
    torch.testing.assert_close(logits, expected, rtol=1e-9, atol=1e-10)
    for each in (logits, expected):
        F.cross_entropy(each, labels).backward()
    for mine, theirs in plain.twins(net):
        assert theirs.grad is not None
        torch.testing.assert_close(theirs.grad, mine.grad, rtol=1e-7, atol=1e-10)
    # Evaluation uses the running statistics, which both have gathered from one batch.
    torch.testing.assert_close(net.eval()(x), plain.eval()(x), rtol=1e-9, atol=1e-10)


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


@pytest.mark.parametrize("groups", [1, 2, 4, 8])
def test_channel_shuffle_is_torchs(groups: int) -> None:
    x = torch.randn(2, 8, 3, 5)
    assert torch.equal(channel_shuffle(x, groups), nn.ChannelShuffle(groups)(x))


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
    fan = MixedFan([("skip_connect",)], 4, 1, 1).train()
    x = torch.rand(8, 4, 8, 8) + 0.5
    (out,) = fan(x, torch.tensor([[0.5]]), torch.ones(1), 0.75)
    kept = out != 0
    torch.testing.assert_close(out[kept], (2 * x)[kept])
    # 2,048 draws of probability 1/4: 512 on average, standard deviation 20.
    assert 410 < int(kept.sum()) < 615
