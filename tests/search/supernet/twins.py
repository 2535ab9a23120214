"""The supernet beside the plain one with a module for every operation, of the same weights."""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from backbones.genotype import SEARCH_OPERATIONS
from search.space import SearchSpace, edge_sources
from search.supernet.network import SuperNet
from search.supernet.reference import ReferenceSuperNet
from search.supernet.twins import give_weights, twins


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
    give_weights(net, reference)
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
