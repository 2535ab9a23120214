"""The stacked arithmetic against one module for every edge and operation, and what it issues."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backbones.genotype import SEARCH_OPERATIONS
from bench.machine.kernels import Issued
from search.space import SearchSpace
from search.supernet import branches, stacked_fan
from search.supernet import reference as reference_module
from search.supernet.network import SuperNet
from search.supernet.reference import ReferenceSuperNet
from tests.search.supernet.twins import both, compare, pruned_space

NASNET = ("none", "sep_conv_7x7", "conv_7x1_1x7", "skip_connect", "max_pool_3x3")


@pytest.fixture
def double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def stacked(space: SearchSpace, channels: int, layers: int, **settings: Any) -> tuple[SuperNet, ReferenceSuperNet]:
    net, reference = both(space, channels, layers, **settings)
    net.arithmetic = "stacked"
    return net, reference


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize(
    ("space", "k", "edge_normalisation", "size"),
    [
        (SearchSpace.full(2, SEARCH_OPERATIONS), 1, False, 8),
        (SearchSpace.full(2, SEARCH_OPERATIONS), 1, True, 9),
        (SearchSpace.full(2, SEARCH_OPERATIONS), 4, True, 9),
        (pruned_space(2), 1, False, 9),
        (pruned_space(2), 2, True, 8),
        (pruned_space(4), 4, True, 9),
        (SearchSpace.full(3, NASNET), 2, False, 9),
        (SearchSpace.full(3, ("skip_connect", "none")), 2, True, 9),
        (SearchSpace.full(2, ("avg_pool_3x3", "dil_conv_3x3")), 1, False, 9),
    ],
)
def test_equals_one_module_for_each_edge_and_operation(
    space: SearchSpace, k: int, edge_normalisation: bool, size: int
) -> None:
    """In float64; 4 layers are normal, reduction, reduction, normal."""
    torch.manual_seed(k)
    compare(*stacked(space, 4, 4, partial_channels=k, edge_normalisation=edge_normalisation), size)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize(
    ("nodes", "channels", "k", "stem"),
    [
        # Edges of one fan in one group of the modules and in several: 8, 16 and 32 mixed channels.
        (4, 16, 2, "cifar"),
        (5, 8, 8, "cifar"),
        (3, 8, 2, "imagenet"),
    ],
)
def test_equals_it_at_the_papers_widths(nodes: int, channels: int, k: int, stem: str) -> None:
    torch.manual_seed(0)
    space = SearchSpace.full(nodes, SEARCH_OPERATIONS)
    size = 64 if stem == "imagenet" else 8
    compare(*stacked(space, channels, 3, partial_channels=k, edge_normalisation=True, stem=stem), size)


@pytest.mark.usefixtures("double")
def test_equals_it_with_random_channels() -> None:
    torch.manual_seed(0)
    settings = {"partial_channels": 4, "edge_normalisation": True, "random_channels": True}
    net, reference = stacked(SearchSpace.full(3, SEARCH_OPERATIONS), 8, 4, **settings)
    compare(net, reference, 9)
    x = torch.randn(2, 3, 8, 8)
    assert not torch.equal(net.train()(x), net(x))
    assert torch.equal(net.eval()(x), net(x))


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("space", [SearchSpace.full(2, SEARCH_OPERATIONS), pruned_space(3)])
@pytest.mark.parametrize("k", [1, 2])
def test_equals_it_with_skip_dropout(space: SearchSpace, k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one pattern of kept values for all edges: each arithmetic draws in another order."""

    def pattern(shape: Sequence[int], rate: Tensor) -> Tensor:
        channels, height, width = shape[-3:]
        kept = torch.arange(channels * height * width).reshape(channels, height, width) % 3 > 0
        return (kept / (1 - rate)).expand(tuple(shape))

    for module in (stacked_fan, reference_module):
        monkeypatch.setattr(module, "dropout_mask", pattern)
    torch.manual_seed(0)
    net, reference = stacked(space, 4, 4, partial_channels=k)
    for each in (net, reference):
        each.set_skip_dropout(0.4)
    compare(net, reference, 9)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("arithmetic", ["moments", "stacked"])
def test_equals_it_with_noise(arithmetic: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """RobustDARTS' space S4, with ones for noise: each form draws in another order."""

    def ones(shape: Sequence[int], like: Tensor) -> Tensor:
        return torch.ones(tuple(shape), dtype=like.dtype)

    for module in (stacked_fan, branches):
        monkeypatch.setattr(module, "noise", ones)
    monkeypatch.setattr(torch, "randn_like", torch.ones_like)
    torch.manual_seed(0)
    rows = (("sep_conv_3x3", "noise"), ("noise", "skip_connect"), ("max_pool_3x3", "noise"))
    space = SearchSpace(2, (rows * 2)[:5], (rows * 2)[1:])
    net, reference = both(space, 4, 4, partial_channels=2)
    net.arithmetic = arithmetic
    compare(net, reference, 9)


@pytest.mark.parametrize("arithmetic", ["moments", "stacked"])
def test_every_edge_has_noise_of_its_own(arithmetic: Any) -> None:
    """The sum of two edges of half a standard normal each has half its variance; of one and the same, all of it."""
    torch.manual_seed(0)
    net = SuperNet(SearchSpace.full(1, ("noise", "none")), 8, 3, 3, arithmetic=arithmetic)
    with torch.no_grad():
        for alpha in (net.alpha_normal, net.alpha_reduce):
            alpha.zero_()
    seen: list[Tensor] = []
    net.classifier.register_forward_hook(lambda module, arguments, output: seen.append(arguments[0]))
    # The last cell's maps have 8 x 8 pixels, whose mean is what the classifier gets.
    net(torch.randn(64, 3, 32, 32))
    assert seen[0].var().item() * 64 == pytest.approx(0.5, rel=0.1)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("space", [SearchSpace.full(3, SEARCH_OPERATIONS), pruned_space(3)])
@pytest.mark.parametrize("k", [1, 4])
def test_both_arithmetics_leave_the_same_running_statistics(space: SearchSpace, k: int) -> None:
    """Of every buffer, those of columns that no edge uses included; so a checkpoint serves both."""
    torch.manual_seed(0)
    moments = SuperNet(space, 16, 4, 3, partial_channels=k, arithmetic="moments")
    other = copy.deepcopy(moments)
    other.arithmetic = "stacked"
    for _ in range(2):
        x = torch.randn(3, 3, 9, 9)
        torch.testing.assert_close(other(x), moments(x))
    expected = moments.state_dict()
    assert list(other.state_dict()) == list(expected)
    for name, value in other.state_dict().items():
        torch.testing.assert_close(value, expected[name], msg=name)
    fresh = SuperNet(space, 16, 4, 3, partial_channels=k, arithmetic="stacked").eval()
    fresh.load_state_dict(expected)
    torch.testing.assert_close(fresh(x), moments.eval()(x))


@pytest.mark.parametrize("k", [1, 4])
def test_bf16_is_close_and_its_statistics_are_fp32(k: int) -> None:
    torch.manual_seed(0)
    net = SuperNet(SearchSpace.full(2, SEARCH_OPERATIONS), 8, 3, 3, k, arithmetic="stacked")
    other = copy.deepcopy(net)
    x = torch.randn(8, 3, 8, 8)
    expected = net(x)
    with torch.autocast("cpu", torch.bfloat16):
        found = other(x)
    torch.testing.assert_close(found.float(), expected, rtol=0.1, atol=0.1)
    state = net.state_dict()
    for name, value in other.state_dict().items():
        assert value.dtype == state[name].dtype
        # Rounded to bf16, a mean that should be 0 would be far off; sums of bf16 are as good as its eight bits allow.
        torch.testing.assert_close(value, state[name], rtol=0.05, atol=0.02, msg=name)
    F.cross_entropy(found.float(), torch.zeros(8, dtype=torch.long)).backward()
    assert all(each.grad is not None and each.grad.dtype == torch.float32 for each in other.parameters())


@pytest.mark.parametrize("arithmetic", ["moments", "stacked"])
@pytest.mark.parametrize("operation", sorted({*SEARCH_OPERATIONS, *NASNET} - {"none"}))
def test_every_operation_in_bf16(operation: str, arithmetic: str) -> None:
    """Gradients against those of fp32, on maps of 32 x 32; statistics stay in fp32 and close."""
    torch.manual_seed(0)
    net = SuperNet(SearchSpace.full(2, (operation, "none")), 16, 3, 3, 4, arithmetic=arithmetic)
    other = copy.deepcopy(net)
    x, labels = torch.randn(4, 3, 32, 32), torch.tensor([0, 1, 2, 0])
    F.cross_entropy(net(x), labels).backward()
    with torch.autocast("cpu", torch.bfloat16):
        logits = other(x)
    F.cross_entropy(logits.float(), labels).backward()
    expected, found = (torch.cat([each.grad.flatten() for each in of.parameters()]) for of in (net, other))  # type: ignore[union-attr]
    assert (found - expected).norm() < 0.1 * expected.norm()
    state = net.state_dict()
    for name, value in other.state_dict().items():
        assert value.dtype == state[name].dtype != torch.bfloat16
        torch.testing.assert_close(value, state[name], rtol=0.05, atol=0.02, msg=name)


def test_none_takes_moments_on_a_cpu() -> None:
    torch.manual_seed(0)
    net = SuperNet(SearchSpace.full(2, SEARCH_OPERATIONS), 4, 3, 3)
    x = torch.randn(2, 3, 8, 8)
    first = copy.deepcopy(net)(x)
    net.arithmetic = "moments"
    assert torch.equal(net(x), first)


def issued(net: nn.Module) -> Issued:
    """One forward and backward pass, after a first one, which makes what is made once."""
    x, labels = torch.randn(2, 3, 8, 8), torch.tensor([0, 1])
    net(x)
    with Issued() as found:
        F.cross_entropy(net(x), labels).backward()
    return found


DEAREST = ("sep_conv_3x3", "sep_conv_5x5", "dil_conv_5x5", "dil_conv_3x3", "skip_connect")


@pytest.mark.parametrize(
    ("most", "operations", "layers", "k", "rate"),
    [
        (2_600, SEARCH_OPERATIONS, 8, 4, 0.0),
        (1_450, SEARCH_OPERATIONS, 5, 1, 0.0),
        (3_000, DEAREST, 11, 1, 0.4),
        (3_500, DEAREST[:3], 17, 1, 0.7),
    ],
)
def test_kernels_of_the_papers_supernets(
    most: int, operations: Sequence[str], layers: int, k: int, rate: float
) -> None:
    """PC-DARTS, and the three stages of P-DARTS; the images' size is nothing to the number of kernels."""
    net = SuperNet(SearchSpace.full(4, operations), 16, layers, 10, k, edge_normalisation=k > 1, arithmetic="stacked")
    net.set_skip_dropout(rate)
    counts = issued(net).counts()
    assert counts["kernels"] <= most
    assert counts["host_copies"] == counts["reads"] == 0


@pytest.mark.parametrize("arithmetic", ["moments", "stacked"])
@pytest.mark.parametrize("random_channels", [False, True])
def test_nothing_comes_from_the_host(arithmetic: str, random_channels: bool) -> None:
    net = SuperNet(pruned_space(3), 8, 3, 3, 2, True, random_channels=random_channels, arithmetic=arithmetic)
    net.set_skip_dropout(0.3)
    counts = issued(net).counts()
    assert counts["host_copies"] == counts["reads"] == 0
