"""Compute the supernet's cells in few operations, because each one costs a GPU a launch, however small it is.

All edges that leave a node go through an operation together, as a grouped convolution over one copy of the node's map
per edge. The candidates of these edges share their BatchNorm calls. The weighted sums (DARTS eq. 2) into all nodes that
the edges enter are one matrix product. Parameters and running statistics are those of the modules of
`search.supernet.cell`, which compute the same on a CPU. Nothing is copied from the host, so a CUDA graph can hold a
step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F

from search.methods.draws import channel_orders
from search.supernet.cell import MixedCell
from search.supernet.fan import MixedFan
from search.supernet.gather import Gather, Indices
from search.supernet.norms import StackedNorms
from search.supernet.stacked_fan import Entrance, Pass, StackedFan, Sums


class StackedCells:
    """All cells of a supernet.

    Args:
        cells: the modules that hold the parameters and running statistics.
    """

    def __init__(self, cells: Sequence[MixedCell]) -> None:
        self._gather, self._norms = Gather(), StackedNorms()
        self._cells = [StackedCell(cell, self._gather, self._norms) for cell in cells]
        self._norms.finish()
        self._scales: dict[tuple[bool, bool], Gather] = {}

    def __call__(
        self,
        before_last: Tensor,
        last: Tensor,
        mixtures: dict[bool, tuple[Tensor, Tensor]],
        training: bool,
        skip_dropout: Tensor | None,
    ) -> Tensor:
        """Compute the last cell's map from the stem's.

        Args:
            mixtures: by `cell.reduction`, the weights of the candidates, `(edges, candidates)`, and of the edges,
                `(edges,)`.
        """
        device = last.device.type
        low = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
        skip_dropout = skip_dropout if training else None
        run = Pass(self._gather.taken(low), self._norms.begin(training), self._norms, training, skip_dropout)
        scales = {kind: self._scales_of(kind, mixture, low, run) for kind, mixture in mixtures.items()}
        positive_before, positive = F.relu(before_last), F.relu(last)
        for cell in self._cells:
            last = cell(positive_before, positive, next(scales[cell.reduction]), run)
            positive_before, positive = positive, F.relu(last)
        self._norms.take_in(run.moments)
        return last

    def _scales_of(
        self, reduction: bool, mixture: tuple[Tensor, Tensor], low: torch.dtype | None, run: Pass
    ) -> Iterator[Iterator[Tensor]]:
        """Return the left sides of the products for each cell of one kind, cell by cell."""
        cells = [cell for cell in self._cells if cell.reduction == reduction]
        weights, shares = mixture
        drops = run.skip_dropout is not None
        if (reduction, drops) not in self._scales:
            gather = Gather()
            of_weights, of_shares = gather.values(weights.shape), gather.values(shares.shape)
            for cell in cells[:1]:
                cell.want_scales(gather, of_weights, of_shares, drops)
            self._scales[reduction, drops] = gather
        gather = self._scales[reduction, drops]
        if not cells:
            return iter(())
        picked = gather.pick([weights.reshape(-1), shares], low)
        # Each cell gets a row of one matrix, so that one operation sums the gradients of all cells.
        return (iter(gather.split(row)) for row in picked.expand(len(cells), -1).unbind())


class StackedCell:
    """A cell: `(N, C_0, H_0, W_0)` and `(N, C_1, H, W)` behind ReLU to `(N, nodes * channels, H', W')`."""

    def __init__(self, cell: MixedCell, gather: Gather, norms: StackedNorms) -> None:
        self.reduction = cell.reduction
        self.edges = [[edge for edge, _ in leaving] for leaving in cell.leaving]
        self.partial_channels = cell.partial_channels
        self.random_channels = cell.random_channels
        self.widths = [cell.mixed_channels, cell.channels - cell.mixed_channels]
        self._entrances = [Entrance(each, gather, norms) for each in (cell.preprocess0, cell.preprocess1)]
        self._fans = [StackedFan(cast(MixedFan, fan), gather, norms) for fan in cell.fans]

    def want_scales(self, gather: Gather, weights: Indices, shares: Indices, drops: bool) -> None:
        """Register the left sides of the products, in the order of the products."""
        for fan, edges in zip(self._fans, self.edges, strict=True):
            fan.want_scales(gather, weights[edges], drops)
            if self.partial_channels > 1:
                gather.want(shares[edges][:, None])

    def __call__(self, before_last: Tensor, last: Tensor, scales: Iterator[Tensor], run: Pass) -> Tensor:
        """Compute the cell's map; `scales` yields what `want_scales` registered, in that order."""
        nodes = [entrance(x, run) for entrance, x in zip(self._entrances, (before_last, last), strict=True)]
        orders: Sequence[Tensor | None] = [None] * len(self._fans)
        if self.random_channels and run.training:
            orders = channel_orders(len(self._fans), sum(self.widths), last.device).unbind()
        mixed, rest = Sums(), Sums()
        for place, (fan, order) in enumerate(zip(self._fans, orders, strict=True)):
            if place >= 2:
                nodes.append(self._join(mixed, rest))
            x = nodes[place] if order is None else nodes[place].index_select(1, order)
            if self.random_channels:
                # Every source has drawn other channels, so they return to their positions before the sum.
                own, own_rest = Sums(), Sums()
                self._leave(fan, x, own, own_rest, scales, run)
                whole = torch.cat([own.maps(), own_rest.maps()], dim=2)
                mixed.include(whole if order is None else whole.index_select(2, order.argsort()))
            else:
                self._leave(fan, x, mixed, rest, scales, run)
        nodes.append(self._join(mixed, rest))
        return torch.cat(nodes[2:], dim=1)

    def _leave(self, fan: StackedFan, x: Tensor, mixed: Sums, rest: Sums, scales: Iterator[Tensor], run: Pass) -> None:
        """Add the outputs of all edges out of a node to both parts of the channels of the nodes that they enter."""
        if self.partial_channels == 1:
            fan(x, mixed, scales, run)
            return
        selected, passed = x.split(self.widths, dim=1)
        fan(selected, mixed, scales, run)
        if fan.stride == 2:
            passed = F.max_pool2d(passed, 2, 2, ceil_mode=True)
        rest.add(next(scales), passed.unsqueeze(1))

    def _join(self, mixed: Sums, rest: Sums) -> Tensor:
        """Join both parts of the next node's channels and shuffle them."""
        first = mixed.next()
        if self.partial_channels == 1 or self.random_channels:
            return first
        # Shuffle: channels with the same index in their groups become adjacent (Zhang et al., CVPR 2018).
        parts = [part.unflatten(1, (-1, self.widths[0])).transpose(1, 2) for part in (first, rest.next())]
        return torch.cat(parts, dim=2).flatten(1, 2)
