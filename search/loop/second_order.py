"""The second-order gradient of α and β (DARTS, Liu et al., ICLR 2019, 2.3).

The validation loss is taken at the weights after the next step of their optimiser, w' = w − ξ ∇_w L_train(w, α) (eq.
6). The gradient of L_val(w', α) is (eq. 7)

    ∇_α L_val(w', α) − ξ ∇²_{α,w} L_train(w, α) ∇_{w'} L_val(w', α)

The second term is approximated by a finite difference (eq. 8):

    [∇_α L_train(w⁺, α) − ∇_α L_train(w⁻, α)] / 2ε,   w± = w ± ε v,   v = ∇_{w'} L_val(w', α),   ε = 0.01 / ‖v‖₂

ξ is the weights' learning rate at this step. The unrolled step has the momentum and the weight decay of the weights'
optimiser, as in DARTS' experiments; neither depends on α, so eq. 7 still holds. It is not clipped.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from search.loop.momentum import MomentumSGD

#: ε times ‖∇_{w'} L_val‖₂, the length of the step to each side (DARTS 2.3).
STEP_LENGTH = 0.01

#: A loss as a function of the weights, at the current α and β.
Loss = Callable[[Sequence[Tensor]], Tensor]


def unrolled_gradient(
    train_loss: Loss,
    validation_loss: Loss,
    weights: Sequence[nn.Parameter],
    architecture: Sequence[nn.Parameter],
    optimiser: MomentumSGD,
    average: Callable[[Sequence[Tensor]], list[Tensor]] = list,
) -> tuple[Tensor, list[Tensor]]:
    """Compute L_val(w', α) and its gradient for α and β, by eq. 7 and 8.

    Args:
        train_loss: L_train, called three times. It must be the same function each time: with different augmentation or
            dropout, the difference of two passes would be noise, enlarged by 1 / 2ε.
        validation_loss: L_val, called once, at w'.
        weights: w, in the order of both losses' arguments. Neither they nor their `.grad` change.
        architecture: α and β, which require a gradient.
        optimiser: the weights' momentum SGD with one group. The unrolled step uses its learning rate, weight decay and
            momentum buffers.
        average: averages gradients over the processes, each of which has a part of the batch.
    """
    at_w = [weight.detach().requires_grad_() for weight in weights]
    # Materialised, since a weight that the loss does not depend on would have no gradient.
    gradient = average(torch.autograd.grad(train_loss(at_w), at_w, materialize_grads=True))
    at_unrolled = [weight.requires_grad_() for weight in unrolled_weights(weights, gradient, optimiser)]
    loss = validation_loss(at_unrolled)
    both = torch.autograd.grad(loss, [*architecture, *at_unrolled], materialize_grads=True)
    loss, *averaged = average([loss.detach(), *both])
    direct, direction = averaged[: len(architecture)], averaged[len(architecture) :]
    product = _mixed_product(train_loss, weights, direction, architecture, average)
    rate = optimiser.rate.to(loss.dtype)
    return loss, [first - rate * second for first, second in zip(direct, product, strict=True)]


@torch.no_grad()
def unrolled_weights(
    weights: Sequence[nn.Parameter], gradient: Sequence[Tensor], optimiser: MomentumSGD
) -> list[Tensor]:
    """Compute w' = w − ξ (momentum · m + ∇_w L_train + weight decay · w) with the optimiser's momentum buffers m."""
    (group,) = optimiser.param_groups
    step = torch._foreach_add(list(gradient), list(weights), alpha=group["weight_decay"])
    # Before the optimiser's first step there are no buffers.
    buffers = [optimiser.state.get(weight, {}).get("momentum_buffer") for weight in weights]
    if any(buffer is not None for buffer in buffers):
        moving = [
            torch.zeros_like(part) if buffer is None else buffer for part, buffer in zip(step, buffers, strict=True)
        ]
        torch._foreach_add_(step, moving, alpha=group["momentum"])
    torch._foreach_mul_(step, optimiser.rate.to(step[0].dtype))
    return list(torch._foreach_sub(list(weights), step))


def _mixed_product(
    train_loss: Loss,
    weights: Sequence[nn.Parameter],
    direction: Sequence[Tensor],
    architecture: Sequence[nn.Parameter],
    average: Callable[[Sequence[Tensor]], list[Tensor]],
) -> list[Tensor]:
    """Compute ∇²_{α,w} L_train(w, α) times the direction, by eq. 8."""
    norm = torch.linalg.vector_norm(torch.stack(list(torch._foreach_norm(list(direction)))))
    # Clamped, so that a direction of zeros gives a product of zeros.
    epsilon = STEP_LENGTH / norm.clamp_min(torch.finfo(norm.dtype).tiny)
    here = [weight.detach() for weight in weights]
    offset = torch._foreach_mul(list(direction), epsilon)
    with _full_precision():
        above, below = (
            torch.autograd.grad(train_loss(list(shifted)), architecture, materialize_grads=True)
            for shifted in (torch._foreach_add(here, offset), torch._foreach_sub(here, offset))
        )
    return average([(plus - minus) / (2 * epsilon) for plus, minus in zip(above, below, strict=True)])


@contextlib.contextmanager
def _full_precision() -> Iterator[None]:
    """Disable TF32, cuDNN's default, in the block.

    The steps to each side move a weight by about 1e-5, which TF32's ten bits would round away.
    """
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before
