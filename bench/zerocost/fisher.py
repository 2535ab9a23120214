"""The Fisher score of activations."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.zerocost.network import weighted_layers


def fisher(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Compute Σ over channels of ½ · mean over images of (Σ over pixels of a · ∂L/∂a)²; a is a layer's output.

    Theis et al., Faster gaze prediction with dense networks and Fisher pruning (2018); Turner et al., BlockSwap (ICLR
    2020). The sum is over the outputs of all convolutions and linear layers, and L is the batch's mean loss, as in
    Abdelfattah et al. (ICLR 2021), 3.2.
    """
    outputs: list[Tensor] = []

    def keep(layer: nn.Module, inputs: Any, out: Tensor) -> Tensor:
        outputs.append(out)
        # A copy, since the next layer may write into its input.
        return out.clone()

    with ExitStack() as hooks:
        for layer in weighted_layers(network):
            hooks.enter_context(layer.register_forward_hook(keep))
        loss = F.cross_entropy(network(images), labels)
    gradients = torch.autograd.grad(loss, outputs, materialize_grads=True)
    total = 0.0
    for layer_out, gradient in zip(outputs, gradients, strict=True):
        # A linear layer has its channels last, a convolution second.
        product = (layer_out * gradient).detach().double()
        of_channels = product.flatten(2).sum(dim=2) if product.dim() == 4 else _summed(product)
        total += 0.5 * float(of_channels.square().mean(dim=0).sum())
    return total


def _summed(product: Tensor) -> Tensor:
    """`(N, …, C)` to `(N, C)`."""
    return product.flatten(1, -2).sum(dim=1) if product.dim() > 2 else product
