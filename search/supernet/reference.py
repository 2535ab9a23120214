"""The plain supernet, as the papers write it: one module for every candidate of every edge.

`SuperNet` computes the same several times as fast. This one is for reading, for the tests that compare the two in
float64, and for `wildnas speed search`, which times both.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backbones.networks import CifarStem, imagenet_stem, reduction_places
from backbones.operations import FactorisedReduction, ReLUConvBN, build_operation
from search.methods.auxiliary import AUXILIARY
from search.methods.draws import channel_orders, dropout_mask
from search.space import CellRows, SearchSpace
from search.supernet.weighting import Weighting


class ReferenceEdge(nn.Module):
    """Eq. 1 of PC-DARTS: `(N, C, H, W)` to `(N, C, H / stride, W / stride)`."""

    def __init__(
        self, names: tuple[str, ...], channels: int, stride: int, partial_channels: int, random_channels: bool
    ) -> None:
        super().__init__()
        self.random_channels = random_channels
        self.names = names
        self.stride = stride
        self.partial_channels = partial_channels
        self.selected = channels // partial_channels
        self.skip_dropout: Tensor | None = None
        self.operations = nn.ModuleList()
        for name in names:
            operation = build_operation(
                "skip_connect" if name == AUXILIARY else name, self.selected, stride, affine=False
            )
            if "pool" in name:
                operation = nn.Sequential(operation, nn.BatchNorm2d(self.selected, affine=False))
            self.operations.append(operation)

    def forward(self, x: Tensor, weights: Tensor, places: Tensor | None) -> Tensor:
        """Mix the operations by `weights` of this edge; `places` is an order of the channels, or None."""
        if places is not None:
            x = x[:, places]
        mixed = torch.zeros(())
        for name, operation, weight in zip(self.names, self.operations, weights, strict=True):
            out = operation(x[:, : self.selected])
            # Behind an identity only, not behind a factorised reduction (P-DARTS' code).
            if name == "skip_connect" and self.stride == 1 and self.skip_dropout is not None and self.training:
                out = out * dropout_mask(out.shape, self.skip_dropout)
            mixed = mixed + weight * out
        if self.partial_channels == 1:
            return mixed
        passed = x[:, self.selected :]
        if self.stride == 2:
            passed = F.max_pool2d(passed, 2, 2, ceil_mode=True)
        out = torch.cat([mixed, passed], dim=1)
        if places is not None:
            return out[:, places.argsort()]
        return out if self.random_channels else F.channel_shuffle(out, self.partial_channels)


class ReferenceCell(nn.Module):
    """A cell whose nodes are sums of edges, each weighted by its share (PC-DARTS eq. 2)."""

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
        self.channels = channels
        self.draws = random_channels and partial_channels > 1
        self.reduction = reduction
        self.nodes = space.nodes
        self.preprocess0: nn.Module
        if reduction_before:
            self.preprocess0 = FactorisedReduction(c_before_last, channels, affine=False)
        else:
            self.preprocess0 = ReLUConvBN(c_before_last, channels, 1, 1, 0, affine=False)
        self.preprocess1 = ReLUConvBN(c_last, channels, 1, 1, 0, affine=False)
        rows = space.reduce if reduction else space.normal
        self.edges = nn.ModuleList(
            ReferenceEdge(row, channels, 2 if reduction and source < 2 else 1, partial_channels, random_channels)
            for row, (source, _) in zip(rows, space.edges, strict=True)
        )

    def forward(self, before_last: Tensor, last: Tensor, weights: Tensor, shares: Tensor) -> Tensor:
        nodes = [self.preprocess0(before_last), self.preprocess1(last)]
        # One order for each source node.
        drawn = self.draws and self.training
        places = channel_orders(self.nodes + 1, self.channels, last.device) if drawn else None
        edge = 0
        for target in range(2, self.nodes + 2):
            total = torch.zeros(())
            for source in range(target):
                total = total + shares[edge] * self.edges[edge](
                    nodes[source], weights[edge], None if places is None else places[source]
                )
                edge += 1
            nodes.append(total)
        return torch.cat(nodes[2:], dim=1)


class ReferenceSuperNet(nn.Module):
    """`(N, 3, H, W)` to logits `(N, num_classes)`; arguments and architecture parameters are `SuperNet`'s."""

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
        weighting: Weighting | None = None,
    ) -> None:
        super().__init__()
        self.space = space
        self.weighting = weighting or Weighting(space)
        self.imagenet = stem == "imagenet"
        if self.imagenet:
            self.stem0, self.stem1 = imagenet_stem(channels)
            before_last = last = channels
        else:
            self.stem = CifarStem(channels)
            before_last = last = 3 * channels
        self.cells = nn.ModuleList()
        rows = self.weighting.rows
        reduction_before = self.imagenet
        for layer in range(layers):
            reduction = layer in reduction_places(layers)
            channels *= 2 if reduction else 1
            cell = ReferenceCell(
                rows, before_last, last, channels, reduction, reduction_before, partial_channels, random_channels
            )
            self.cells.append(cell)
            reduction_before, before_last, last = reduction, last, channels * space.nodes
        self.classifier = nn.Linear(last, num_classes)
        edges = len(space.edges)
        self.alpha_normal = nn.Parameter(1e-3 * torch.randn(edges, len(space.normal[0])))
        self.alpha_reduce = nn.Parameter(1e-3 * torch.randn(edges, len(space.reduce[0])))
        self.beta_normal = nn.Parameter(1e-3 * torch.randn(edges)) if edge_normalisation else None
        self.beta_reduce = nn.Parameter(1e-3 * torch.randn(edges)) if edge_normalisation else None

    def set_skip_dropout(self, rate: float) -> None:
        """Set the rate, as `SuperNet.set_skip_dropout` does."""
        tensor = torch.tensor(rate, device=self.alpha_normal.device)
        for module in self.modules():
            if isinstance(module, ReferenceEdge):
                module.skip_dropout = tensor if rate else None

    def forward(self, x: Tensor) -> Tensor:
        before_last = self.stem0(x) if self.imagenet else self.stem(x)
        last = self.stem1(before_last) if self.imagenet else before_last
        # Drawn once for all cells of a kind.
        weights = {kind: self.weighting(getattr(self, f"alpha_{kind}"), kind) for kind in ("normal", "reduce")}
        for cell in self.cells:
            kind = "reduce" if cell.reduction else "normal"
            before_last, last = (
                last,
                cell(before_last, last, weights[kind], self._shares(getattr(self, f"beta_{kind}"))),
            )
        return self.classifier(F.adaptive_avg_pool2d(last, 1).flatten(1))

    def _shares(self, beta: Tensor | None) -> Tensor:
        """Compute softmax(β) over the edges into each node (PC-DARTS eq. 2), or ones."""
        if beta is None:
            return torch.ones(len(self.space.edges))
        targets = [target for _, target in self.space.edges]
        return torch.cat([F.softmax(beta[[t == node for t in targets]], dim=0) for node in sorted(set(targets))])
