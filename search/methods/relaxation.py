"""How α becomes the candidates' weights of a pass.

A relaxation computes weights `(edges, candidates)` from α `(edges, candidates)`, a row an edge. Random ones draw anew
for each pass, from the device's generator. `expected` is what evaluation uses, and what edges and operations are ranked
by.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from search.configs import Schema
from search.methods.draws import drawn
from search.methods.schedule import Schedule


class BySoftmax(Schema):
    """Base of the relaxations whose expected weights are softmax(α)."""

    def expected(self, alpha: Tensor) -> Tensor:
        return F.softmax(alpha, dim=-1)


class Softmax(BySoftmax):
    """softmax(α) (DARTS, Liu et al., ICLR 2019, eq. 2)."""

    type: Literal["softmax"] = "softmax"

    def weights(self, alpha: Tensor, temperature: Tensor | None) -> Tensor:
        return F.softmax(alpha, dim=-1)


class Sigmoid(Schema):
    """σ(α), each candidate by itself (FairDARTS, Chu et al., ECCV 2020)."""

    type: Literal["sigmoid"] = "sigmoid"

    def weights(self, alpha: Tensor, temperature: Tensor | None) -> Tensor:
        return alpha.sigmoid()

    def expected(self, alpha: Tensor) -> Tensor:
        return alpha.sigmoid()


class Dirichlet(Schema):
    """A sample of Dirichlet(ELU(α) + 1) for each edge (DrNAS, Chen et al., ICLR 2021).

    A sample is Gamma variables divided by their sum. Its gradient for the concentrations is the pathwise one.
    """

    type: Literal["dirichlet"] = "dirichlet"

    def weights(self, alpha: Tensor, temperature: Tensor | None) -> Tensor:
        concentration = F.elu(alpha) + 1
        fixed = concentration.detach()
        # Drawn apart from its gradient, so that several passes can share the numbers.
        gamma = drawn(lambda: torch._standard_gamma(fixed))
        gamma = _Pathwise.apply(gamma, concentration)
        return gamma / gamma.sum(dim=-1, keepdim=True)

    def expected(self, alpha: Tensor) -> Tensor:
        """The mean of the distribution."""
        concentration = F.elu(alpha) + 1
        return concentration / concentration.sum(dim=-1, keepdim=True)


class Concrete(BySoftmax):
    """A sample of the concrete distribution, softmax((α + G) / τ) with Gumbel noise G (SNAS, Xie et al., ICLR 2019).

    The paper's logarithm of α is α here, since both cells' α are free parameters.
    """

    type: Literal["concrete"] = "concrete"
    temperature: Schedule

    @model_validator(mode="after")
    def _is_positive(self) -> Concrete:
        _confirm_positive(self.temperature)
        return self

    def weights(self, alpha: Tensor, temperature: Tensor | None) -> Tensor:
        assert temperature is not None
        return F.softmax((alpha + _gumbel(alpha)) / temperature, dim=-1)


class Gumbel(BySoftmax):
    """One candidate of every edge, drawn by softmax(α); straight-through gradient (GDAS, Dong & Yang, CVPR 2019).

    The weights are 1 for the largest (log softmax(α) + G) / τ and 0 for the others. The gradient of the drawn one's is
    that of the softmax of these values; the others have none, as in the authors' code, which computes the drawn
    candidate only. Here all are computed, so that every step issues the same operations.
    """

    type: Literal["gumbel"] = "gumbel"
    temperature: Schedule

    @model_validator(mode="after")
    def _is_positive(self) -> Gumbel:
        _confirm_positive(self.temperature)
        return self

    def weights(self, alpha: Tensor, temperature: Tensor | None) -> Tensor:
        assert temperature is not None
        soft = F.softmax((F.log_softmax(alpha, dim=-1) + _gumbel(alpha)) / temperature, dim=-1)
        hard = torch.zeros_like(soft).scatter(-1, soft.argmax(dim=-1, keepdim=True), 1.0)
        # The difference is 0 exactly; only its gradient counts.
        return hard * (1 + (soft - soft.detach()))


Relaxation = Annotated[Softmax | Sigmoid | Dirichlet | Concrete | Gumbel, Field(discriminator="type")]


def temperature_of(relaxation: Softmax | Sigmoid | Dirichlet | Concrete | Gumbel) -> Schedule | None:
    """The schedule of a relaxation's temperature, or None if it has none."""
    return getattr(relaxation, "temperature", None)


def _confirm_positive(temperature: Schedule) -> None:
    if min(temperature.start, temperature.end) <= 0:
        raise ValueError(f"temperature: start={temperature.start}, end={temperature.end}: expected both above 0")


def _gumbel(like: Tensor) -> Tensor:
    """Draw standard Gumbel noise: −log E, with E exponentially distributed."""
    return drawn(lambda: -torch.empty_like(like).exponential_().log())


class _Pathwise(torch.autograd.Function):
    """Given Gamma variables with their gradient for the concentrations (Figurnov et al., NeurIPS 2018)."""

    @staticmethod
    def forward(ctx: Any, gamma: Tensor, concentration: Tensor) -> Tensor:
        ctx.save_for_backward(gamma, concentration)
        return gamma.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor]:
        gamma, concentration = ctx.saved_tensors
        return None, gradients[0] * torch._standard_gamma_grad(concentration, gamma)
