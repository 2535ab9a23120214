"""Compute weighted sums of linear maps with BatchNorm: the end of every mixed edge.

A candidate operation of the DARTS space ends in a 1x1 convolution W and a BatchNorm without affine parameters. With
maps as matrices, one row per pixel, a mixture of candidates o is

    Y = Σ_o s_o · (D_o W_o − μ_o) / sqrt(σ_o² + ε),        μ_o = mean(D_o) W_o,   σ_o² = diag(W_oᵀ Cov(D_o) W_o)

Mean and variance of D W follow from mean and covariance of D. The sum is then one matrix product per term; D W, its
normalised form and its weighted form are never written to memory. The backward pass has products of the same kind. The
result is that of separate modules (tests/search/supernet/test_mixture.py, in float64). In fp32 the covariance, a
difference of means of products, loses digits if a mean is many standard deviations from 0. At ten deviations the error
is below 1e-3; in trained supernets the means are within eight.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

#: Defaults of PyTorch's BatchNorm.
EPSILON, MOMENTUM = 1e-5, 0.1


class Statistics(nn.Module):
    """The running mean and variance of one term, `(C_out,)` each, as `nn.BatchNorm2d` keeps them."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))


class Term(NamedTuple):
    """One term of a mixture.

    Attributes:
        features: D, `(P, C_in)`, one row for each pixel of each image.
        weights: W, `(C_in, C_out)`.
        statistics: of D W; None for a term that is not normalised.
    """

    features: Tensor
    weights: Tensor
    statistics: Statistics | None


def mixture(terms: Sequence[Term], scales: Tensor | None, training: bool) -> Tensor:
    """Compute the weighted sum of the normalised terms, `(P, C_out)`.

    Args:
        scales: weights of the terms, `(terms, C_out)`; None for ones.
        training: whether to normalise by the batch's statistics and update the running ones with them; otherwise
            normalise by the running ones.
    """
    # Under autocast too, sums over all pixels and inverse square roots need full precision.
    with torch.autocast(terms[0].features.device.type, enabled=False):
        terms = [Term(_full(features), _full(weights), statistics) for features, weights, statistics in terms]
        return _mixture(terms, scales, training)


def _full(x: Tensor) -> Tensor:
    """Convert to fp32; double stays double."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _mixture(terms: Sequence[Term], scales: Tensor | None, training: bool) -> Tensor:
    if scales is None:
        scales = terms[0].features.new_ones(len(terms), terms[0].weights.shape[1])
    if training:
        features, weights, statistics = zip(*terms, strict=True)
        return cast(Tensor, _Mixture.apply(statistics, scales, *features, *weights))
    total: Tensor | None = None
    for term, scale in zip(terms, scales, strict=True):
        out = term.features @ term.weights
        if term.statistics is not None:
            out = (out - term.statistics.running_mean) * (term.statistics.running_var + EPSILON).rsqrt()
        total = out * scale if total is None else total + out * scale
    assert total is not None
    return total


def matrix(x: Tensor) -> Tensor:
    """Reshape a map `(N, C, H, W)` to `(N * H * W, C)`; without a copy if channels are last in memory."""
    return x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])


def column_sums(x: Tensor) -> Tensor:
    """Sum over the rows, `(P, C)` to `(C,)`.

    The product with a row of ones is up to four times as fast as `sum` on a CPU.
    """
    return (x.new_ones(1, len(x)) @ x)[0]


def image(rows: Tensor, like: Tensor) -> Tensor:
    """View rows `(N * H * W, C)` as a map `(N, C, H, W)` of the size of `like`, channels last in memory."""
    n, _, height, width = like.shape
    return rows.view(n, height, width, -1).permute(0, 3, 1, 2)


def weighted_sum(weights: Tensor, maps: Sequence[Tensor]) -> Tensor:
    """Compute Σ_i w_i x_i over maps `(N, C, H, W)`, channels last in memory; `weights` is `(maps,)`."""
    return cast(Tensor, _WeightedSum.apply(weights, *maps))


class _WeightedSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weights: Tensor, *maps: Tensor) -> Tensor:
        ctx.save_for_backward(weights, *maps)
        total = maps[0] * weights[0]
        for weight, x in zip(weights[1:], maps[1:], strict=True):
            total.addcmul_(x, weight)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        weights, *maps = ctx.saved_tensors
        gradient = gradients[0].contiguous(memory_format=torch.channels_last)
        flat = gradient.permute(0, 2, 3, 1).reshape(-1)
        of_weights = [torch.dot(flat, x.permute(0, 2, 3, 1).reshape(-1)) for x in maps]
        return torch.stack(of_weights), *(gradient * weight for weight in weights)


class _Mixture(torch.autograd.Function):
    """The weighted sum of the module's docstring, with its backward pass.

    With y = (D W − μ) / σ for a term, G the gradient of Y, P the number of rows and q = Σ_p G y, the gradients are

        of s:  q
        of W:  s/σ · (Dᵀ G − mean(D) Σ_p G − Cov(D) W · q/σ)
        of D:  G · (s/σ · W)ᵀ − (D − mean(D)) M − (s/(σ P) · Σ_p G) Wᵀ,   with M = W diag(s q / (σ² P)) Wᵀ

    The small matrices, one per term, are computed together for all terms of one width: on a GPU every operation costs a
    launch, however small it is.
    """

    @staticmethod
    def forward(ctx: Any, statistics: Sequence[Statistics | None], scales: Tensor, *matrices: Tensor) -> Tensor:
        features, weights = matrices[: len(statistics)], matrices[len(statistics) :]
        rows = features[0].shape[0]
        effective: list[Tensor] = [scales] * len(features)
        bias = scales.new_zeros(scales.shape[1])
        kept: list[Tensor] = []
        ctx.batches = _batches(features, statistics)
        for places, normalised in ctx.batches:
            stacked, scale = (torch.stack([each[place] for place in places]) for each in (weights, scales))
            if normalised:
                mean, gram = _moments([features[place] for place in places])
                mean, gram = mean / rows, gram / rows
                spread = (gram - mean.unsqueeze(2) * mean.unsqueeze(1)) @ stacked
                variance = (spread * stacked).sum(dim=1).clamp_min_(0)
                inverse = (variance + EPSILON).rsqrt_()
                offset = (mean.unsqueeze(1) @ stacked).squeeze(1)
                scale = scale * inverse
                bias -= (offset * scale).sum(dim=0)
                _take_in([statistics[place] for place in places], offset, variance, rows)
                kept += [mean, spread, inverse, offset]
            for place, each in zip(places, stacked * scale.unsqueeze(1), strict=True):
                effective[place] = each
        total = features[0] @ effective[0]
        for d, each in zip(features[1:], effective[1:], strict=True):
            total.addmm_(d, each)
        ctx.save_for_backward(scales, *matrices, *kept)
        return total.add_(bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        scales, *tensors = ctx.saved_tensors
        terms = len(scales)
        features, weights, kept = tensors[:terms], tensors[terms : 2 * terms], iter(tensors[2 * terms :])
        wanted = ctx.needs_input_grad[2:]
        rows, total = len(gradient), column_sums(gradient)
        of_scales: list[Tensor] = [scales] * terms
        of_features: list[Tensor | None] = [None] * terms
        of_weights: list[Tensor | None] = [None] * terms
        for places, normalised in ctx.batches:
            stacked, scale = (torch.stack([each[place] for place in places]) for each in (weights, scales))
            product = gradient.new_empty(len(places), *stacked.shape[1:])
            for place, out in zip(places, product, strict=True):
                torch.mm(features[place].t(), gradient, out=out)
            q = (stacked * product).sum(dim=1)
            if normalised:
                mean, spread, inverse, offset = next(kept), next(kept), next(kept), next(kept)
                q = inverse * (q - offset * total)
                scale = scale * inverse
                inner = (stacked * (inverse * q * scale / rows).unsqueeze(1)) @ stacked.transpose(1, 2)
                mean_rows = mean.unsqueeze(1)
                constant = mean_rows @ inner - (total * scale / rows).unsqueeze(1) @ stacked.transpose(1, 2)
                product = product - mean.unsqueeze(2) * total - spread * (inverse * q).unsqueeze(1)
            of_stacked = product * scale.unsqueeze(1)
            outer = (stacked * scale.unsqueeze(1)).transpose(1, 2)
            for index, place in enumerate(places):
                of_scales[place] = q[index]
                if wanted[terms + place]:
                    of_weights[place] = of_stacked[index]
                if not wanted[place]:
                    continue
                of_d = gradient @ outer[index]
                if normalised:
                    # A product, then an in-place sum: addmm would first write the constant to every row.
                    of_d.addmm_(features[place], inner[index], alpha=-1).add_(constant[index])
                of_features[place] = of_d
        return None, torch.stack(of_scales), *of_features, *of_weights


def _batches(features: Sequence[Tensor], statistics: Sequence[Statistics | None]) -> list[tuple[list[int], bool]]:
    """Group the indices of the terms by their width and by whether they are normalised."""
    found: dict[tuple[int, bool], list[int]] = {}
    for place, (d, running) in enumerate(zip(features, statistics, strict=True)):
        found.setdefault((d.shape[1], running is not None), []).append(place)
    return [(places, normalised) for (_, normalised), places in found.items()]


def _moments(features: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Compute sums over the rows of each matrix D, and its Gram matrix Dᵀ D.

    Returns:
        `(terms, C_in)` and `(terms, C_in, C_in)`.
    """
    first = features[0]
    sums = first.new_empty(len(features), first.shape[1])
    products = first.new_empty(len(features), first.shape[1], first.shape[1])
    ones = first.new_ones(1, len(first))
    for place, d in enumerate(features):
        torch.mm(ones, d, out=sums[place : place + 1])
        torch.mm(d.t(), d, out=products[place])
    return sums, products


def _take_in(statistics: Sequence[Statistics | None], mean: Tensor, variance: Tensor, count: int) -> None:
    """Update the running statistics by a batch's mean and biased variance over `count` values, `(terms, C_out)`."""
    unbiased = variance * (count / max(count - 1, 1))
    running = [each for each in statistics if each is not None]
    targets = [*(each.running_mean for each in running), *(each.running_var for each in running)]
    values = [value.to(target.dtype) for value, target in zip([*mean, *unbiased], targets, strict=True)]
    torch._foreach_lerp_(targets, values, MOMENTUM)
