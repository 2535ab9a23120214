"""Scores of the gradient of the loss: grad norm, SNIP, GraSP.

The loss is the mean cross-entropy of the batch; sums are over the weights of convolutions and linear layers.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.zerocost.network import weighted_layers
from bench.zerocost.undefined import Undefined


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
