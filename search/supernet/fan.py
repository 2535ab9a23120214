"""A fan: all mixed edges that leave one node of a cell of the supernet, computed together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from search.supernet.branches import Branch, Pools, Source, build_branch
from search.supernet.mixture import Term, image, mixture

#: Maximum number of columns of the edges that are computed together. Their matrix product has a block for every pair
#: of edges, and all but the diagonal blocks are zero; that pays only for narrow edges.
_WIDEST = 32


class MixedFan(nn.Module):
    """All mixed edges that leave one node: `(N, C, H, W)` to one `(N, C, H', W')` per edge.

    An edge is the weighted sum of its candidates (DARTS eq. 2). Pooled maps and ReLU are computed once for all edges.
    Edges with up to 32 channels in total go through each convolution and each BatchNorm together.

    Args:
        candidates: names of the operations of each edge.
        channels: C, the number of channels that go through the operations.
        stride: 1, or 2 for the edges that leave an input of a reduction cell.
    """

    def __init__(self, candidates: Sequence[tuple[str, ...]], channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        together = max(1, _WIDEST // channels)
        # A single group normalises pooled maps while it sums them. For several groups it is done once, before the sums.
        single = together >= len(candidates)
        self.pools = nn.ModuleDict(
            {
                name: Pools(name, channels, stride, edges=len(candidates) if single else 1)
                for name in sorted({name for row in candidates for name in row})
                if "pool" in name
            }
        )
        self.groups = nn.ModuleList(
            EdgeGroup(candidates[start : start + together], channels, stride)
            for start in range(0, len(candidates), together)
        )
        self._sizes = [len(cast(EdgeGroup, group).rows) for group in self.groups]

    def forward(self, x: Tensor, weights: Tensor, skip_dropout: Tensor | None = None) -> list[Tensor]:
        """Compute the edges' outputs; `weights` is `(edges, candidates)`, `skip_dropout` a rate or None."""
        source = Source(x.contiguous(memory_format=torch.channels_last), self.stride, self.training, skip_dropout)
        pooled: dict[str, Term] = {name: pool(source) for name, pool in self.pools.items()}
        if len(self.groups) > 1:
            pooled = {
                name: Term(mixture([term], None, self.training), term.weights, None) for name, term in pooled.items()
            }
        edges: list[Tensor] = []
        for group, of_group in zip(self.groups, weights.split(self._sizes), strict=True):
            edges += group(source, pooled, of_group)
        size = x if self.stride == 1 else x[:, :, ::2, ::2]
        return [image(edge, size) for edge in edges]


class EdgeGroup(nn.Module):
    """Edges of a fan that go through each operation together."""

    identity: Tensor
    places: Tensor

    def __init__(self, rows: Sequence[tuple[str, ...]], channels: int, stride: int) -> None:
        super().__init__()
        self.rows = rows
        self.channels = channels
        names = sorted({name for row in rows for name in row} - {"none"})
        self.pools = [name for name in names if "pool" in name]
        self.branches = nn.ModuleDict(
            {
                name: build_branch(name, len(rows), [e for e, row in enumerate(rows) if name in row], channels, stride)
                for name in names
                if "pool" not in name
            }
        )
        self.register_buffer("identity", torch.eye(channels).repeat(1, len(rows)), persistent=False)
        # For each term and edge, the index of the candidate's weight. An edge that lacks it has the index of a zero,
        # which is appended to the weights.
        width = len(rows[0])
        absent = len(rows) * width
        places = [
            [edge * width + row.index(name) if name in row else absent for edge, row in enumerate(rows)]
            for name in (*self.pools, *self.branches)
        ]
        self.register_buffer("places", torch.tensor(places).repeat_interleave(channels, dim=1), persistent=False)

    def forward(self, source: Source, pooled: dict[str, Term], weights: Tensor) -> Sequence[Tensor]:
        """Compute the edges' outputs, `(P, C)` each; `weights` is `(edges, candidates)`."""
        terms = [*self._pooled(pooled), *(cast(Branch, branch)(source) for branch in self.branches.values())]
        scales = torch.cat([weights.flatten(), weights.new_zeros(1)])[self.places]
        return mixture(terms, scales, self.training).split(self.channels, dim=1)

    def _pooled(self, pooled: dict[str, Term]) -> Iterator[Term]:
        for name in self.pools:
            term = pooled[name]
            yield term if term.statistics is not None else Term(term.features, self.identity, None)
