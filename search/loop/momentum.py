"""Momentum SGD for steps in a CUDA graph."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


class MomentumSGD(torch.optim.SGD):
    """Fused momentum SGD that reads its learning rate from a tensor on the weights' device.

    A schedule sets the number `lr` of the one parameter group, as for any optimiser; `follow` copies it to the tensor.
    A CUDA graph of the step reads the tensor, so a new rate needs no new graph.
    """

    def __init__(self, weights: Iterable[nn.Parameter], lr: float, momentum: float, weight_decay: float) -> None:
        super().__init__(weights, lr=lr, momentum=momentum, weight_decay=weight_decay, fused=True)
        self._rate: Tensor | None = None

    @property
    def rate(self) -> Tensor:
        """The learning rate, a tensor of one value."""
        device = self.param_groups[0]["params"][0].device
        if self._rate is None or self._rate.device != device:
            # A GPU's fused kernel takes a rate in single precision, a CPU's in double.
            dtype = torch.float64 if device.type == "cpu" else torch.float32
            self._rate = torch.full((), self.param_groups[0]["lr"], dtype=dtype, device=device)
        return self._rate

    def follow(self) -> None:
        """Copy the rate that a schedule has set to the tensor."""
        self.rate.fill_(self.param_groups[0]["lr"])

    def step(self, closure: Any = None) -> Any:
        """Step as `torch.optim.SGD`, with the learning rate `rate`."""
        (group,) = self.param_groups
        number, group["lr"] = group["lr"], self.rate
        try:
            return super().step(closure)
        finally:
            group["lr"] = number
