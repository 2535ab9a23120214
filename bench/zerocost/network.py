"""Prepare the network that is scored, and find its layers."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from backbones.networks import CifarNetwork, ImageNetNetwork

Weighted = (nn.Conv2d, nn.Linear)


def as_initialised(network: nn.Module) -> nn.Module:
    """Set a network to compute as in its first training step, but without randomness, and return it.

    BatchNorm normalises by the batch, since its running statistics are not trained; dropout and drop-path are off. Maps
    are contiguous, so that a CPU runs PyTorch's own operations.
    """
    network.eval()
    for layer in batch_norms(network):
        layer.train()
    if isinstance(network, (CifarNetwork, ImageNetNetwork)):
        network.channels_last = False
    return network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]


def batch_norms(network: nn.Module) -> list[_BatchNorm]:
    return [layer for layer in network.modules() if isinstance(layer, _BatchNorm)]


def weighted_layers(network: nn.Module) -> list[nn.Conv2d | nn.Linear]:
    """List the convolutions and linear layers, over which scores are summed.

    Raises:
        Undefined: the network has none.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, Weighted)]
    if not layers:
        raise Undefined("the network has no convolution and no linear layer")
    return layers


def features(network: nn.Module, images: Tensor) -> Tensor:
    """Compute the last map before the global pooling, `(N, C, H, W)`.

    Raises:
        Undefined: the network does not give this map.
    """
    if isinstance(network, (CifarNetwork, ImageNetNetwork)):
        kept: list[Tensor] = []
        with network.cells[-1].register_forward_hook(lambda layer, inputs, out: kept.append(out)):
            network(images)
        return kept[0]
    forward: Any = getattr(network, "forward_features", None)
    if forward is None:
        raise Undefined("the network does not say which is its last map")
    return cast(Tensor, forward(images))


class Undefined(Exception):
    """A score is undefined for a network; the message says why."""
