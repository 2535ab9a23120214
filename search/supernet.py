"""The supernet: every edge a mixture of its candidate operations, weighted by architecture parameters.

One network for DARTS, PC-DARTS and P-DARTS; partial channels, edge normalisation, candidates per edge and dropout on
skip connections are its settings.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backbones.errors import InputError
from backbones.networks import CifarStem, imagenet_stem, reduction_places
from backbones.operations import FactorisedReduction, ReLUConvBN, build_operation
from search.space import SearchSpace

#: α and β start at this times a standard normal (DARTS' initialisation).
INITIAL_SCALE = 1e-3


class SuperNet(nn.Module):
    """A stack of mixed cells with a classifier: `(N, 3, H, W)` to logits `(N, num_classes)`.

    Args:
        space: candidates of every edge.
        channels: the initial width C.
        layers: the number of cells, reductions at one and two thirds.
        partial_channels: K; 1 / K of the channels go through the operations (PC-DARTS 3.2), 1 means all.
        edge_normalisation: whether edges are weighted by softmax(β) over the edges into a node (PC-DARTS 3.3).
        stem: `cifar` (stride 1) or `imagenet` (stride 8, PC-DARTS 4.3).

    Attributes:
        alpha_normal, alpha_reduce: `(edges, candidates)`, raw values before softmax.
        beta_normal, beta_reduce: `(edges,)`, or None without edge normalisation.

    Raises:
        InputError: K does not divide the channels.
    """

    def __init__(
        self,
        space: SearchSpace,
        channels: int = 16,
        layers: int = 8,
        num_classes: int = 10,
        partial_channels: int = 1,
        edge_normalisation: bool = False,
        stem: str = "cifar",
    ) -> None:
        super().__init__()
        if channels % partial_channels:
            raise InputError(f"partial_channels={partial_channels} does not divide channels={channels}")
        self.space = space
        self.stem_name = stem
        if stem == "cifar":
            self.stem = CifarStem(channels)
            before_last = last = 3 * channels
        elif stem == "imagenet":
            self.stem0, self.stem1 = imagenet_stem(channels)
            before_last = last = channels
        else:
            raise InputError(f"stem={stem!r}: expected 'cifar' or 'imagenet'")
        self.cells = nn.ModuleList()
        reduction_before = stem == "imagenet"
        for layer in range(layers):
            reduction = layer in reduction_places(layers)
            channels = channels * 2 if reduction else channels
            cell = MixedCell(space, before_last, last, channels, reduction, reduction_before, partial_channels)
            self.cells.append(cell)
            reduction_before = reduction
            before_last, last = last, cell.out_channels
        self.classifier = nn.Linear(last, num_classes)

        edges = len(space.edges)
        self.alpha_normal = _architecture_parameter(edges, len(space.normal[0]))
        self.alpha_reduce = _architecture_parameter(edges, len(space.reduce[0]))
        self.beta_normal = _architecture_parameter(edges) if edge_normalisation else None
        self.beta_reduce = _architecture_parameter(edges) if edge_normalisation else None

    def architecture_parameters(self) -> dict[str, nn.Parameter]:
        """α and β by name; they belong to the architecture optimiser only."""
        names = ("alpha_normal", "alpha_reduce", "beta_normal", "beta_reduce")
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    def weight_parameters(self) -> list[nn.Parameter]:
        """All parameters but α and β."""
        architecture = {id(parameter) for parameter in self.architecture_parameters().values()}
        return [parameter for parameter in self.parameters() if id(parameter) not in architecture]

    def set_skip_dropout(self, rate: float) -> None:
        """Set the rate of the operation-level dropout behind every skip connection (P-DARTS 4.3.2)."""
        for cell in self._mixed_cells():
            cell.skip_dropout = rate

    def forward(self, x: Tensor) -> Tensor:
        if self.stem_name == "cifar":
            before_last = last = self.stem(x)
        else:
            before_last = self.stem0(x)
            last = self.stem1(before_last)
        mixtures = {False: self._mixture("normal"), True: self._mixture("reduce")}
        for cell in self._mixed_cells():
            before_last, last = last, cell(before_last, last, *mixtures[cell.reduction])
        return self.classifier(last.mean(dim=(2, 3)))

    def _mixed_cells(self) -> list[MixedCell]:
        return [cast(MixedCell, cell) for cell in self.cells]

    def _mixture(self, cell: str) -> tuple[Tensor, Tensor]:
        """The weights of a cell's candidates, `(edges, candidates)`, and of its edges, `(edges,)`.

        An edge's weight is softmax(β) over the edges into a node; without edge normalisation it is 1, as in DARTS. A
        candidate's is softmax(α) times that.
        """
        weights = F.softmax(getattr(self, f"alpha_{cell}"), dim=-1)
        beta = getattr(self, f"beta_{cell}")
        if beta is None:
            return weights, weights.new_ones(len(weights))
        shares = edge_weights(beta, self.space.nodes)
        return weights * shares.unsqueeze(-1), shares


def edge_weights(beta: Tensor, nodes: int) -> Tensor:
    """softmax(β) over the edges into each node, `(edges,)` in and out (PC-DARTS eq. 2)."""
    return torch.cat([F.softmax(part, dim=0) for part in beta.split(list(range(2, nodes + 2)))])


def _architecture_parameter(*shape: int) -> nn.Parameter:
    return nn.Parameter(INITIAL_SCALE * torch.randn(*shape))


class MixedCell(nn.Module):
    """A cell of the supernet.

    Takes `(N, C_0, H_0, W_0)` and `(N, C_1, H, W)` and gives `(N, nodes * channels, H', W')`. All edges that leave one
    node are computed together, since they share their input: its bypassed channels and pooled maps are made once.
    """

    def __init__(
        self,
        space: SearchSpace,
        c_before_last: int,
        c_last: int,
        channels: int,
        reduction: bool,
        reduction_before: bool,
        partial_channels: int,
    ) -> None:
        super().__init__()
        self.reduction = reduction
        self.nodes = space.nodes
        self.out_channels = channels * space.nodes
        self.skip_dropout = 0.0
        self.preprocess0: nn.Module
        if reduction_before:
            self.preprocess0 = FactorisedReduction(c_before_last, channels, affine=False)
        else:
            self.preprocess0 = ReLUConvBN(c_before_last, channels, 1, 1, 0, affine=False)
        self.preprocess1 = ReLUConvBN(c_last, channels, 1, 1, 0, affine=False)
        candidates = space.reduce if reduction else space.normal
        self.fans = nn.ModuleList()
        #: For every source node the indices and targets of the edges that leave it.
        self._edges: list[list[tuple[int, int]]] = []
        for node in range(space.nodes + 1):
            leaving = [(edge, target) for edge, (source, target) in enumerate(space.edges) if source == node]
            stride = 2 if reduction and node < 2 else 1
            rows = [candidates[edge] for edge, _ in leaving]
            self.fans.append(MixedFan(rows, channels, stride, partial_channels))
            self._edges.append(leaving)

    def forward(self, before_last: Tensor, last: Tensor, mixture: Tensor, shares: Tensor) -> Tensor:
        nodes = [self.preprocess0(before_last), self.preprocess1(last)]
        sums: list[Tensor | None] = [None] * (self.nodes + 2)
        for node, (fan, leaving) in enumerate(zip(self.fans, self._edges, strict=True)):
            if node >= 2:
                total = sums[node]
                assert total is not None
                nodes.append(total)
            edges = [edge for edge, _ in leaving]
            outputs = fan(nodes[node], mixture[edges], shares[edges], self.skip_dropout)
            for (_, target), out in zip(leaving, outputs, strict=True):
                before = sums[target]
                sums[target] = out if before is None else before + out
        last_node = sums[-1]
        assert last_node is not None
        return torch.cat([*nodes[2:], last_node], dim=1)


class MixedFan(nn.Module):
    """All mixed edges that leave one node: `(N, C, H, W)` to one `(N, C, H', W')` an edge.

    Each output is eq. 1 of PC-DARTS: the first C / K channels through the weighted candidates, the others passed on
    (max-pooled where the stride is 2), then shuffled with K groups, as in ShuffleNet (PC-DARTS 4.1). The edge's share
    of eq. 2 weighs all of it, the channels passed on as well; `mixture` has it already.
    """

    def __init__(self, candidates: list[tuple[str, ...]], channels: int, stride: int, partial_channels: int) -> None:
        super().__init__()
        self.candidates = candidates
        self.stride = stride
        self.partial_channels = partial_channels
        self.mixed_channels = channels // partial_channels
        names = {name for row in candidates for name in row}
        # A pooled map is the same for every edge of the fan, and so is its BatchNorm, which has no affine part.
        self.pools = nn.ModuleDict(
            {
                name: nn.Sequential(
                    build_operation(name, self.mixed_channels, stride),
                    nn.BatchNorm2d(self.mixed_channels, affine=False),
                )
                for name in sorted(names)
                if "pool" in name
            }
        )
        self.edges = nn.ModuleList(
            nn.ModuleDict(
                {
                    name: build_operation(name, self.mixed_channels, stride, affine=False)
                    for name in row
                    if name != "none" and "pool" not in name
                }
            )
            for row in candidates
        )

    def forward(self, x: Tensor, mixture: Tensor, shares: Tensor, skip_dropout: float) -> list[Tensor]:
        mixed, bypassed = x[:, : self.mixed_channels], x[:, self.mixed_channels :]
        if self.partial_channels > 1 and self.stride == 2:
            bypassed = F.max_pool2d(bypassed, 2, 2, ceil_mode=True)
        pooled = {name: pool(mixed) for name, pool in self.pools.items()}
        outputs = []
        for row, edge, weights, share in zip(self.candidates, self.edges, mixture, shares, strict=True):
            total: Tensor | None = None
            for name, weight in zip(row, weights, strict=True):
                if name == "none":
                    continue
                out = pooled[name] if name in pooled else cast(nn.ModuleDict, edge)[name](mixed)
                if name == "skip_connect" and skip_dropout > 0:
                    out = F.dropout(out, skip_dropout, self.training)
                total = weight * out if total is None else total + weight * out
            assert total is not None
            if self.partial_channels > 1:
                total = channel_shuffle(torch.cat([total, share * bypassed], dim=1), self.partial_channels)
            outputs.append(total)
        return outputs


def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    """Interleave the channels of `groups` groups (Zhang et al., ShuffleNet, CVPR 2018), `(N, C, H, W)` in and out."""
    n, channels, height, width = x.shape
    return x.view(n, groups, channels // groups, height, width).transpose(1, 2).reshape(n, channels, height, width)
