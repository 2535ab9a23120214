"""The covariance of the Jacobian over images."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from bench.zerocost.undefined import Undefined

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
