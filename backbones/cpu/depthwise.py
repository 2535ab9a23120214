"""Depthwise convolution of stride 1 with a backward pass that is fast on a CPU.

The input's gradient is itself a depthwise convolution, of the output's gradient with flipped kernels. Computed as one,
it is two (5x5) to ten times (dilated) as fast as oneDNN's backward pass. The kernels' gradient is faster with fewer
groups, up to 4 channels a group, although only the diagonal of each group is used. Where neighbouring channels are
copies of one channel, as for the edges that leave a node, they form one group.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from backbones.cpu.channels_last import runs_fast

#: The most channels of a group in the gradient of the kernels.
_GROUP = 4


class DepthwiseConv2d(nn.Conv2d):
    """One `kernel` x `kernel` filter a channel, padded for full size: `(N, C, H, W)` to `(N, C, H / s, W / s)`."""

    def __init__(self, channels: int, kernel: int, stride: int, dilation: int = 1) -> None:
        padding = dilation * (kernel - 1) // 2
        super().__init__(channels, channels, kernel, stride, padding, dilation, groups=channels, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        if self.stride == (1, 1) and torch.is_grad_enabled() and runs_fast(input):
            return depthwise(input, self.weight, self.dilation[0])
        return super().forward(input)


def depthwise(x: Tensor, weight: Tensor, dilation: int = 1, copied: Tensor | None = None) -> Tensor:
    """Convolve depthwise with stride 1 and the padding that keeps the size: `(N, C, H, W)` in and out.

    Args:
        weight: `(C, 1, k, k)`, k odd.
        copied: `(N, C / n, H, W)`, if x repeats each of its channels n times in a row.
    """
    padding = dilation * (weight.shape[-1] // 2)
    if x.device.type != "cpu":
        return F.conv2d(x, weight, padding=padding, dilation=dilation, groups=x.shape[1])
    source = x if copied is None else copied.detach()
    if torch.is_autocast_enabled("cpu"):
        # Cast here: autocast would cast in the forward pass only, and the backward pass would see two types.
        x, weight, source = (tensor.to(torch.get_autocast_dtype("cpu")) for tensor in (x, weight, source))
    return cast(Tensor, _Depthwise.apply(x, weight, padding, dilation, source))


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, padding: int, dilation: int, source: Tensor) -> Tensor:
        ctx.save_for_backward(weight, source)
        ctx.geometry = padding, dilation
        return F.conv2d(x, weight, padding=padding, dilation=dilation, groups=len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        weight, source = ctx.saved_tensors
        padding, dilation = ctx.geometry
        gradient = gradients[0].contiguous(memory_format=torch.channels_last)
        of_x = of_weight = None
        if ctx.needs_input_grad[0]:
            turned = weight.flip(2, 3)
            of_x = F.conv2d(gradient, turned, padding=padding, dilation=dilation, groups=len(weight))
        if ctx.needs_input_grad[1]:
            of_weight = _of_weight(gradient, source, weight, padding, dilation)
        return of_x, of_weight, None, None, None


def _phases(x: Tensor) -> Tensor:
    """Split maps by even and odd rows and columns, `(N, C, H, W)` to `(4 * N, C, ceil(H / 2), ceil(W / 2))`."""
    x = F.pad(x, (0, x.shape[-1] % 2, 0, x.shape[-2] % 2))
    n, channels, height, width = x.shape
    rows = x.permute(0, 2, 3, 1).reshape(n, height // 2, 2, width // 2, 2, channels)
    phases = rows.permute(2, 4, 0, 1, 3, 5).reshape(4 * n, height // 2, width // 2, channels)
    return phases.permute(0, 3, 1, 2)


def copied_channels(source: Tensor, copies: int) -> Tensor:
    """Repeat every channel `copies` times in a row, `(N, C, H, W)` to `(N, copies * C, H, W)`."""
    if copies == 1:
        return source
    n, channels, height, width = source.shape
    rows = source.permute(0, 2, 3, 1).unsqueeze(4).expand(-1, -1, -1, -1, copies)
    return rows.reshape(n, height, width, channels * copies).permute(0, 3, 1, 2)


def _of_weight(gradient: Tensor, source: Tensor, weight: Tensor, padding: int, dilation: int) -> Tensor:
    channels, kernel = len(weight), weight.shape[-1]
    every: Tensor
    if dilation > 1 and weight.dtype in (torch.bfloat16, torch.float16):
        # oneDNN's is wrong in bf16 (torch 2.11): on maps of 31 x 31 and larger it gives unrelated numbers or NaN.
        every = _of_weight(gradient.float(), source.float(), weight.float(), padding, dilation)
        return every.to(weight.dtype)
    if dilation == 2 and min(gradient.shape[-2:]) < 2 * kernel - 1:
        # oneDNN is ten times slower if the dilated kernel is larger than the map. On the maps of every other row and
        # column the kernel is an ordinary one; zeros beyond an odd border change no gradient.
        return _of_weight(_phases(gradient), _phases(source), weight, padding // 2, 1)
    copies = channels // source.shape[1]
    size = 1
    if copies < 4:
        # With fewer copies than channels in a group, grouping copies would not reduce the number of groups.
        source, copies = copied_channels(source, copies), 1
    # oneDNN's own kernel for 3x3 is as fast.
    if copies == 1 and (kernel > 3 or dilation > 1):
        size = next(size for size in range(min(_GROUP, channels), 0, -1) if channels % size == 0)
    shape = weight.new_empty(channels, size, kernel, kernel)
    every = torch.ops.aten.convolution_backward(
        gradient,
        source,
        shape,
        None,
        [1, 1],
        [padding, padding],
        [dilation, dilation],
        False,
        [0, 0],
        source.shape[1] // size,
        [False, True, False],
    )[1]
    if size == 1:
        return every
    blocks = every.view(channels // size, size, size, kernel, kernel)
    return blocks.diagonal(dim1=1, dim2=2).permute(0, 3, 1, 2).reshape_as(weight)
