"""The largest eigenvalue of a loss' Hessian for α (RobustDARTS, Zela et al., ICLR 2020, section 4).

It is found by Lanczos' method, which needs products of the Hessian with vectors only. A product is a second backward
pass, so that no row of the Hessian is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor

#: Lanczos' relative tolerance.
TOLERANCE = 1e-3


def largest_eigenvalue(
    loss: Tensor,
    parameters: Sequence[Tensor],
    average: Callable[[Sequence[Tensor]], list[Tensor]] = list,
) -> float:
    """Compute the largest eigenvalue, which is positive unless the loss is concave in all directions.

    Args:
        loss: a function of the parameters whose gradient can be differentiated again.
        average: averages products over the processes, each of which has a part of the batch.
    """
    gradients = torch.autograd.grad(loss, parameters, create_graph=True)
    sizes = [parameter.numel() for parameter in parameters]

    def product(vector: NDArray[np.float64]) -> Any:
        parts = torch.from_numpy(vector.reshape(-1)).to(loss).split(sizes)
        directions = [part.view(value.shape) for part, value in zip(parts, parameters, strict=True)]
        products = torch.autograd.grad(gradients, parameters, directions, retain_graph=True)
        return torch.cat([part.flatten() for part in average(products)]).double().cpu().numpy()

    count = sum(sizes)
    operator = LinearOperator((count, count), matvec=product, dtype=np.float64)
    # A fixed start, so that the result is the same in every process and after a resume.
    start = np.cos(np.arange(count, dtype=np.float64))
    (value,) = eigsh(operator, k=1, which="LA", v0=start, tol=TOLERANCE, return_eigenvectors=False)
    return float(value)
