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
from search.branches import conv_weights
from search.fan import MixedFan
from search.mixture import Statistics, Term, image, matrix, mixture, weighted_sum
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
        random_channels: draw these anew at every node and step, in place of the first ones and a shuffle.
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
        random_channels: bool = False,
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
            cell = MixedCell(
                space, before_last, last, channels, reduction, reduction_before, partial_channels, random_channels
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
        x = x.contiguous(memory_format=torch.channels_last)
        if self.stem_name == "cifar":
            before_last = last = self.stem(x)
        else:
            before_last = self.stem0(x)
            last = self.stem1(before_last)
        mixtures = {False: self._mixture("normal"), True: self._mixture("reduce")}
        positive_before, positive = F.relu(before_last), F.relu(last)
        for cell in self._mixed_cells():
            last = cell(positive_before, positive, *mixtures[cell.reduction])
            positive_before, positive = positive, F.relu(last)
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


class Preprocess(nn.Module):
    """What brings an input of a cell to its width: 1x1 convolution and BatchNorm, `(N, C_in, H, W)` to `(N, C, H, W)`.

    Behind a reduction cell the first input is halved: two convolutions of stride 2, half of the channels each, the
    second on the map shifted by one pixel (`backbones.operations.FactorisedReduction`).
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
        """`x` has gone through ReLU, which the next two cells share."""
        maps = [x]
        if self.halve:
            below, right = (size % 2 for size in x.shape[-2:])
            shifted = F.pad(x, (0, right, 0, below)) if below or right else x
            maps = [x[:, :, ::2, ::2], shifted[:, :, 1::2, 1::2]]
        # As products of matrices: five times as fast backward as oneDNN's convolution on a CPU.
        parts = [matrix(part) @ weight.flatten(1).t() for part, weight in zip(maps, self.weights, strict=True)]
        rows = parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
        return image(mixture([Term(rows, self.identity, self.statistics)], None, self.training), maps[0])


class MixedCell(nn.Module):
    """A cell of the supernet.

    Takes `(N, C_0, H_0, W_0)` and `(N, C_1, H, W)` and gives `(N, nodes * channels, H', W')`.

    An edge is eq. 1 of PC-DARTS: the first C / K channels through the weighted candidates, the others passed on
    (max-pooled where the stride is 2), then shuffled with K groups, as in ShuffleNet (PC-DARTS 4.1). The edge's share
    of eq. 2 weighs all of it, the channels passed on as well. What enters a node is summed before it is shuffled.

    With `random_channels` the mask of eq. 1 is drawn for every node that edges leave, at every step, and channels stay
    in their places; in evaluation they are the first ones.
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
        random_channels: bool,
    ) -> None:
        super().__init__()
        self.random_channels = random_channels
        self.reduction = reduction
        self.nodes = space.nodes
        self.out_channels = channels * space.nodes
        self.partial_channels = partial_channels
        self.channels = channels
        self.mixed_channels = channels // partial_channels
        self.skip_dropout = 0.0
        self.preprocess0 = Preprocess(c_before_last, channels, halve=reduction_before)
        self.preprocess1 = Preprocess(c_last, channels, halve=False)
        candidates = space.reduce if reduction else space.normal
        self.fans = nn.ModuleList()
        #: For every source node the indices and targets of the edges that leave it.
        self._edges: list[list[tuple[int, int]]] = []
        for node in range(space.nodes + 1):
            leaving = [(edge, target) for edge, (source, target) in enumerate(space.edges) if source == node]
            stride = 2 if reduction and node < 2 else 1
            self.fans.append(MixedFan([candidates[edge] for edge, _ in leaving], self.mixed_channels, stride))
            self._edges.append(leaving)

    def forward(self, before_last: Tensor, last: Tensor, mixture: Tensor, shares: Tensor) -> Tensor:
        nodes = [self.preprocess0(before_last), self.preprocess1(last)]
        mixed: list[Tensor | None] = [None] * (self.nodes + 2)
        passed: list[list[tuple[Tensor, Tensor]]] = [[] for _ in range(self.nodes + 2)]
        for node, (fan, leaving) in enumerate(zip(self.fans, self._edges, strict=True)):
            if node >= 2:
                nodes.append(self._join(mixed[node], passed[node]))
            edges = [edge for edge, _ in leaving]
            x, places = nodes[node], self._draw(nodes[node].device)
            if places is not None:
                x = x.index_select(1, places)
            selected, rest = x.split([self.mixed_channels, self.channels - self.mixed_channels], dim=1)
            outputs = fan(selected, mixture[edges], self.skip_dropout)
            if self.random_channels:
                if self.reduction and node < 2:
                    rest = F.max_pool2d(rest, 2, 2, ceil_mode=True)
                for (edge, target), out in zip(leaving, outputs, strict=True):
                    whole = torch.cat([out, shares[edge] * rest], dim=1)
                    mixed[target] = _add(mixed[target], whole if places is None else whole[:, places.argsort()])
                continue
            for (_, target), out in zip(leaving, outputs, strict=True):
                mixed[target] = _add(mixed[target], out)
            if self.partial_channels > 1:
                if self.reduction and node < 2:
                    rest = F.max_pool2d(rest, 2, 2, ceil_mode=True)
                rest = rest.contiguous(memory_format=torch.channels_last)
                for edge, target in leaving:
                    passed[target].append((shares[edge], rest))
        nodes.append(self._join(mixed[-1], passed[-1]))
        return torch.cat(nodes[2:], dim=1)

    def _draw(self, device: torch.device) -> Tensor | None:
        """An order of the channels, those that go through the operations first; None for the order as it is."""
        if not (self.random_channels and self.training and self.partial_channels > 1):
            return None
        return torch.randperm(self.channels).to(device)

    def _join(self, mixed: Tensor | None, passed: list[tuple[Tensor, Tensor]]) -> Tensor:
        """The node's map out of both parts of its channels, shuffled."""
        assert mixed is not None
        if not passed:
            return mixed
        shares, maps = zip(*passed, strict=True)
        rest = weighted_sum(torch.stack(shares), maps)
        groups = (len(mixed), *mixed.shape[-2:], -1, self.mixed_channels)
        parts = [part.permute(0, 2, 3, 1).reshape(groups) for part in (mixed, rest)]
        # Shuffled: the channels of all groups with the same number stand together (Zhang et al., CVPR 2018).
        shuffled = torch.cat([part.transpose(3, 4) for part in parts], dim=4)
        return shuffled.flatten(3).permute(0, 3, 1, 2)


def _add(total: Tensor | None, out: Tensor) -> Tensor:
    return out if total is None else total + out
