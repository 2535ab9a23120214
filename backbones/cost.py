"""Parameters and multiply-adds of a network, under named conventions."""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Cost:
    """What a network costs for one image.

    Attributes:
        params: number of parameters, the auxiliary head left out (it is not there at test time).
        macs: multiply-adds of convolutions and linear layers.
        published_macs: the convention of the papers' "x+" columns: `macs`, two for each output element of a BatchNorm,
            and one for each of a ReLU (or ReLU6, which the papers' networks do not have). It gives 557 M for P-DARTS
            and 597 M for PC-DARTS (P-DARTS Table 3).
    """

    params: int
    macs: int
    published_macs: int

    def to_json(self) -> dict[str, int]:
        return asdict(self)


def measure(module: nn.Module, shape: tuple[int, int, int]) -> Cost:
    """Count on the meta device, in evaluation mode, for one image of shape `(C, H, W)`; the module stays as it is."""
    network = _on_meta(module).eval()
    macs = elements = 0

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], out: Tensor) -> None:
        nonlocal macs, elements
        if isinstance(layer, nn.Conv2d):
            macs += out.numel() * layer.weight[0].numel()
        elif isinstance(layer, nn.Linear):
            macs += out.numel() * layer.in_features
        elif isinstance(layer, nn.BatchNorm2d):
            elements += 2 * out.numel()
        else:
            elements += out.numel()

    counted = (nn.Conv2d, nn.Linear, nn.BatchNorm2d, nn.ReLU, nn.ReLU6)
    for layer in network.modules():
        if isinstance(layer, counted):
            layer.register_forward_hook(count)
    with torch.no_grad():
        network(torch.empty(1, *shape, device="meta"))
    params = sum(
        parameter.numel() for name, parameter in network.named_parameters() if not name.startswith("auxiliary_head.")
    )
    return Cost(params, macs, macs + elements)


def _on_meta(module: nn.Module) -> nn.Module:
    """A copy whose tensors have shapes only; the originals are not copied."""
    shapes: dict[int, Tensor] = {id(buffer): torch.empty_like(buffer, device="meta") for buffer in module.buffers()}
    for parameter in module.parameters():
        shapes[id(parameter)] = nn.Parameter(torch.empty_like(parameter, device="meta"), parameter.requires_grad)
    return copy.deepcopy(module, cast(dict[int, Any], shapes))
