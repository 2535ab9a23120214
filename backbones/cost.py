"""Parameters and multiply-adds of a network, under named conventions."""

from __future__ import annotations

import copy
from collections import OrderedDict
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.flop_counter import FlopCounterMode

#: The operators that compute convolutions and linear layers, called by a module or by a function.
_COUNTED = (torch.ops.aten.convolution, torch.ops.aten.addmm, torch.ops.aten.mm)


@dataclass(frozen=True)
class Cost:
    """Parameters of a network, and multiply-adds for one image.

    Attributes:
        params: number of parameters without the auxiliary head, which is not used at test time.
        macs: multiply-adds of convolutions and linear layers; products of two maps, as in attention, are not counted.
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
    """Count parameters and multiply-adds in evaluation mode for one image of shape `(C, H, W)`.

    A copy on the meta device is counted; the module is not changed.
    """
    # Without gradients: torch's counter would ask for those of some models' parameters.
    network = _on_meta(module).eval().requires_grad_(False)
    elements = 0

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], out: Tensor) -> None:
        nonlocal elements
        elements += out.numel() * (2 if isinstance(layer, _BatchNorm) else 1)

    for layer in network.modules():
        if isinstance(layer, (_BatchNorm, nn.ReLU, nn.ReLU6)):
            layer.register_forward_hook(count)
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        network(torch.empty(1, *shape, device="meta"))
    # torch counts a multiplication and an addition as two operations.
    counts = counter.get_flop_counts().get("Global", {})
    macs = sum(counts.get(operator, 0) for operator in _COUNTED) // 2
    params = sum(
        parameter.numel() for name, parameter in network.named_parameters() if "auxiliary_head" not in name.split(".")
    )
    return Cost(params, macs, macs + elements)


def _on_meta(module: nn.Module) -> nn.Module:
    """Copy a module to the meta device, without its hooks; no memory is copied."""
    copies: dict[int, Any] = {id(buffer): torch.empty_like(buffer, device="meta") for buffer in module.buffers()}
    for parameter in module.parameters():
        copies[id(parameter)] = nn.Parameter(torch.empty_like(parameter, device="meta"), parameter.requires_grad)
    # Every layer has a dozen hook dicts; copying them would take longer than counting.
    for part in module.modules():
        hooks = (value for name, value in vars(part).items() if "_hooks" in name and isinstance(value, OrderedDict))
        copies |= {id(each): OrderedDict() for each in hooks}
    return copy.deepcopy(module, copies)
