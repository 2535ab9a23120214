"""The BatchNorms of the stacked arithmetic: one call for many terms, running statistics of all of them at once.

Every term has its own running mean and variance (`search.supernet.mixture.Statistics`), as in the other arithmetic.
A pass keeps the batch's, and the running ones of the whole supernet follow them at its end.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from search.supernet.gather import ABSENT, Gather, Indices
from search.supernet.mixture import EPSILON, MOMENTUM, Statistics


@dataclass
class BatchMoments:
    """What the BatchNorms of one pass have seen.

    Attributes:
        running: mean and variance of every call where these normalise; None in training.
        means, inverses: of every call, the batch's mean and 1 / sqrt(variance + ε).
        counts: of every call, the number of values of each channel.
    """

    running: list[tuple[Tensor, Tensor]] | None
    means: list[Tensor] = field(default_factory=list)
    inverses: list[Tensor] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)


class StackedNorms:
    """Calls of BatchNorm without affine part, numbered as they are added, which is the order they are to be made in."""

    def __init__(self) -> None:
        self._statistics: list[Statistics] = []
        #: Running statistics into the channels of the calls, and back.
        self._into, self._back = Gather(), Gather()
        self._columns: list[Indices] = []

    def columns(self, statistics: Statistics) -> Indices:
        """Indices of the columns of running statistics."""
        self._statistics.append(statistics)
        return self._into.values((len(statistics.running_mean),))

    def add(self, columns: Indices) -> int:
        """Add a call.

        Args:
            columns: `(repetitions, channels)`: where the statistics of each channel are, more than once where several
                edges share a map.
        """
        self._columns.append(columns)
        return self._into.want(columns[0])

    def finish(self) -> None:
        """All calls have been added."""
        # Columns of an edge that lacks the operation take in zeros, as in the other arithmetic.
        back = np.full(self._into.size, ABSENT, dtype=np.int64)
        for columns in self._columns:
            back[columns] = self._back.values(columns.shape[1:])
        self._back.want(back)

    def begin(self, training: bool) -> BatchMoments:
        """A pass."""
        if training:
            return BatchMoments(None)
        means, variances = (
            self._into.split(self._into.pick([getattr(each, name) for each in self._statistics]))
            for name in ("running_mean", "running_var")
        )
        return BatchMoments(list(zip(means, variances, strict=True)))

    def normalise(self, number: int, x: Tensor, moments: BatchMoments) -> Tensor:
        """`(N, C, H, W)` in and out; statistics of bf16 are made in fp32."""
        if moments.running is not None:
            mean, variance = moments.running[number]
            return F.batch_norm(x, mean.to(x.dtype), variance.to(x.dtype), eps=EPSILON)
        weight = bias = None
        if x.device.type == "cpu" and x.dtype in (torch.bfloat16, torch.float16):
            # On a CPU the precision of the statistics is that of weight and bias, else that of the map.
            weight, bias = x.new_ones(x.shape[1], dtype=torch.float32), x.new_zeros(x.shape[1], dtype=torch.float32)
        out, mean, inverse = torch.native_batch_norm(x, weight, bias, None, None, True, MOMENTUM, EPSILON)
        moments.means.append(mean)
        moments.inverses.append(inverse)
        moments.counts.append(x.numel() // x.shape[1])
        return out

    @torch.no_grad()
    def take_in(self, moments: BatchMoments) -> None:
        """Let the running statistics follow the batch's."""
        if moments.running is not None:
            return
        variances = list(torch._foreach_pow(moments.inverses, -2.0))
        torch._foreach_sub_(variances, EPSILON)
        torch._foreach_clamp_min_(variances, 0.0)
        torch._foreach_mul_(variances, [count / max(count - 1, 1) for count in moments.counts])
        means, unbiased = (self._back.pick(each) for each in (moments.means, variances))
        sizes = [len(each.running_mean) for each in self._statistics]
        targets = [
            *(each.running_mean for each in self._statistics),
            *(each.running_var for each in self._statistics),
        ]
        values = [value for each in (means, unbiased) for value in each.to(targets[0].dtype).split_with_sizes(sizes)]
        torch._foreach_lerp_(targets, values, MOMENTUM)
