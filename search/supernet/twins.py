"""Match the parameters of a supernet with those of the plain supernet.

Tests and `wildnas doctor --gpu` give both the same weights and compare their results.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, cast

import torch
from torch import Tensor

from search.supernet.branches import Branch, Dilated, Factorised7, Separable, Skip
from search.supernet.cell import MixedCell
from search.supernet.fan import EdgeGroup, MixedFan
from search.supernet.network import SuperNet
from search.supernet.reference import ReferenceCell, ReferenceEdge, ReferenceSuperNet

Twin = tuple[Tensor, Tensor]


def twins(net: SuperNet, reference: ReferenceSuperNet, of: Literal["data", "grad"]) -> list[Twin]:
    """Pair every weight (`data`) or gradient (`grad`) of the reference with the supernet's, α and β included."""

    def get(parameter: Tensor) -> Tensor:
        return cast(Tensor, getattr(parameter, of))

    ours = dict(net.named_parameters())
    pairs = [
        (get(theirs), get(ours[name])) for name, theirs in reference.named_parameters() if not name.startswith("cells.")
    ]
    for mine, theirs in zip(net.cells, reference.cells, strict=True):
        pairs += _of_cell(cast(MixedCell, mine), cast(ReferenceCell, theirs), get)
    return pairs


@torch.no_grad()
def give_weights(net: SuperNet, reference: ReferenceSuperNet) -> None:
    """Give the reference the supernet's weights, α and β."""
    for theirs, mine in twins(net, reference, "data"):
        theirs.copy_(mine)


def _of_cell(mine: MixedCell, theirs: ReferenceCell, get: Callable[[Tensor], Tensor]) -> list[Twin]:
    pairs: list[Twin] = []
    for ours, plain in ((mine.preprocess0, theirs.preprocess0), (mine.preprocess1, theirs.preprocess1)):
        pairs += zip(map(get, plain.parameters()), map(get, ours.weights), strict=True)
    for fan, leaving in zip(mine.fans, mine.leaving, strict=True):
        edges = iter(leaving)
        for group in cast(MixedFan, fan).groups:
            rows = cast(EdgeGroup, group).rows
            for place, (edge, _) in zip(range(len(rows)), edges, strict=False):
                pairs += _of_edge(cast(EdgeGroup, group), place, cast(ReferenceEdge, theirs.edges[edge]), get)
    return pairs


def _of_edge(group: EdgeGroup, place: int, plain: ReferenceEdge, get: Callable[[Tensor], Tensor]) -> list[Twin]:
    pairs: list[Twin] = []
    for name, operation in zip(plain.names, plain.operations, strict=True):
        weights = [get(parameter) for parameter in operation.parameters()]
        if weights:
            index = [edge for edge, row in enumerate(group.rows) if name in row].index(place)
            found = weights_of_edge(cast(Branch, group.branches[name]), index, get)
            pairs += zip(weights, found, strict=True)
    return pairs


def weights_of_edge(branch: Branch, index: int, get: Callable[[Tensor], Tensor]) -> list[Tensor]:
    """Return the weights of a branch for one of its edges, in the shapes of the single operation."""
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
    return list(point(branch.halves).unbind())
