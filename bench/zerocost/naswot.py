"""How differently a network sees the images of a batch: NASWOT, and the Jacobian covariance before it."""

from __future__ import annotations

from contextlib import ExitStack

import numpy as np
import torch
from torch import Tensor, nn

from bench.zerocost.network import Undefined


@torch.no_grad()
def naswot(network: nn.Module, images: Tensor) -> float:
    """Compute log |K|, where K counts, for each two images, the ReLU outputs that are both active or both inactive.

    Mellor et al., Neural Architecture Search without Training (ICML 2021).

    Raises:
        Undefined: the network has no ReLU, an activation is not finite, or two images have the same pattern.
    """
    determinant = torch.linalg.slogdet(agreements(network, images))
    if determinant.sign <= 0 or not torch.isfinite(determinant.logabsdet):
        raise Undefined("two images have the same active ReLUs")
    return float(determinant.logabsdet)


@torch.no_grad()
def agreements(network: nn.Module, images: Tensor) -> Tensor:
    """Compute K, float64 `(N, N)`.

    Raises:
        Undefined: the network has no ReLU, or an activation is not finite.
    """
    counts: list[Tensor] = []

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], out: Tensor) -> None:
        if not torch.isfinite(out).all():
            raise Undefined("an activation is not finite")
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


_SMALL = 1e-5


def jacob_cov(network: nn.Module, images: Tensor) -> float:
    """Compute −Σ [log(vᵢ + k) + 1 / (vᵢ + k)] with k = 1e-5.

    vᵢ are the eigenvalues of the correlation matrix of the Jacobian's rows; a row is the gradient of the sum of the
    outputs with respect to one image. Mellor et al., Neural Architecture Search without Training (arXiv 2006.04647v1).

    Raises:
        Undefined: the gradients are not finite, or an image's gradient is constant and has no correlation.
    """
    inputs = images.detach().clone().requires_grad_()
    (rows,) = torch.autograd.grad(network(inputs).sum(), inputs)
    jacobian = rows.flatten(1).double().cpu().numpy()
    if not np.isfinite(jacobian).all():
        raise Undefined("the gradients are not finite")
    if (np.ptp(jacobian, axis=1) == 0).any():
        raise Undefined("an image's gradient is the same in all pixels")
    values = np.linalg.eigvalsh(np.corrcoef(jacobian))
    return float(-np.sum(np.log(values + _SMALL) + 1.0 / (values + _SMALL)))
