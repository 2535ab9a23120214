"""The supernet beside the plain one with a module for every operation, of the same weights."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backbones.operations import SEARCH_OPERATIONS
from search.space import SearchSpace, edge_sources
from search.supernet.branches import Branch, Dilated, Factorised7, Separable, Skip
from search.supernet.network import SuperNet
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
