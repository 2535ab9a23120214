"""Counts of a network's structure, the baselines of the other scores."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from backbones.design import Design, TimmModel
from bench.zerocost.network import Undefined

#: The backward operations of convolutions and linear layers.
_WEIGHTED = ("ConvolutionBackward0", "AddmmBackward0", "MmBackward0")


def depth(network: nn.Module, images: Tensor) -> float:
    """Count the convolutions and linear layers on the longest path from an image to the logits.

    Args:
        images: `(N, 3, H, W)`, two or more.
    """
    lengths: dict[Any, int] = {}
    # Depth first without recursion, since a path may have thousands of operations.
    start = network(images[:2]).grad_fn
    stack = [start]
    while stack:
        operation = stack[-1]
        before = [other for other, _ in operation.next_functions if other is not None]
        waiting = [other for other in before if other not in lengths]
        if waiting:
            stack.extend(waiting)
            continue
        stack.pop()
        own = operation.name() in _WEIGHTED
        lengths[operation] = own + max((lengths[other] for other in before), default=0)
    return float(lengths[start])


def skip_count(design: Design) -> float:
    """Count the skip connections in the normal cell, as in P-DARTS 4.3.2.

    Raises:
        Undefined: a timm model has no cell.
    """
    if isinstance(design, TimmModel):
        raise Undefined("a model of timm has no cell")
    return float(design.skip_count)
