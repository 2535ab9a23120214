"""The scores written a second time: loops and finite differences in place of autograd's conveniences."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

WEIGHTED = (nn.Conv2d, nn.Linear)


def small(norm: bool = True, seed: int = 0) -> nn.Sequential:
    """A chain of two convolutions and a classifier, in float64."""
    torch.manual_seed(seed)
    norms = (nn.BatchNorm2d(4), nn.BatchNorm2d(5)) if norm else (nn.Identity(), nn.Identity())
    layers = [nn.Conv2d(3, 4, 3, padding=1), norms[0], nn.ReLU(), nn.Conv2d(4, 5, 3, stride=2), norms[1], nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 3)).double()


def batch(count: int = 6, size: int = 8, seed: int = 1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(count, 3, size, size, generator=generator, dtype=torch.float64)
    return images, torch.randint(3, (count,), generator=generator)


def loss(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    logits = network(images)
    chosen = logits[range(len(labels)), labels.tolist()]
    return (logits.exp().sum(dim=1).log() - chosen).mean()


def weights(network: nn.Module) -> list[nn.Parameter]:
    return [layer.weight for layer in network.modules() if isinstance(layer, WEIGHTED)]


def slopes(network: nn.Module, images: Tensor, labels: Tensor) -> list[Tensor]:
    """∂L/∂W by central differences, a weight at a time."""
    step, found = 1e-6, []
    with torch.no_grad():
        for weight in weights(network):
            flat, slope = weight.view(-1), torch.zeros(weight.numel(), dtype=torch.float64)
            for place in range(len(flat)):
                own = flat[place].item()
                sides = []
                for moved in (own + step, own - step):
                    flat[place] = moved
                    sides.append(loss(network, images, labels).item())
                flat[place] = own
                slope[place] = (sides[0] - sides[1]) / (2 * step)
            found.append(slope.view_as(weight))
    return found


def gradient(network: nn.Module, images: Tensor, labels: Tensor) -> list[Tensor]:
    network.zero_grad()
    loss(network, images, labels).backward()
    return [weight.grad.clone() for weight in weights(network)]  # type: ignore[union-attr]


def curvature(network: nn.Module, images: Tensor, labels: Tensor) -> list[Tensor]:
    """H g, as the change of the gradient along g."""
    first = gradient(network, images, labels)
    step = 1e-5
    moved = []
    for sign in (1, -1):
        other = copy.deepcopy(network)
        with torch.no_grad():
            for weight, direction in zip(weights(other), first, strict=True):
                weight += sign * step * direction
        moved.append(gradient(other, images, labels))
    return [(up - down) / (2 * step) for up, down in zip(*moved, strict=True)]


def fisher(network: nn.Sequential, images: Tensor, labels: Tensor) -> float:
    """Layer by layer: the network is cut behind each weighted layer."""
    total = 0.0
    for place, layer in enumerate(network):
        if not isinstance(layer, WEIGHTED):
            continue
        out = network[: place + 1](images).detach().requires_grad_()
        rest: Any = network[place + 1 :]
        loss(rest if len(rest) else nn.Identity(), out, labels).backward()
        for channel in range(out.shape[1]):
            product = (out * out.grad)[:, channel].reshape(len(out), -1)
            total += 0.5 * sum(float(row.sum()) ** 2 for row in product) / len(out)
    return total


def jacob_cov(network: nn.Module, images: Tensor) -> float:
    """With the correlations of every pair of rows written out."""
    images = images.clone().requires_grad_()
    network(images).sum().backward()
    rows = images.grad.reshape(len(images), -1).numpy()  # type: ignore[union-attr]
    rows = rows - rows.mean(axis=1, keepdims=True)
    table = [[float(a @ b) / math.sqrt(float(a @ a) * float(b @ b)) for b in rows] for a in rows]
    values = np.linalg.eig(np.array(table))[0].real
    return -sum(math.log(value + 1e-5) + 1 / (value + 1e-5) for value in values)


def agreements(network: nn.Sequential, images: Tensor) -> list[list[int]]:
    """How many ReLU outputs of two images are both positive or both not, counted one by one."""
    codes: list[list[bool]] = [[] for _ in images]
    out = images
    for layer in network:
        out = layer(out)
        if isinstance(layer, nn.ReLU):
            for code, each in zip(codes, out.reshape(len(out), -1).tolist(), strict=True):
                code.extend(value > 0 for value in each)
    return [[sum(a == b for a, b in zip(one, other, strict=True)) for other in codes] for one in codes]
