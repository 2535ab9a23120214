"""Perturbation of the candidates' weights in the weight step."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import model_validator
from torch import Tensor

from search.configs import Schema
from search.methods.draws import drawn
from search.methods.schedule import Schedule


class RandomSmoothing(Schema):
    """Train the weights under uniform noise on softmax(α) (SDARTS-RS, Chen & Hsieh, ICML 2020, eq. 2).

    The perturbed weights are clipped to [0, 1] and divided by their sum, as in the authors' code, so that they remain
    weights of a mixture.
    """

    type: Literal["random"]
    #: The largest change of a weight; 0 draws nothing.
    epsilon: Schedule

    @model_validator(mode="after")
    def _is_a_size(self) -> RandomSmoothing:
        if min(self.epsilon.start, self.epsilon.end) < 0:
            raise ValueError(f"epsilon: start={self.epsilon.start}, end={self.epsilon.end}: expected 0 or more")
        return self

    def perturbed(self, weights: Tensor, epsilon: Tensor) -> Tensor:
        noisy = weights + epsilon * drawn(lambda: torch.empty_like(weights).uniform_(-1, 1))
        clipped = noisy.clamp(0, 1)
        total = clipped.sum(dim=-1, keepdim=True)
        # Where nothing is left, the largest weight takes all.
        largest = (noisy == noisy.amax(dim=-1, keepdim=True)).to(noisy.dtype)
        return torch.where(total > 0, clipped / total, largest)
