"""BatchNorm for maps with channels last in memory, computed on rows of several pixels.

PyTorch's kernels work along the channels of a pixel. They are ten times as slow if the number of channels is not a
multiple of 8, such as the 36 of the CIFAR networks. On rows of several pixels the same kernels are fast at any width.
Their results for columns are then combined for channels.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from backbones.cpu.channels_last import runs_fast

#: The most values in a row; longer rows would leave too few values in a column.
_ROW = 1024


class BatchNorm2d(nn.BatchNorm2d):
    """`nn.BatchNorm2d`, `(N, C, H, W)` in and out, with the same results but faster on a CPU with channels last."""

    def forward(self, input: Tensor) -> Tensor:
        if input.is_meta:
            # Only the shape matters, and it does not change; PyTorch's own meta kernel takes milliseconds.
            return input
        whole = self.affine and self.track_running_stats and input.dtype == self.weight.dtype
        if not (runs_fast(input) and whole and input.dtype in (torch.float32, torch.float64)):
            return super().forward(input)
        if not self.training:
            return _by_running_statistics(self, input)
        if input.numel() == input.shape[1]:
            # One value a channel, which PyTorch refuses.
            return super().forward(input)
        momentum = self.momentum
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if momentum is None:
                momentum = 1.0 / float(self.num_batches_tracked)
        running = self.running_mean, self.running_var, momentum or 0.0
        return cast(Tensor, _BatchNorm.apply(input, self.weight, self.bias, running, self.eps))


def _pixels_a_row(x: Tensor) -> int:
    n, channels, height, width = x.shape
    pixels = n * height * width
    return next((count for count in range(max(_ROW // channels, 1), 0, -1) if pixels % count == 0), 1)


def _rows(x: Tensor, pixels: int) -> Tensor:
    """`(N, C, H, W)`, channels last, as `(N * H * W / pixels, pixels * C)`."""
    return x.permute(0, 2, 3, 1).reshape(-1, pixels * x.shape[1])


def _repeated(of_channels: Tensor, pixels: int) -> Tensor:
    """Repeat per-channel values for the columns of a row, `(C,)` to `(pixels * C,)`; `repeat` is ten times slower."""
    return of_channels.expand(pixels, -1).reshape(-1)


def _by_running_statistics(norm: nn.BatchNorm2d, x: Tensor) -> Tensor:
    if x.shape[1] % 8 == 0:
        return nn.BatchNorm2d.forward(norm, x)
    pixels = _pixels_a_row(x)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    mean, variance, weight, bias = (
        _repeated(each, pixels) for each in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    out = F.batch_norm(_rows(x, pixels), mean, variance, weight, bias, eps=norm.eps)
    n, channels, height, width = x.shape
    return out.view(n, height, width, channels).permute(0, 3, 1, 2)


class _BatchNorm(torch.autograd.Function):
    """BatchNorm in training mode on rows.

    With x' = (x − μ) / σ, y = w x' + b and g the gradient of y, the gradient of x over P pixels is
    w/σ · (g − Σ g / P − x' · Σ (g x') / P).
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, running: tuple[Tensor, Tensor, float], eps: float
    ) -> Tensor:
        channels, pixels = x.shape[1], _pixels_a_row(x)
        count = x.numel() // channels
        rows = _rows(x, pixels)
        # Moments of each column in two passes, as in PyTorch, combined by the parallel form (Chan et al. 1979) for
        # equal counts.
        means, variances = torch.batch_norm_update_stats(rows, None, None, 0.0)
        means = means.view(pixels, channels)
        mean = means.mean(dim=0)
        variance = (variances.view(pixels, channels) + (means - mean).square_()).mean(dim=0)
        running_mean, running_var, momentum = running
        running_mean.lerp_(mean, momentum)
        running_var.lerp_(variance * (count / (count - 1)), momentum)
        inverse = (variance + eps).rsqrt_()
        scale = weight * inverse
        shift = bias - mean * scale
        out = torch.empty_like(x)
        torch.addcmul(_repeated(shift, pixels), rows, _repeated(scale, pixels), out=_rows(out, pixels))
        ctx.save_for_backward(x, weight, mean, inverse)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, inverse = ctx.saved_tensors
        gradient = gradients[0].contiguous(memory_format=torch.channels_last)
        channels, pixels = x.shape[1], _pixels_a_row(x)
        count = x.numel() // channels
        rows, of_out = _rows(x, pixels), _rows(gradient, pixels)
        # Σ g (x - μ) and Σ g of each column, as gradients of scale and shift for a given mean and a variance of 1.
        columns = _repeated(mean, pixels)
        _, products, sums = torch.ops.aten.native_batch_norm_backward(
            of_out, rows, None, columns, torch.ones_like(columns), None, None, False, 0.0, [False, True, True]
        )
        products, sums = products.view(pixels, channels).sum(dim=0), sums.view(pixels, channels).sum(dim=0)
        of_x = None
        if ctx.needs_input_grad[0]:
            scale = weight * inverse
            slope = -scale * inverse.square() * products / count
            shift = -slope * mean - scale * sums / count
            of_x = torch.empty_like(x)
            of_rows = _rows(of_x, pixels)
            torch.addcmul(_repeated(shift, pixels), rows, _repeated(slope, pixels), out=of_rows)
            of_rows.addcmul_(of_out, _repeated(scale, pixels))
        return of_x, products * inverse, sums, None, None
