"""Compute the edges that leave a node, and a cell's inputs, in few operations (`search.supernet.stacked`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from search.methods.auxiliary import AUXILIARY
from search.methods.draws import dropout_mask, noise
from search.supernet.branches import Branch, Pools
from search.supernet.cell import Preprocess
from search.supernet.fan import EdgeGroup, MixedFan
from search.supernet.gather import ABSENT, Gather, Indices
from search.supernet.norms import BatchMoments, StackedNorms


@dataclass(frozen=True)
class Pass:
    """Tensors and settings that all parts of one pass share.

    Attributes:
        weights: stacked weights of the convolutions.
        skip_dropout: rate of dropout behind identity skips, a tensor on the device; None for none.
    """

    weights: list[Tensor]
    moments: BatchMoments
    norms: StackedNorms
    training: bool
    skip_dropout: Tensor | None

    def normalise(self, number: int, x: Tensor) -> Tensor:
        return self.norms.normalise(number, x, self.moments)


class Sums:
    """Partial sums of the nodes that are not complete yet, `(N, nodes, C, H, W)`.

    A fan adds to all of them at once: from each node, edges lead to every later node.
    """

    def __init__(self) -> None:
        self._total: Tensor | None = None
        self._size: Sequence[int] = ()

    def add(self, scales: Tensor, maps: Tensor) -> None:
        """Add the sum of the maps to each node, each map times its scale.

        Args:
            scales: `(nodes, maps)`.
            maps: `(N, maps, C, H, W)`.
        """
        self._size = maps.shape[2:]
        left, right = scales.expand(len(maps), -1, -1), maps.flatten(2)
        self._total = torch.bmm(left, right) if self._total is None else torch.baddbmm(self._total, left, right)

    def include(self, maps: Tensor) -> None:
        """Add one map to each node, `(N, nodes, C, H, W)`, without scaling."""
        self._size = maps.shape[2:]
        self._total = maps.flatten(2) if self._total is None else self._total + maps.flatten(2)

    def maps(self) -> Tensor:
        assert self._total is not None
        return self._total.unflatten(2, self._size)

    def next(self) -> Tensor:
        """Remove and return the first node's map, `(N, C, H, W)`, which is complete."""
        assert self._total is not None
        nodes = self._total.shape[1]
        if nodes == 1:
            return self.maps()[:, 0]
        # A split, since its backward pass joins the gradients; that of slices would add each of them to zeros.
        first, self._total = self._total.split([1, nodes - 1], dim=1)
        return first.unflatten(2, self._size)[:, 0]


class Entrance:
    """`Preprocess` of a cell's input behind ReLU: convolution and BatchNorm."""

    def __init__(self, preprocess: Preprocess, gather: Gather, norms: StackedNorms) -> None:
        self.halve = preprocess.halve
        weights = [gather.source(preprocess.weights, str(place)) for place in range(len(preprocess.weights))]
        self._weights = gather.want(_halves([each[:, :, 0, 0] for each in weights]) if self.halve else weights[0])
        self._norm = norms.add(norms.columns(preprocess.statistics)[None])

    def __call__(self, x: Tensor, run: Pass) -> Tensor:
        weights = run.weights[self._weights]
        return run.normalise(self._norm, _halved(x, weights) if self.halve else F.conv2d(x, weights))


def _halves(weights: Sequence[Indices]) -> Indices:
    """Join both 1x1 convolutions of a factorised reduction, `(C_out / 2, C_in)`, into one 2x2 convolution of stride 2.

    The second reads the map shifted by one pixel, so its weights are in the lower right corner of the kernel.
    """
    both = np.full((sum(map(len, weights)), weights[0].shape[1], 2, 2), ABSENT, dtype=np.int64)
    half = len(weights[0])
    both[:half, :, 0, 0], both[half:, :, 1, 1] = weights
    return both


def _halved(x: Tensor, weights: Tensor) -> Tensor:
    """Apply a factorised reduction; an odd size is padded by zeros."""
    below, right = (size % 2 for size in x.shape[-2:])
    return F.conv2d(F.pad(x, (0, right, 0, below)) if below or right else x, weights, stride=2)


@dataclass(frozen=True)
class _StackedDepthwise:
    """One depthwise convolution of an operation, for all edges that have it.

    Attributes:
        weights: index of its weights, `(edges * C, 1, k, k)`, in `Pass.weights`.
        on: indices of the edges.
    """

    weights: int
    on: list[int]
    padding: int
    dilation: int = 1

    def __call__(self, x: Tensor, stride: int, run: Pass) -> Tensor:
        weights = run.weights[self.weights]
        return F.conv2d(x, weights, None, stride, self.padding, self.dilation, groups=len(weights))


class StackedFan:
    """All mixed edges that leave one node (`search.supernet.fan.MixedFan`).

    In stacked maps, `(N, maps * C, H, W)`, the channels of one edge and operation are adjacent.
    """

    def __init__(self, fan: MixedFan, gather: Gather, norms: StackedNorms) -> None:
        self.stride = fan.stride
        groups = [cast(EdgeGroup, group) for group in fan.groups]
        self.rows = [row for group in groups for row in group.rows]
        self.channels = groups[0].channels
        found = _find_branches(groups)
        # Sorted by name: cells of one kind share an order, although their groups of edges depend on the width.
        names = sorted(found)
        separable = [name for name in names if name.startswith("sep_conv")]
        dilated = [name for name in names if name.startswith("dil_conv")]
        self._separable = sum(len(found[name].on) for name in separable)
        self._dilated = sum(len(found[name].on) for name in dilated)

        self._first = [
            _StackedDepthwise(
                gather.want(found[name].edges_first("depthwise_1" if name in separable else "depthwise", gather)),
                found[name].on,
                *((kernel // 2, 1) if name in separable else (kernel - 1, 2)),
            )
            for name in (*separable, *dilated)
            for kernel in [int(name[-1])]
        ]
        points = [found[name].pointwise("pointwise_1", gather) for name in separable]
        points += [found[name].pointwise("pointwise", gather) for name in dilated]
        self._points_1 = gather.want(np.concatenate(points)) if points else None
        if separable:
            columns = [found[name].columns("statistics_1", norms, own=True) for name in separable]
            self._norm_1 = norms.add(np.concatenate(columns)[None])
            self._second = [
                _StackedDepthwise(
                    gather.want(found[name].source("depthwise_2", gather)), found[name].on, int(name[-1]) // 2
                )
                for name in separable
            ]
            points = [found[name].pointwise("pointwise_2", gather) for name in separable]
            self._points_2 = gather.want(np.concatenate(points))
        # Operation and edge of each map that the last BatchNorm normalises; None for pools, which serve all edges.
        self._ends: list[tuple[str, int | None]] = [
            (name, edge) for name in (*separable, *dilated) for edge in found[name].on
        ]
        columns = [found[name].columns("statistics_2", norms) for name in separable]
        columns += [found[name].columns("statistics", norms) for name in dilated]
        self._wide = self._high = self._reduction = None
        if "conv_7x1_1x7" in found:
            of_branch = found["conv_7x1_1x7"]
            self._wide = gather.want(of_branch.source("wide", gather))
            self._high = gather.want(of_branch.source("high", gather))
            self._ends += [("conv_7x1_1x7", edge) for edge in of_branch.on]
            columns.append(of_branch.columns("statistics", norms))
        self._skips = found["skip_connect"].on if "skip_connect" in found and self.stride == 1 else []
        if self.stride == 2:
            reductions = [name for name in ("skip_connect", AUXILIARY) if name in found]
            halves = [_halves(list(each)) for name in reductions for each in found[name].source("halves", gather)]
            self._reduction = gather.want(np.concatenate(halves)) if halves else None
            for name in reductions:
                self._ends += [(name, edge) for edge in found[name].on]
                columns.append(found[name].columns("statistics", norms, own=True))
        self._noisy = found["noise"].on if "noise" in found else []
        self._pools = list(fan.pools)
        self._ends += [(name, None) for name in self._pools]
        flat = [np.concatenate(columns)] if columns else []
        pooled = [norms.columns(cast(Pools, pool).statistics) for pool in fan.pools.values()]
        # Several edges may keep statistics of the same pooled map.
        times = max((each.size // self.channels for each in pooled), default=1)
        parts = [np.tile(each, (times, 1)) for each in flat]
        parts += [each.reshape(times, self.channels) for each in pooled]
        self._norm_2 = norms.add(np.concatenate(parts, axis=1)) if parts else None

    def want_scales(self, gather: Gather, weights: Indices, drops: bool) -> None:
        """Register the left sides of the products.

        Args:
            weights: indices of the candidates' weights, `(edges, candidates)`.
            drops: whether each edge with an identity skip has a dropout mask of its own.
        """

        def scales(ends: Sequence[tuple[str, int | None]]) -> Indices:
            wanted = np.full((len(self.rows), len(ends)), ABSENT, dtype=np.int64)
            for column, (name, of_edge) in enumerate(ends):
                for edge, row in enumerate(self.rows):
                    if name in row and of_edge in (None, edge):
                        wanted[edge, column] = weights[edge, row.index(name)]
            return wanted

        if self._ends:
            gather.want(scales(self._ends))
        if self._skips:
            gather.want(scales([("skip_connect", edge) for edge in self._skips] if drops else [("skip_connect", None)]))
        if self._noisy:
            gather.want(scales([("noise", edge) for edge in self._noisy]))

    def __call__(self, x: Tensor, sums: Sums, scales: Iterator[Tensor], run: Pass) -> None:
        """Add the weighted candidates of every edge to the sums."""
        if self._norm_2 is not None:
            ends = run.normalise(self._norm_2, _joined(self._candidates(x, run)))
            sums.add(next(scales), ends.unflatten(1, (-1, self.channels)))
        if self._skips:
            maps = x.unsqueeze(1)
            if run.skip_dropout is not None:
                shape = (len(x), len(self._skips), *x.shape[1:])
                maps = maps * dropout_mask(shape, run.skip_dropout).to(x.dtype)
            sums.add(next(scales), maps)
        if self._noisy:
            size = x.shape[1:] if self.stride == 1 else x[:, :, ::2, ::2].shape[1:]
            sums.add(next(scales), noise((len(x), len(self._noisy), *size), x))

    def _candidates(self, x: Tensor, run: Pass) -> list[Tensor]:
        """Compute the candidates before their last BatchNorm, in the order of `_ends`."""
        found: list[Tensor] = []
        if len(self._ends) > len(self._pools):
            positive = F.relu(x)
            if self._first:
                found += self._convolved(positive, run)
            if self._wide is not None and self._high is not None:
                wide = F.conv2d(positive, run.weights[self._wide], None, (1, self.stride), (0, 3))
                high, groups = run.weights[self._high], wide.shape[1] // self.channels
                found.append(F.conv2d(wide, high, None, (self.stride, 1), (3, 0), groups=groups))
            if self._reduction is not None:
                found.append(_halved(positive, run.weights[self._reduction]))
        for name in self._pools:
            if name == "max_pool_3x3":
                found.append(F.max_pool2d(x, 3, self.stride, padding=1))
            else:
                found.append(F.avg_pool2d(x, 3, self.stride, padding=1, count_include_pad=False))
        return found

    def _convolved(self, positive: Tensor, run: Pass) -> list[Tensor]:
        """Compute separable and dilated convolutions before their last BatchNorm."""
        copies: dict[int, Tensor] = {1: positive}
        for count in {len(each.on) for each in self._first} - {1}:
            copies[count] = positive.repeat(1, count, 1, 1)
        first = _joined([each(copies[len(each.on)], self.stride, run) for each in self._first])
        assert self._points_1 is not None
        first = F.conv2d(first, run.weights[self._points_1], groups=self._separable + self._dilated)
        if not self._separable:
            return [first]
        dilated: list[Tensor] = []
        if self._dilated:
            first, last = first.split([self._separable * self.channels, self._dilated * self.channels], dim=1)
            dilated = [last]
        between = run.normalise(self._norm_1, first).relu_()
        parts: Sequence[Tensor] = [between]
        if len(self._second) > 1:
            parts = between.split([len(each.on) * self.channels for each in self._second], dim=1)
        second = _joined([each(part, 1, run) for each, part in zip(self._second, parts, strict=True)])
        return [F.conv2d(second, run.weights[self._points_2], groups=self._separable), *dilated]


def _joined(maps: Sequence[Tensor]) -> Tensor:
    return maps[0] if len(maps) == 1 else torch.cat(list(maps), dim=1)


class _Found:
    """The branches of one operation in all groups of a fan."""

    def __init__(self) -> None:
        self.on: list[int] = []
        self._branches: list[tuple[Branch, list[int]]] = []

    def add(self, branch: Branch, first: int, own: list[int]) -> None:
        """Add the branch of a group.

        Args:
            first: index of the group's first edge in the fan.
            own: indices within the group of the edges that have the operation.
        """
        self.on += [first + edge for edge in own]
        self._branches.append((branch, own))

    def source(self, name: str, gather: Gather) -> Indices:
        """Return the indices of a weight whose first dimension is ordered by edge."""
        return np.concatenate([gather.source(branch, name) for branch, _ in self._branches])

    def edges_first(self, name: str, gather: Gather) -> Indices:
        """Return the indices of a depthwise weight, reordered from channel first to edge first."""
        parts = []
        for branch, _ in self._branches:
            indices = gather.source(branch, name)
            per_edge = indices.reshape(branch.channels, branch.count, *indices.shape[1:]).swapaxes(0, 1)
            parts.append(per_edge.reshape(indices.shape))
        return np.concatenate(parts)

    def pointwise(self, name: str, gather: Gather) -> Indices:
        """Return the indices of a weight `(edges, C_out, C_in)` as a grouped one, `(edges * C_out, C_in, 1, 1)`."""
        weights = self.source(name, gather)
        return weights.reshape(-1, weights.shape[2], 1, 1)

    def columns(self, name: str, norms: StackedNorms, own: bool = False) -> Indices:
        """Return the indices of the statistics, `(edges * C,)`.

        Args:
            own: whether they have columns only for the edges with the operation, not for all edges of the group.
        """
        parts = []
        for branch, edges in self._branches:
            columns = norms.columns(getattr(branch, name)).reshape(-1, branch.channels)
            parts.append((columns if own else columns[edges]).reshape(-1))
        return np.concatenate(parts)


def _find_branches(groups: Sequence[EdgeGroup]) -> dict[str, _Found]:
    """Find the branches of a fan, by the name of the operation."""
    found: dict[str, _Found] = {}
    first = 0
    for group in groups:
        for name, branch in group.branches.items():
            own = [edge for edge, row in enumerate(group.rows) if name in row]
            found.setdefault(name, _Found()).add(cast(Branch, branch), first, own)
        first += len(group.rows)
    return found
