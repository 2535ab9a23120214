"""The supernet: every edge is a mixture of its candidate operations, weighted by architecture parameters.

One network serves DARTS, PC-DARTS, P-DARTS and the other methods of `search.methods`; partial channels, edge
normalisation, candidates per edge, dropout on skip connections and the weighting of candidates are settings.
`search.supernet.reference` has the same network with one module per operation, which is easier to read.
"""

from __future__ import annotations

from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backbones.errors import InputError
from backbones.networks import CifarStem, imagenet_stem, reduction_places
from search.space import SearchSpace
from search.supernet.cell import MixedCell
from search.supernet.stacked import StackedCells
from search.supernet.weighting import Weighting

Arithmetic = Literal["moments", "stacked"]

#: Standard deviation of the initial α and β (DARTS' initialisation).
INITIAL_SCALE = 1e-3


class SuperNet(nn.Module):
    """A stack of mixed cells with a classifier: `(N, 3, H, W)` to logits `(N, num_classes)`.

    Args:
        space: candidates of every edge.
        channels: the initial width C.
        layers: the number of cells, reductions at one and two thirds.
        partial_channels: K; 1 / K of the channels go through the operations (PC-DARTS 3.2), 1 means all.
        arithmetic: how the same numbers are computed. `moments` is the closed form of `search.supernet.mixture`, faster
            on a CPU. `stacked` needs few operations, for a GPU (`search.supernet.stacked`). None chooses by the device.
        random_channels: draw the channels that go through the operations at every node and step, instead of taking the
            first ones and shuffling.
        edge_normalisation: whether edges are weighted by softmax(β) over the edges into a node (PC-DARTS 3.3).
        stem: `cifar` (stride 1) or `imagenet` (stride 8, PC-DARTS 4.3).
        weighting: how α becomes the candidates' weights; None is softmax(α).

    Attributes:
        alpha_normal, alpha_reduce: `(edges, candidates)`, raw values before softmax.
        beta_normal, beta_reduce: `(edges,)`, or None without edge normalisation.

    Raises:
        InputError: K does not divide the channels.
    """

    skip_dropout: Tensor
    by_node: Tensor

    def __init__(
        self,
        space: SearchSpace,
        channels: int = 16,
        layers: int = 8,
        num_classes: int = 10,
        partial_channels: int = 1,
        edge_normalisation: bool = False,
        stem: str = "cifar",
        random_channels: bool = False,
        arithmetic: Arithmetic | None = None,
        weighting: Weighting | None = None,
    ) -> None:
        super().__init__()
        if channels % partial_channels:
            raise InputError(f"partial_channels={partial_channels} does not divide channels={channels}")
        self.space = space
        self.weighting = weighting or Weighting(space)
        self.arithmetic = arithmetic
        self._stacked: StackedCells | None = None
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
        rows = self.weighting.rows
        reduction_before = stem == "imagenet"
        for layer in range(layers):
            reduction = layer in reduction_places(layers)
            channels = channels * 2 if reduction else channels
            cell = MixedCell(
                rows, before_last, last, channels, reduction, reduction_before, partial_channels, random_channels
            )
            self.cells.append(cell)
            reduction_before = reduction
            before_last, last = last, cell.out_channels
        self.classifier = nn.Linear(last, num_classes)

        edges = len(space.edges)
        self.alpha_normal = _architecture_parameter(edges, len(space.normal[0]))
        self.alpha_reduce = _architecture_parameter(edges, len(space.reduce[0]))
        self.beta_normal = _architecture_parameter(edges) if edge_normalisation else None
        self.beta_reduce = _architecture_parameter(edges) if edge_normalisation else None

        #: Rate of dropout behind identity skips; a tensor, since a replayed step reads it at a fixed address.
        self.register_buffer("skip_dropout", torch.zeros(()), persistent=False)
        self.drops_skips = False
        leaving = cast(MixedCell, self.cells[0]).leaving
        by_node = torch.tensor([edge for each in leaving for edge, _ in each])
        self.register_buffer("by_node", by_node, persistent=False)
        self._leaving = [len(each) for each in leaving]

    def architecture_parameters(self) -> dict[str, nn.Parameter]:
        """Return α and β by name; only the architecture optimiser moves them."""
        names = ("alpha_normal", "alpha_reduce", "beta_normal", "beta_reduce")
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    def weight_parameters(self) -> list[nn.Parameter]:
        """Return all parameters except α and β."""
        architecture = {id(parameter) for parameter in self.architecture_parameters().values()}
        return [parameter for parameter in self.parameters() if id(parameter) not in architecture]

    def set_skip_dropout(self, rate: float) -> None:
        """Set the rate of the operation-level dropout behind every skip connection of stride 1 (P-DARTS 4.3.2)."""
        self.skip_dropout.fill_(rate)
        self.drops_skips = rate > 0

    def forward(self, x: Tensor) -> Tensor:
        arithmetic = self.arithmetic or ("moments" if x.device.type == "cpu" else "stacked")
        # Memory layout: contiguous for a GPU's grouped convolutions, channels last for those of `backbones.cpu`.
        layout = torch.channels_last if arithmetic == "moments" else torch.contiguous_format
        x = x.contiguous(memory_format=layout)
        if self.stem_name == "cifar":
            before_last = last = self.stem(x)
        else:
            before_last = self.stem0(x)
            last = self.stem1(before_last)
        mixtures = {False: self._mixture("normal"), True: self._mixture("reduce")}
        skip_dropout = self.skip_dropout if self.drops_skips else None
        if arithmetic == "stacked":
            if self._stacked is None:
                self._stacked = StackedCells(self._mixed_cells())
            last = self._stacked(before_last, last, mixtures, self.training, skip_dropout)
        else:
            last = self._moments(before_last, last, mixtures, skip_dropout)
        return self.classifier(last.mean(dim=(2, 3)))

    def _moments(
        self,
        before_last: Tensor,
        last: Tensor,
        mixtures: dict[bool, tuple[Tensor, Tensor]],
        skip_dropout: Tensor | None,
    ) -> Tensor:
        """Compute the last cell's map from the stem's, by the `moments` arithmetic."""
        by_node = {
            reduction: (weights.index_select(0, self.by_node).split(self._leaving), shares)
            for reduction, (weights, shares) in mixtures.items()
        }
        positive_before, positive = F.relu(before_last), F.relu(last)
        for cell in self._mixed_cells():
            last = cell(positive_before, positive, *by_node[cell.reduction], skip_dropout)
            positive_before, positive = positive, F.relu(last)
        return last

    def _mixed_cells(self) -> list[MixedCell]:
        return [cast(MixedCell, cell) for cell in self.cells]

    def _mixture(self, cell: str) -> tuple[Tensor, Tensor]:
        """Compute the weights of a cell's candidates, `(edges, candidates)`, and of its edges, `(edges,)`.

        An edge's weight is softmax(β) over the edges into its node; without edge normalisation it is 1, as in DARTS. A
        candidate's weight, softmax(α) in DARTS, is multiplied by the edge's weight.
        """
        weights = self.weighting(getattr(self, f"alpha_{cell}"), cell)
        beta = getattr(self, f"beta_{cell}")
        kept = self.weighting.kept.get(cell)
        if beta is None:
            return weights, weights.new_ones(len(weights)) if kept is None else kept
        shares = edge_weights(beta, self.space.nodes)
        if kept is not None:
            shares = shares * kept
        return weights * shares.unsqueeze(-1), shares


def edge_weights(beta: Tensor, nodes: int) -> Tensor:
    """Compute softmax(β) over the edges into each node, `(edges,)` in and out (PC-DARTS eq. 2)."""
    return torch.cat([F.softmax(part, dim=0) for part in beta.split(list(range(2, nodes + 2)))])


def _architecture_parameter(*shape: int) -> nn.Parameter:
    return nn.Parameter(INITIAL_SCALE * torch.randn(*shape))
