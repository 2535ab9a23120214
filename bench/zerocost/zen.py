"""The Zen score: the change of a random network's last map with its input."""

from __future__ import annotations

import copy
from contextlib import ExitStack

import torch
from torch import Tensor, nn

from bench.zerocost.network import Undefined, batch_norms, features, weighted_layers

_STEP = 0.01


@torch.no_grad()
def zen(network: nn.Module, shape: tuple[int, ...], generator: torch.Generator) -> float:
    """Compute log E ‖f(x) − f(x + αε)‖ + Σ over BatchNorms of log σ̄: Lin et al., Zen-NAS (ICCV 2021), Algorithm 1.

    f is the map before the global pooling, x and ε are drawn from N(0, 1) like all weights, α is 0.01, and σ̄ is the
    root of the mean over channels of the variances in a batch. The paper removes residual links first; here they stay,
    since a cell consists of them.

    Args:
        shape: the batch's shape, `(N, C, H, W)`.
        generator: a CPU generator that draws weights and images.

    Raises:
        Undefined: the network does not give its last map, or the map does not change.
    """
    gaussian = copy.deepcopy(network)
    layers = weighted_layers(gaussian)
    device = layers[0].weight.device
    for layer in layers:
        layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator))
        if layer.bias is not None:
            layer.bias.zero_()
    for norm in batch_norms(gaussian):
        if norm.affine:
            norm.weight.fill_(1.0)
            norm.bias.zero_()
    images, noise = (torch.randn(shape, generator=generator).to(device) for _ in range(2))
    logarithms: list[Tensor] = []

    def keep(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        variances = inputs[0].transpose(0, 1).flatten(1).double().var(dim=1, correction=0)
        logarithms.append(variances.mean().log() / 2)

    with ExitStack() as hooks:
        for norm in batch_norms(gaussian):
            hooks.enter_context(norm.register_forward_pre_hook(keep))
        first = features(gaussian, images)
    change = (first - features(gaussian, images + _STEP * noise)).flatten(1).norm(dim=1).double().mean()
    if not change > 0:
        raise Undefined("the last map does not change with the input")
    return float(change.log() + sum(logarithms))
