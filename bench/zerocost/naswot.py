"""NASWOT: how much the ReLU activation patterns of a batch's images differ."""

from __future__ import annotations

from contextlib import ExitStack

import torch
from torch import Tensor, nn

from bench.zerocost.undefined import Undefined


@torch.no_grad()
def naswot(network: nn.Module, images: Tensor) -> float:
    """Compute log |K|, where K counts, for each two images, the ReLU outputs that are both active or both inactive.

    Mellor et al., Neural Architecture Search without Training (ICML 2021).

    Raises:
        Undefined: the network has no ReLU, or two images have the same pattern.
    """
    determinant = torch.linalg.slogdet(agreements(network, images))
    if determinant.sign <= 0 or not torch.isfinite(determinant.logabsdet):
        raise Undefined("two images have the same active ReLUs")
    return float(determinant.logabsdet)


@torch.no_grad()
def agreements(network: nn.Module, images: Tensor) -> Tensor:
    """Compute K, float64 `(N, N)`.

    Raises:
        Undefined: the network has no ReLU.
    """
    counts: list[Tensor] = []

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], out: Tensor) -> None:
        active = (out.flatten(1) > 0).float()
        counts.append((active @ active.T).double() + ((1 - active) @ (1 - active).T).double())

    with ExitStack() as hooks:
        for layer in network.modules():
            if isinstance(layer, (nn.ReLU, nn.ReLU6)):
                hooks.enter_context(layer.register_forward_hook(count))
        network(images)
    if not counts:
        raise Undefined("the network has no ReLU")
    return torch.stack(counts).sum(dim=0)
