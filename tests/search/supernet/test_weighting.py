"""The weighting in all three supernets, and what its parts do where they have no effect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from backbones.genotype import SEARCH_OPERATIONS
from search.methods.auxiliary import AuxiliarySkip, with_auxiliary
from search.methods.perturbation import RandomSmoothing
from search.methods.schedule import Schedule
from search.settings import ArchitectureSettings
from search.space import SearchSpace
from search.supernet.network import SuperNet
from search.supernet.reference import ReferenceSuperNet
from search.supernet.twins import give_weights
from search.supernet.weighting import Weighting
from tests.search.methods.made import METHODS
from tests.search.supernet.twins import both, compare, pruned_space

ZERO = Schedule(start=0.0, end=0.0)


@pytest.fixture
def double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def weighting(space: SearchSpace, method: str) -> Weighting:
    parts = ArchitectureSettings(lr=0.1, **METHODS[method])
    return Weighting(space, parts.relaxation, parts.perturbation, parts.auxiliary_skip)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("arithmetic", ["moments", "stacked"])
@pytest.mark.parametrize("method", [name for name in METHODS if name != "darts"])
@pytest.mark.parametrize(
    ("space", "settings"),
    [
        (SearchSpace.full(2, SEARCH_OPERATIONS), {"partial_channels": 2, "edge_normalisation": True}),
        # Edges without a skip connection among their candidates.
        (pruned_space(3), {}),
    ],
    ids=["full", "pruned"],
)
def test_all_supernets_agree(method: str, arithmetic: Any, space: SearchSpace, settings: dict[str, Any]) -> None:
    """Outputs and gradients, α's included, of the same random numbers; 4 layers have both kinds of cells."""
    torch.manual_seed(0)
    shared = weighting(space, method)
    shared.set_epoch(1, 4)
    with shared.perturbed():
        net, reference = both(space, 4, 4, weighting=shared, **settings)
        net.arithmetic = arithmetic
        compare(net, reference, 9)


def test_the_auxiliary_skip_is_added_to_every_edge() -> None:
    """DARTS− eq. 3, in the plain supernet: its output less that without it is linear in β."""
    space = SearchSpace.full(2, ("skip_connect", "sep_conv_3x3"))
    rows, places = with_auxiliary(space)
    assert rows.normal == space.normal
    assert places == {"normal": [0] * 5, "reduce": [2, 2, 2, 2, 0]}
    # Behind a reduction's inputs it has weights of its own; elsewhere the candidate serves.
    assert rows.reduce == ((*space.reduce[0], "auxiliary_skip"),) * 4 + ((*space.reduce[0], "none"),)
    own = Weighting(space, auxiliary_skip=AuxiliarySkip())
    own.set_epoch(1, 4)
    alpha = torch.zeros(5, 2)
    torch.testing.assert_close(own(alpha, "normal"), torch.tensor([[0.5 + 0.75, 0.5]] * 5))
    torch.testing.assert_close(own(alpha, "reduce"), torch.tensor([[0.5, 0.5, 0.75]] * 4 + [[1.25, 0.5, 0.0]]))


def test_an_edge_without_a_skip_connection_gets_an_identity() -> None:
    space = SearchSpace.full(1, ("none", "max_pool_3x3"))
    rows, places = with_auxiliary(space)
    assert rows.normal == (("none", "max_pool_3x3", "skip_connect"),) * 2
    assert places == {"normal": [2, 2], "reduce": [2, 2]}


def test_perturbed_weights_are_those_of_a_mixture() -> None:
    """SDARTS-RS, by hand: noise added, clipped to [0, 1], divided by the sum."""
    space = SearchSpace.full(2, SEARCH_OPERATIONS)
    part = RandomSmoothing(type="random", epsilon=Schedule(start=0.3, end=0.3))
    own = Weighting(space, perturbation=part)
    alpha = torch.randn(5, 8)
    with own.perturbed():
        torch.manual_seed(1)
        found = own(alpha, "normal")
    torch.manual_seed(1)
    noise = torch.empty(5, 8).uniform_(-1, 1)
    clipped = (F.softmax(alpha, dim=1) + 0.3 * noise).clamp(0, 1)
    torch.testing.assert_close(found, clipped / clipped.sum(dim=1, keepdim=True))
    assert (found == 0).any()
    # Outside of the block, and in evaluation, nothing is perturbed.
    assert torch.equal(own(alpha, "normal"), F.softmax(alpha, dim=1))
    own.eval()
    with own.perturbed():
        assert torch.equal(own(alpha, "normal"), F.softmax(alpha, dim=1))


def test_where_noise_leaves_nothing_the_largest_weight_takes_all() -> None:
    part = RandomSmoothing(type="random", epsilon=Schedule(start=1.0, end=1.0))
    torch.manual_seed(0)
    found = part.perturbed(torch.full((200, 2), 0.5), torch.tensor(1.0))
    torch.manual_seed(0)
    noisy = 0.5 + torch.empty(200, 2).uniform_(-1, 1)
    gone = (noisy <= 0).all(dim=1)
    assert gone.any()
    assert torch.equal(found[gone], F.one_hot(noisy[gone].argmax(dim=1), 2).float())
    torch.testing.assert_close(found.sum(dim=1), torch.ones(200))


@pytest.mark.parametrize("arithmetic", ["moments", "stacked"])
@pytest.mark.parametrize(
    "parts",
    [
        {"perturbation": RandomSmoothing(type="random", epsilon=ZERO)},
        {"auxiliary_skip": AuxiliarySkip(weight=ZERO)},
    ],
    ids=["epsilon", "auxiliary"],
)
def test_parts_of_no_strength_change_no_bit(parts: dict[str, Any], arithmetic: Any) -> None:
    """Neither outputs, nor initial weights, nor the random numbers that follow."""
    space = SearchSpace.full(2, SEARCH_OPERATIONS)
    found = []
    for own in (None, Weighting(space, **parts)):
        torch.manual_seed(0)
        net = SuperNet(space, 4, 3, 3, arithmetic=arithmetic, weighting=own)
        with net.weighting.perturbed():
            logits = net(torch.randn(2, 3, 8, 8))
        found.append((logits, torch.rand(3)))
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_a_weight_of_zero_leaves_the_auxiliary_skip_without_effect() -> None:
    space = SearchSpace.full(2, SEARCH_OPERATIONS)
    own = Weighting(space, auxiliary_skip=AuxiliarySkip(weight=Schedule(start=1.0, end=0.0)))
    own.set_epoch(3, 4)
    net = ReferenceSuperNet(space, 4, 3, 3, weighting=own)
    x = torch.randn(2, 3, 8, 8)
    expected = ReferenceSuperNet(space, 4, 3, 3)
    expected.load_state_dict({name: value for name, value in net.state_dict().items() if name in expected.state_dict()})
    assert torch.equal(net(x), expected(x))


@pytest.mark.parametrize("method", ["snas", "gdas", "drnas"])
def test_evaluation_draws_nothing(method: str) -> None:
    space = SearchSpace.full(2, SEARCH_OPERATIONS)
    net = SuperNet(space, 4, 3, 3, weighting=weighting(space, method))
    x = torch.randn(2, 3, 8, 8)
    assert not torch.equal(net(x), net(x))
    net.eval()
    assert torch.equal(net(x), net(x))


def test_a_weighting_is_in_no_checkpoint() -> None:
    space = SearchSpace.full(2, SEARCH_OPERATIONS)
    plain = SuperNet(space, 4, 3, 3)
    for method in METHODS:
        net = SuperNet(space, 4, 3, 3, weighting=weighting(space, method))
        assert (list(net.state_dict()) == list(plain.state_dict())) == (method != "darts_minus")
        assert not [name for name in net.state_dict() if name.startswith("weighting")]
        assert {id(each) for each in net.weight_parameters()} | {
            id(each) for each in net.architecture_parameters().values()
        } == {id(each) for each in net.parameters()}


def test_weights_of_held_edges_are_given() -> None:
    space = SearchSpace.full(1, ("skip_connect", "sep_conv_3x3"))
    net = SuperNet(space, 4, 3, 3)
    held = torch.tensor([[True], [False]])
    net.weighting.held["normal"] = (held, torch.tensor([[0.0, 1.0], [9.0, 9.0]]))
    found = net.weighting(net.alpha_normal, "normal")
    assert found[0].tolist() == [0.0, 1.0]
    assert torch.equal(found[1], F.softmax(net.alpha_normal[1], dim=0))
    assert torch.equal(net.weighting(net.alpha_reduce, "reduce"), F.softmax(net.alpha_reduce, dim=1))


def test_weights_are_given_to_the_reference() -> None:
    """Twins cover the auxiliary skip's own weights."""
    space = SearchSpace.full(2, SEARCH_OPERATIONS)
    own = weighting(space, "darts_minus")
    net, reference = SuperNet(space, 4, 3, 3, weighting=own), ReferenceSuperNet(space, 4, 3, 3, weighting=own)
    assert sum(each.numel() for each in net.parameters()) == sum(each.numel() for each in reference.parameters())
    give_weights(net, reference)
    x = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(net(x), reference(x), rtol=1e-3, atol=1e-4)
