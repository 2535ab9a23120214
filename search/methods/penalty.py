"""What is added to the loss that moves α.

A penalty computes one number from the α of both cells, `(edges, candidates)` each. Its `weight` is a number or a
schedule over the stage's epochs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import torch
from pydantic import BeforeValidator, Field
from torch import Tensor
from torch.nn import functional as F

from search.configs import Schema
from search.methods.schedule import Schedule


def _constant(value: Any) -> Any:
    """Let a number stand for a schedule that stays at it."""
    return {"start": value, "end": value} if type(value) in (int, float) else value


Weight = Annotated[Schedule, BeforeValidator(_constant)]


class ZeroOne(Schema):
    """Push σ(α) to 0 or 1: −mean((σ(α) − 0.5)²) over all candidates (FairDARTS, Chu et al., ECCV 2020)."""

    type: Literal["zero_one"]
    weight: Weight

    def value(self, alphas: Sequence[Tensor]) -> Tensor:
        each = torch.cat([alpha.flatten() for alpha in alphas])
        return -(each.sigmoid() - 0.5).square().mean()


class Anchor(Schema):
    """The distance of DrNAS' distributions to the anchor Dirichlet(1, …, 1), where α = 0 (Chen et al., ICLR 2021).

    `kl` is KL(Dirichlet(ELU(α) + 1) ‖ Dirichlet(1)), summed over the edges of both cells. `l2` is ‖α‖² / 2, whose
    gradient is Adam's weight decay, as in the authors' code.
    """

    type: Literal["anchor"]
    distance: Literal["kl", "l2"]
    weight: Weight

    def value(self, alphas: Sequence[Tensor]) -> Tensor:
        if self.distance == "l2":
            return torch.cat([alpha.flatten() for alpha in alphas]).square().sum() / 2
        return torch.stack([_divergence(F.elu(alpha) + 1) for alpha in alphas]).sum()


def _divergence(concentration: Tensor) -> Tensor:
    """Compute KL(Dirichlet(c) ‖ Dirichlet(1)) of each row and sum the rows."""
    total = concentration.sum(dim=-1)
    surplus = (concentration - 1) * (torch.digamma(concentration) - torch.digamma(total).unsqueeze(-1))
    norm = torch.lgamma(total) - torch.lgamma(concentration).sum(dim=-1) - math.lgamma(concentration.shape[-1])
    return (norm + surplus.sum(dim=-1)).sum()


class BetaDecay(Schema):
    """log Σ exp(α) of each edge, its mean over a cell's edges, summed over both cells (β-DARTS, Ye et al., CVPR 2022).

    Neither the paper nor its code says how the two cells are joined; the sum is chosen here.
    """

    type: Literal["beta_decay"]
    weight: Weight

    def value(self, alphas: Sequence[Tensor]) -> Tensor:
        return torch.stack([alpha.logsumexp(dim=-1).mean() for alpha in alphas]).sum()


class Entropy(Schema):
    """The entropy of softmax(α) in nats, averaged over the edges of both cells; a positive weight sharpens α."""

    type: Literal["entropy"]
    weight: Weight

    def value(self, alphas: Sequence[Tensor]) -> Tensor:
        # Cells may have other numbers of candidates.
        rows = torch.cat([-(F.softmax(alpha, -1) * F.log_softmax(alpha, -1)).sum(dim=-1) for alpha in alphas])
        return rows.mean()


Penalty = Annotated[ZeroOne | Anchor | BetaDecay | Entropy, Field(discriminator="type")]
