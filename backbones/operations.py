"""The primitives of the DARTS family, one of which is on each edge of a cell.

Sources: Liu et al., DARTS (ICLR 2019), section 3.1 and the papers that share its space (PC-DARTS 4.1, P-DARTS 4.1);
`sep_conv_7x7` and `conv_7x1_1x7` are NASNet's and AmoebaNet's, `noise` is RobustDARTS'. Every convolution follows ReLU
and precedes BatchNorm.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backbones.cpu.batchnorm import BatchNorm2d
from backbones.cpu.depthwise import DepthwiseConv2d
from backbones.errors import InputError


class ReLUFirst(nn.Module):
    """An operation that begins with ReLU; a cell can compute the ReLU of a node once for all its edges."""

    op: nn.Sequential

    def forward(self, x: Tensor, positive: Tensor | None = None) -> Tensor:
        """`(N, C_in, H, W)` to the operation's size; `positive` is the ReLU of x if it is already computed."""
        if positive is None:
            return self.op(x)
        for layer in itertools.islice(self.op, 1, None):
            positive = layer(positive)
        return positive

    def first_relu(self) -> nn.Module:
        """The first ReLU of the operation."""
        return self.op[0]

    def may_share(self) -> bool:
        """Whether its first ReLU can be skipped; a hook on it must see it computed."""
        relu = self.first_relu()
        return not (relu._forward_hooks or relu._forward_pre_hooks or relu._backward_hooks)


class ReLUConvBN(ReLUFirst):
    """ReLU, convolution, BatchNorm: `(N, C_in, H, W)` to `(N, C_out, H / stride, W / stride)`."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int, padding: int, affine: bool = True) -> None:
        super().__init__()
        self.op = nn.Sequential(
            nn.ReLU(inplace=False),
            nn.Conv2d(c_in, c_out, kernel, stride=stride, padding=padding, bias=False),
            BatchNorm2d(c_out, affine=affine),
        )


class DilatedConv(ReLUFirst):
    """Depthwise convolution of dilation 2, then pointwise: `(N, C, H, W)` to `(N, C, H / stride, W / stride)`."""

    def __init__(self, channels: int, kernel: int, stride: int, affine: bool = True) -> None:
        super().__init__()
        self.op = nn.Sequential(
            nn.ReLU(inplace=False),
            DepthwiseConv2d(channels, kernel, stride, dilation=2),
            nn.Conv2d(channels, channels, 1, bias=False),
            BatchNorm2d(channels, affine=affine),
        )


class SeparableConv(ReLUFirst):
    """Depthwise separable convolution, twice, the stride in the first: `(N, C, H, W)` to `(N, C, H / s, W / s)`."""

    def __init__(self, channels: int, kernel: int, stride: int, affine: bool = True) -> None:
        super().__init__()
        self.op = nn.Sequential(
            nn.ReLU(inplace=False),
            DepthwiseConv2d(channels, kernel, stride),
            nn.Conv2d(channels, channels, 1, bias=False),
            BatchNorm2d(channels, affine=affine),
            nn.ReLU(inplace=False),
            DepthwiseConv2d(channels, kernel, 1),
            nn.Conv2d(channels, channels, 1, bias=False),
            BatchNorm2d(channels, affine=affine),
        )


class FactorisedConv7(ReLUFirst):
    """1x7 then 7x1 convolution (AmoebaNet-A's `conv_7x1_1x7`): `(N, C, H, W)` to `(N, C, H / stride, W / stride)`."""

    def __init__(self, channels: int, stride: int, affine: bool = True) -> None:
        super().__init__()
        self.op = nn.Sequential(
            nn.ReLU(inplace=False),
            nn.Conv2d(channels, channels, (1, 7), stride=(1, stride), padding=(0, 3), bias=False),
            nn.Conv2d(channels, channels, (7, 1), stride=(stride, 1), padding=(3, 0), bias=False),
            BatchNorm2d(channels, affine=affine),
        )


class FactorisedReduction(ReLUFirst):
    """Halve a map by two 1x1 convolutions of stride 2, the second on the input shifted by one pixel.

    `(N, C_in, H, W)` to `(N, C_out, ceil(H / 2), ceil(W / 2))`. On odd maps (75 and 19 for SSD at 300 pixels) the
    shifted half would be one row and column short, so the input is padded by a zero row at the bottom and a zero column
    at the right. Even maps are not padded, so the results are those of the original networks, bit for bit. `unstride`
    sets the stride to 1 for a backbone whose last stage keeps its size; the shifted half is then always padded.
    """

    def __init__(self, c_in: int, c_out: int, affine: bool = True) -> None:
        super().__init__()
        if c_out % 2:
            raise InputError(f"factorised reduction: {c_out} output channels; expected an even number")
        self.relu = nn.ReLU(inplace=False)
        self.conv_1 = nn.Conv2d(c_in, c_out // 2, 1, stride=2, bias=False)
        self.conv_2 = nn.Conv2d(c_in, c_out // 2, 1, stride=2, bias=False)
        self.bn = BatchNorm2d(c_out, affine=affine)

    def forward(self, x: Tensor, positive: Tensor | None = None) -> Tensor:
        """Compute both halves; for the arguments see `ReLUFirst.forward`."""
        x = self.relu(x) if positive is None else positive
        strided = self.conv_2.stride[0] == 2
        below, right = (x.shape[-2] % 2, x.shape[-1] % 2) if strided else (1, 1)
        shifted = F.pad(x, (0, right, 0, below)) if below or right else x
        halves = [_pointwise(self.conv_1, x), _pointwise(self.conv_2, shifted[:, :, 1:, 1:])]
        return self.bn(torch.cat(halves, dim=1))

    def first_relu(self) -> nn.Module:
        return self.relu


def _pointwise(convolution: nn.Conv2d, x: Tensor) -> Tensor:
    """Apply a 1x1 convolution, strided or not.

    With channels last and a stride, the backward pass of oneDNN 3.10 (torch 2.11) writes out of bounds on large maps of
    few channels. So the skipped pixels are removed first, and the convolution has no stride.
    """
    if x.device.type == "cpu" and x.stride(1) == 1 and convolution.stride != (1, 1):
        rows, columns = convolution.stride
        kept = x[:, :, ::rows, ::columns].contiguous(memory_format=torch.channels_last)
        return F.conv2d(kept, convolution.weight)
    return cast(Tensor, convolution(x))


def unstride(module: nn.Module) -> None:
    """Set every stride in a module to 1, so that maps keep their size; the weights stay."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            part.stride = (1, 1)
        elif isinstance(part, (nn.MaxPool2d, nn.AvgPool2d, Zero)):
            part.stride = (1, 1) if isinstance(part.stride, tuple) else 1


class Zero(nn.Module):
    """The `none` candidate: zeros of the output's shape, `(N, C, ceil(H / stride), ceil(W / stride))`."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x[:, :, :: self.stride, :: self.stride])


class Noise(Zero):
    """Standard normal noise of the output's shape, drawn anew in every pass (RobustDARTS, Zela et al., space S4)."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.randn_like(x[:, :, :: self.stride, :: self.stride])


def _skip(channels: int, stride: int, affine: bool) -> nn.Module:
    return nn.Identity() if stride == 1 else FactorisedReduction(channels, channels, affine)


_BUILDERS: dict[str, Callable[[int, int, bool], nn.Module]] = {
    "none": lambda channels, stride, affine: Zero(stride),
    "max_pool_3x3": lambda channels, stride, affine: nn.MaxPool2d(3, stride=stride, padding=1),
    # Padding is not part of the average (DARTS).
    "avg_pool_3x3": lambda channels, stride, affine: nn.AvgPool2d(3, stride, padding=1, count_include_pad=False),
    "skip_connect": _skip,
    "sep_conv_3x3": lambda channels, stride, affine: SeparableConv(channels, 3, stride, affine),
    "sep_conv_5x5": lambda channels, stride, affine: SeparableConv(channels, 5, stride, affine),
    "sep_conv_7x7": lambda channels, stride, affine: SeparableConv(channels, 7, stride, affine),
    "dil_conv_3x3": lambda channels, stride, affine: DilatedConv(channels, 3, stride, affine),
    "dil_conv_5x5": lambda channels, stride, affine: DilatedConv(channels, 5, stride, affine),
    "conv_7x1_1x7": lambda channels, stride, affine: FactorisedConv7(channels, stride, affine),
    "noise": lambda channels, stride, affine: Noise(stride),
}


def build_operation(name: str, channels: int, stride: int, affine: bool = True) -> nn.Module:
    """Build the named primitive on `channels` channels.

    Args:
        affine: whether its BatchNorms have scale and shift (evaluation networks) or not (supernets, P-DARTS 5.2.4).
    """
    return _BUILDERS[name](channels, stride, affine)
