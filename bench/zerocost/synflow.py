"""SynFlow: the synaptic flow through a network, independent of data."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from bench.zerocost.network import Undefined, weighted_layers


def synflow(network: nn.Module, shape: tuple[int, int, int]) -> float:
    """Compute Σ θ ⊙ ∂R/∂θ with R = 1ᵀ (Π |θ|) 1: Tanaka et al., SynFlow (NeurIPS 2020).

    R is the sum of the outputs for one image `shape` `(C, H, W)` of ones, with the weights' absolute values. BatchNorm
    (Abdelfattah et al. 2021) and biases are left out. In float64, since R grows with the depth.

    Raises:
        Undefined: the network normalises otherwise than by BatchNorm, so that its flow is not a product of weights.
    """
    linear = _without_norms(copy.deepcopy(network)).double()
    layers = weighted_layers(linear)
    with torch.no_grad():
        for layer in layers:
            layer.weight.abs_()
            if layer.bias is not None:
                layer.bias.zero_()
    weights: list[Tensor] = [layer.weight for layer in layers]
    ones = torch.ones(1, *shape, dtype=torch.float64, device=weights[0].device)
    gradients = torch.autograd.grad(linear(ones).sum(), weights, materialize_grads=True)
    return sum(float((weight * gradient).detach().sum()) for weight, gradient in zip(weights, gradients, strict=True))


def _without_norms(module: nn.Module) -> nn.Module:
    """Remove every BatchNorm from a network; the activation inside some of timm's stays.

    Raises:
        Undefined: there is another normalisation, of maps or, in timm's `StdConv2d` and the like, of weights.
    """
    for name, child in module.named_children():
        kind = type(child).__name__
        alone = "Norm" in kind and not any(child.children())
        if isinstance(child, _BatchNorm):
            setattr(module, name, getattr(child, "act", nn.Identity()))
        elif alone or isinstance(child, (nn.LayerNorm, nn.GroupNorm)) or "StdConv" in kind:
            raise Undefined(f"the network normalises otherwise than by BatchNorm ({kind})")
        else:
            _without_norms(child)
    return module
