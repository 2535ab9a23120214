"""Compute each candidate operation for all edges of a fan together.

The edges of a fan leave one node, so they read the same map. Every branch ends in a `Term` of the mixture: features,
one weight matrix for all edges, and the statistics of the BatchNorm that follows. Weights are initialised as in
`nn.Conv2d`. Edge e has the columns `e * channels` to `(e + 1) * channels - 1`; they are zero if it lacks the operation.
"""

from __future__ import annotations

import math
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backbones.cpu.depthwise import copied_channels, depthwise
from search.methods.auxiliary import AUXILIARY
from search.methods.draws import dropout_mask, noise
from search.supernet.mixture import Statistics, Term, image, matrix, mixture


class Source:
    """The input of a fan's branches, and the maps that several branches compute from it.

    Args:
        x: map of the source node, `(N, C, H, W)`, channels last in memory.
        stride: of the edges, 1 or 2.
        training: whether BatchNorm uses the batch's statistics and dropout is active.
        skip_dropout: rate of dropout behind skip connections of stride 1, a tensor on the device; None for none.
    """

    def __init__(self, x: Tensor, stride: int, training: bool, skip_dropout: Tensor | None) -> None:
        self.x = x
        self.stride = stride
        self.training = training
        self.skip_dropout = skip_dropout if training else None
        self._copies: dict[tuple[str, int], Tensor] = {}

    @cached_property
    def positive(self) -> Tensor:
        """ReLU of the map; all convolutions read it."""
        return F.relu(self.x)

    @cached_property
    def even(self) -> Tensor:
        """Rows and columns 0, 2, 4, … of `positive`."""
        return self.positive[:, :, ::2, ::2].contiguous(memory_format=torch.channels_last)

    def copies(self, name: str, count: int) -> Tensor:
        """Repeat each channel of `positive` or `even` `count` times; copies of a channel are adjacent."""
        if count == 1:
            return getattr(self, name)
        if (name, count) not in self._copies:
            self._copies[name, count] = copied_channels(getattr(self, name), count)
        return self._copies[name, count]


class Pools(nn.Module):
    """3x3 pooling and BatchNorm; all edges get the same map."""

    identity: Tensor

    def __init__(self, kind: str, channels: int, stride: int, edges: int) -> None:
        super().__init__()
        self.kind = kind
        self.stride = stride
        self.statistics = Statistics(channels * edges)
        self.register_buffer("identity", torch.eye(channels).repeat(1, edges), persistent=False)

    def forward(self, source: Source) -> Term:
        if self.kind == "max_pool_3x3":
            pooled = F.max_pool2d(source.x, 3, self.stride, padding=1)
        else:
            pooled = average_pool(source.x, self.stride)
        return Term(matrix(pooled), self.identity, self.statistics)


def average_pool(x: Tensor, stride: int) -> Tensor:
    """Apply 3x3 average pooling that does not count the padding (DARTS).

    It is computed by a depthwise convolution, which is three times as fast on a CPU.
    """
    channels = x.shape[1]
    ones = x.new_ones(channels, 1, 3, 3)
    sums = F.conv2d(x, ones, stride=stride, padding=1, groups=channels)
    counts = F.conv2d(x.new_ones(1, 1, *x.shape[-2:]), ones[:1], stride=stride, padding=1)
    return sums / counts


class Branch(nn.Module):
    """One operation on the edges of a fan that have it.

    Args:
        edges: number of edges in the fan.
        on: indices of the edges that have the operation.
    """

    place: Tensor

    def __init__(self, edges: int, on: list[int], channels: int) -> None:
        super().__init__()
        self.edges = edges
        self.count = len(on)
        self.channels = channels
        #: `(edges that have it, edges)`: the one-hot index of each edge.
        self.register_buffer("place", torch.eye(edges)[on], persistent=False)

    def forward(self, source: Source) -> Term:
        raise NotImplementedError

    def _pointwise(self) -> nn.Parameter:
        """Create the 1x1 convolutions of all edges, `(edges that have it, C_out, C_in)`."""
        return conv_weights((self.count, self.channels, self.channels), fan_in=self.channels)

    def _own_columns(self, weights: Tensor, place: Tensor, edge_inside: bool) -> Tensor:
        """Join the edges' `(C_out, C_in)` weights into one matrix, `(edges * C_in, edges * C_out)`.

        Blocks between different edges are zero.

        Args:
            place: one-hot, `(edges of the rows, edges of the columns)`.
            edge_inside: whether rows are ordered by channel, then by edge, as a depthwise convolution with several
                outputs per channel orders them. Otherwise they are ordered by edge, then by channel.
        """
        per_edge = weights.transpose(1, 2)
        if edge_inside:
            blocks = per_edge.transpose(0, 1).unsqueeze(2) * place[None, :, :, None]
        else:
            blocks = per_edge.unsqueeze(2) * place[:, None, :, None]
        return blocks.reshape(-1, place.shape[1] * weights.shape[1])


class Separable(Branch):
    """`sep_conv`: ReLU, depthwise, 1x1, BatchNorm, twice; only the first time with the stride (DARTS 3.1)."""

    own: Tensor

    def __init__(self, edges: int, on: list[int], channels: int, kernel: int, stride: int) -> None:
        super().__init__(edges, on, channels)
        self.stride = stride
        self.padding = kernel // 2
        self.depthwise_1 = _depthwise_weights(self.count * channels, kernel)
        self.pointwise_1 = self._pointwise()
        self.statistics_1 = Statistics(self.count * channels)
        self.depthwise_2 = _depthwise_weights(self.count * channels, kernel)
        self.pointwise_2 = self._pointwise()
        self.statistics_2 = Statistics(edges * channels)
        self.register_buffer("own", torch.eye(self.count), persistent=False)

    def forward(self, source: Source) -> Term:
        if self.stride == 1:
            first = depthwise(source.copies("positive", self.count), self.depthwise_1, copied=source.positive)
        else:
            first = F.conv2d(source.positive, self.depthwise_1, stride=2, padding=self.padding, groups=self.channels)
        weights = self._own_columns(self.pointwise_1, self.own, edge_inside=True)
        between = mixture([Term(matrix(first), weights, self.statistics_1)], None, source.training).relu_()
        second = depthwise(image(between, first), self.depthwise_2)
        weights = self._own_columns(self.pointwise_2, self.place, edge_inside=False)
        return Term(matrix(second), weights, self.statistics_2)


class Dilated(Branch):
    """`dil_conv`: ReLU, depthwise of dilation 2, 1x1, BatchNorm."""

    def __init__(self, edges: int, on: list[int], channels: int, kernel: int, stride: int) -> None:
        super().__init__(edges, on, channels)
        self.stride = stride
        self.kernel = kernel
        self.depthwise = _depthwise_weights(self.count * channels, kernel)
        self.pointwise = self._pointwise()
        self.statistics = Statistics(edges * channels)

    def forward(self, source: Source) -> Term:
        if self.stride == 1:
            features = depthwise(source.copies("positive", self.count), self.depthwise, 2, source.positive)
        else:
            # With stride 2 and dilation 2 it reads only every other row and column: an ordinary convolution on these.
            features = depthwise(source.copies("even", self.count), self.depthwise, 1, source.even)
        weights = self._own_columns(self.pointwise, self.place, edge_inside=True)
        return Term(matrix(features), weights, self.statistics)


class Factorised7(Branch):
    """`conv_7x1_1x7`: ReLU, 1x7, 7x1, BatchNorm."""

    def __init__(self, edges: int, on: list[int], channels: int, stride: int) -> None:
        super().__init__(edges, on, channels)
        self.stride = stride
        width = self.count * channels
        self.wide = conv_weights((width, channels, 1, 7), fan_in=7 * channels)
        self.high = conv_weights((width, channels, 7, 1), fan_in=7 * channels)
        self.statistics = Statistics(edges * channels)

    def forward(self, source: Source) -> Term:
        first = F.conv2d(source.positive, self.wide, stride=(1, self.stride), padding=(0, 3))
        features = F.conv2d(first, self.high, stride=(self.stride, 1), padding=(3, 0), groups=self.count)
        identity = torch.eye(self.channels, device=features.device, dtype=features.dtype)
        weights = self._own_columns(identity.expand(self.count, -1, -1), self.place, edge_inside=False)
        return Term(matrix(features), weights, self.statistics)


class Skip(Branch):
    """`skip_connect`: identity and dropout (P-DARTS 4.3.2) for stride 1, a factorised reduction for stride 2.

    The paper has dropout "after each skip-connect operation". The code that gave its numbers has it only behind
    identities, 96 in a supernet of 8 cells, and so does this class.

    Both halves of a reduction are 1x1 convolutions of stride 2. The second reads the map shifted by one pixel. If the
    size is odd, the shifted map is padded by zeros (`backbones.operations.FactorisedReduction`).
    """

    identity: Tensor
    own: Tensor

    def __init__(self, edges: int, on: list[int], channels: int, stride: int) -> None:
        super().__init__(edges, on, channels)
        self.stride = stride
        self.register_buffer("identity", torch.eye(channels), persistent=False)
        self.register_buffer("own", torch.eye(self.count), persistent=False)
        if stride == 2:
            #: `(edges, half, C / 2, C)`.
            self.halves = conv_weights((self.count, 2, channels // 2, channels), fan_in=channels)
            self.statistics = Statistics(self.count * channels)

    def forward(self, source: Source) -> Term:
        if self.stride == 1:
            if source.skip_dropout is None:
                return Term(matrix(source.x), self.identity.repeat(1, self.edges), None)
            # Each edge has a dropout mask of its own.
            passed = matrix(source.x).repeat(1, self.count)
            passed = passed * dropout_mask(passed.shape, source.skip_dropout)
        else:
            passed = mixture([self._reduction(source)], None, source.training)
        weights = self._own_columns(self.identity.expand(self.count, -1, -1), self.place, edge_inside=False)
        return Term(passed, weights, None)

    def _reduction(self, source: Source) -> Term:
        both = torch.cat([matrix(source.even), matrix(shifted_half(source.positive))], dim=1)
        half = torch.eye(2, device=both.device, dtype=both.dtype)
        # (half, C, edges, half, C / 2): the columns of a half have weights only in the rows of that half.
        blocks = self.halves.permute(1, 3, 0, 2).unsqueeze(3) * half[:, None, None, :, None]
        return Term(both, blocks.reshape(2 * self.channels, -1), self.statistics)


class NoiseBranch(Branch):
    """`noise`: standard normal noise for each edge, without BatchNorm (RobustDARTS' space S4)."""

    identity: Tensor

    def __init__(self, edges: int, on: list[int], channels: int, stride: int) -> None:
        super().__init__(edges, on, channels)
        self.register_buffer("identity", torch.eye(channels), persistent=False)

    def forward(self, source: Source) -> Term:
        pixels = matrix(source.x if source.stride == 1 else source.x[:, :, ::2, ::2])
        weights = self._own_columns(self.identity.expand(self.count, -1, -1), self.place, edge_inside=False)
        return Term(noise((len(pixels), self.count * self.channels), pixels), weights, None)


def shifted_half(x: Tensor) -> Tensor:
    """Take rows and columns 1, 3, 5, …: the input of a factorised reduction's second convolution.

    An odd size is padded by zeros, so that the result has as many as rows and columns 0, 2, 4, …
    """
    below, right = (size % 2 for size in x.shape[-2:])
    padded = F.pad(x, (0, right, 0, below)) if below or right else x
    return padded[:, :, 1::2, 1::2]


def build_branch(name: str, edges: int, on: list[int], channels: int, stride: int) -> Branch:
    """Build the branch of a candidate operation; `none` and pools have no weights and no branch."""
    kind, _, size = name.rpartition("_")
    if kind == "sep_conv":
        return Separable(edges, on, channels, int(size[0]), stride)
    if kind == "dil_conv":
        return Dilated(edges, on, channels, int(size[0]), stride)
    kinds = {"skip_connect": Skip, AUXILIARY: Skip, "conv_7x1_1x7": Factorised7, "noise": NoiseBranch}
    return kinds[name](edges, on, channels, stride)


def _depthwise_weights(width: int, kernel: int) -> nn.Parameter:
    return conv_weights((width, 1, kernel, kernel), fan_in=kernel * kernel)


def conv_weights(shape: tuple[int, ...], fan_in: int) -> nn.Parameter:
    """Initialise weights as `nn.Conv2d` does."""
    bound = 1 / math.sqrt(fan_in)
    return nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
