"""The cell of the supernet: inputs are brought to one width, and a node is the sum of the mixed edges into it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search.methods.draws import channel_orders
from search.space import CellRows
from search.supernet.branches import conv_weights, shifted_half
from search.supernet.fan import MixedFan
from search.supernet.mixture import Statistics, Term, image, matrix, mixture, weighted_sum


class Preprocess(nn.Module):
    """Bring an input of a cell to its width: 1x1 convolution and BatchNorm, `(N, C_in, H, W)` to `(N, C, H, W)`.

    Behind a reduction cell, the height and width of the first input are halved: two convolutions of stride 2 with half
    of the channels each, the second on the map shifted by one pixel (`backbones.operations.FactorisedReduction`).
    """

    identity: Tensor

    def __init__(self, c_in: int, channels: int, halve: bool) -> None:
        super().__init__()
        self.halve = halve
        widths = [channels // 2, channels // 2] if halve else [channels]
        self.weights = nn.ParameterList(conv_weights((width, c_in, 1, 1), fan_in=c_in) for width in widths)
        self.statistics = Statistics(channels)
        self.register_buffer("identity", torch.eye(channels), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Expect `x` behind ReLU: two cells read the same map, so the caller computes its ReLU once."""
        maps = [x]
        if self.halve:
            maps = [x[:, :, ::2, ::2], shifted_half(x)]
        # Matrix products: on a CPU their backward pass is five times as fast as that of oneDNN's convolution.
        parts = [matrix(part) @ weight.flatten(1).t() for part, weight in zip(maps, self.weights, strict=True)]
        rows = parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
        return image(mixture([Term(rows, self.identity, self.statistics)], None, self.training), maps[0])


class MixedCell(nn.Module):
    """A cell of the supernet.

    Takes `(N, C_0, H_0, W_0)` and `(N, C_1, H, W)`; returns `(N, nodes * channels, H', W')`.

    An edge is eq. 1 of PC-DARTS. The first C / K channels go through the weighted candidates. The others are passed on,
    max-pooled if the stride is 2. All channels are then shuffled with K groups, as in ShuffleNet (PC-DARTS 4.1). The
    edge's weight (eq. 2) scales all channels, also those passed on. Edges into a node are summed before the shuffle.

    With `random_channels`, the mask of eq. 1 is drawn at every step for each source node, and channels keep their
    positions. In evaluation the mask selects the first channels.
    """

    def __init__(
        self,
        space: CellRows,
        c_before_last: int,
        c_last: int,
        channels: int,
        reduction: bool,
        reduction_before: bool,
        partial_channels: int,
        random_channels: bool,
    ) -> None:
        super().__init__()
        self.random_channels = random_channels and partial_channels > 1
        self.reduction = reduction
        self.nodes = space.nodes
        self.out_channels = channels * space.nodes
        self.partial_channels = partial_channels
        self.channels = channels
        self.mixed_channels = channels // partial_channels
        self.preprocess0 = Preprocess(c_before_last, channels, halve=reduction_before)
        self.preprocess1 = Preprocess(c_last, channels, halve=False)
        candidates = space.reduce if reduction else space.normal
        self.fans = nn.ModuleList()
        #: For every source node the indices and targets of the edges that leave it.
        self.leaving: list[list[tuple[int, int]]] = []
        for node in range(space.nodes + 1):
            leaving = [(edge, target) for edge, (source, target) in enumerate(space.edges) if source == node]
            stride = 2 if reduction and node < 2 else 1
            self.fans.append(MixedFan([candidates[edge] for edge, _ in leaving], self.mixed_channels, stride))
            self.leaving.append(leaving)

    def forward(
        self,
        before_last: Tensor,
        last: Tensor,
        mixture: Sequence[Tensor],
        shares: Tensor,
        skip_dropout: Tensor | None = None,
    ) -> Tensor:
        """Compute the cell's map.

        Args:
            before_last: output of the cell before the last one, behind ReLU.
            last: output of the last cell, behind ReLU.
            mixture: for each source node, the candidates' weights on the edges that leave it, `(edges, candidates)`.
            shares: the edges' weights, `(edges,)`.
            skip_dropout: rate of dropout behind identity skips; None for none.
        """
        nodes = [self.preprocess0(before_last), self.preprocess1(last)]
        mixed: list[Tensor | None] = [None] * (self.nodes + 2)
        passed: list[list[tuple[Tensor, Tensor]]] = [[] for _ in range(self.nodes + 2)]
        orders: Sequence[Tensor | None] = [None] * (self.nodes + 1)
        if self.random_channels and self.training:
            # The channels that go through the operations come first.
            orders = channel_orders(self.nodes + 1, self.channels, last.device).unbind()
        for node, (fan, leaving) in enumerate(zip(self.fans, self.leaving, strict=True)):
            if node >= 2:
                nodes.append(self._join(mixed[node], passed[node]))
            x, places = nodes[node], orders[node]
            if places is not None:
                x = x.index_select(1, places)
            selected, rest = x.split([self.mixed_channels, self.channels - self.mixed_channels], dim=1)
            outputs = fan(selected, mixture[node], skip_dropout)
            if self.partial_channels > 1:
                if self.reduction and node < 2:
                    rest = F.max_pool2d(rest, 2, 2, ceil_mode=True)
                rest = rest.contiguous(memory_format=torch.channels_last)
            for (edge, target), out in zip(leaving, outputs, strict=True):
                if self.random_channels:
                    # Every source has drawn other channels, so they return to their positions before the sum.
                    whole = torch.cat([out, shares[edge] * rest], dim=1)
                    out = whole if places is None else whole[:, places.argsort()]
                elif self.partial_channels > 1:
                    passed[target].append((shares[edge], rest))
                mixed[target] = _add(mixed[target], out)
        nodes.append(self._join(mixed[-1], passed[-1]))
        return torch.cat(nodes[2:], dim=1)

    def _join(self, mixed: Tensor | None, passed: list[tuple[Tensor, Tensor]]) -> Tensor:
        """Join both parts of a node's channels and shuffle them."""
        assert mixed is not None
        if not passed:
            return mixed
        shares, maps = zip(*passed, strict=True)
        rest = weighted_sum(torch.stack(shares), maps)
        groups = (len(mixed), *mixed.shape[-2:], -1, self.mixed_channels)
        parts = [part.permute(0, 2, 3, 1).reshape(groups) for part in (mixed, rest)]
        # Shuffle: channels with the same index in their groups become adjacent (Zhang et al., CVPR 2018).
        shuffled = torch.cat([part.transpose(3, 4) for part in parts], dim=4)
        return shuffled.flatten(3).permute(0, 3, 1, 2)


def _add(total: Tensor | None, out: Tensor) -> Tensor:
    return out if total is None else total + out
