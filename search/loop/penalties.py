"""The penalties of a search method, added to the gradient of α."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from search.methods.penalty import Penalty


class Penalties(nn.Module):
    """A sum of penalties, each with its weight in the present epoch.

    Its buffers are in no checkpoint.
    """

    weights: Tensor

    def __init__(self, penalties: Sequence[Penalty] = ()) -> None:
        super().__init__()
        self.penalties = tuple(penalties)
        starts = torch.tensor([penalty.weight.start for penalty in self.penalties])
        self.register_buffer("weights", starts, persistent=False)

    def set_epoch(self, epoch: int, epochs: int) -> dict[str, float]:
        """Set the weights to those of an epoch, counted from 0, and return them by the penalties' names."""
        values = [penalty.weight.at(epoch, epochs) for penalty in self.penalties]
        for index, value in enumerate(values):
            self.weights[index].fill_(value)
        return {f"{penalty.type}_weight": value for penalty, value in zip(self.penalties, values, strict=True)}

    def gradients(self, alphas: Sequence[nn.Parameter]) -> tuple[Tensor, list[Tensor]]:
        """Compute the weighted sum and its gradient for α; at least one penalty is needed."""
        values = torch.stack([penalty.value(alphas) for penalty in self.penalties])
        total = (self.weights.to(values.dtype) * values).sum()
        return total.detach(), list(torch.autograd.grad(total, list(alphas)))
