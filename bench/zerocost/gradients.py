"""Scores of the gradient of the loss: grad norm, SNIP, GraSP, Fisher.

The loss is the mean cross-entropy of the batch; sums are over the weights of convolutions and linear layers.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.zerocost.network import Undefined, weighted_layers


def grad_norm(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Compute Σ over layers of ‖∂L/∂W‖₂: Abdelfattah et al., Zero-Cost Proxies for Lightweight NAS (ICLR 2021), 3.2."""
    _, gradients = _gradients(network, images, labels)
    return sum(float(gradient.detach().norm()) for gradient in gradients)


def snip(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Compute Σ |∂L/∂θ ⊙ θ|: connection sensitivity, Lee et al. (ICLR 2019), as in Abdelfattah et al. (2021)."""
    weights, gradients = _gradients(network, images, labels)
    return sum(
        float((weight * gradient).detach().abs().sum()) for weight, gradient in zip(weights, gradients, strict=True)
    )


def grasp(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Compute −Σ (H ∂L/∂θ) ⊙ θ, where H is the Hessian of L: Wang et al., GraSP (ICLR 2020), the score of −θ.

    Without the paper's temperature, as in Abdelfattah et al. (2021), equation 1.

    Raises:
        Undefined: PyTorch lacks the second derivative of an operation.
    """
    weights, gradients = _gradients(network, images, labels, again=True)
    # The gradient of g · g' with constant g' is H g.
    product = sum((gradient * gradient.detach()).sum() for gradient in gradients)
    assert isinstance(product, Tensor)
    if not product.requires_grad:
        return 0.0
    try:
        curved = torch.autograd.grad(product, weights, materialize_grads=True)
    except RuntimeError as error:
        # PyTorch lacks the second derivative of some activations, such as hard swish.
        if "is not implemented" not in str(error):
            raise
        raise Undefined(f"no second derivative: {error}") from error
    return -sum(float((weight * each).detach().sum()) for weight, each in zip(weights, curved, strict=True))


def _gradients(
    network: nn.Module, images: Tensor, labels: Tensor, again: bool = False
) -> tuple[list[Tensor], tuple[Tensor, ...]]:
    """Return the weights and the gradients of the loss, with zeros for weights that do not affect it."""
    weights: list[Tensor] = [layer.weight for layer in weighted_layers(network)]
    loss = F.cross_entropy(network(images), labels)
    return weights, torch.autograd.grad(loss, weights, create_graph=again, materialize_grads=True)


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
