from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from backbones.cpu.depthwise import depthwise


@pytest.mark.parametrize("size", [(8, 8), (7, 9)])
@pytest.mark.parametrize("channels", [1, 6, 16, 24])
@pytest.mark.parametrize(("kernel", "dilation"), [(3, 1), (5, 1), (7, 1), (3, 2), (5, 2)])
def test_equals_torchs_convolution(kernel: int, dilation: int, channels: int, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    x = torch.randn(3, channels, *size, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(channels, 1, kernel, kernel, dtype=torch.float64, requires_grad=True)
    expected = F.conv2d(x, weight, padding=dilation * (kernel // 2), dilation=dilation, groups=channels)
    found = depthwise(x, weight, dilation)
    torch.testing.assert_close(found, expected)
    direction = torch.randn_like(expected)
    for one, other in zip(
        torch.autograd.grad(found, (x, weight), direction),
        torch.autograd.grad(expected, (x, weight), direction),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("copies", [2, 4, 5])
@pytest.mark.parametrize("dilation", [1, 2])
def test_copied_channels_are_one_group(copies: int, dilation: int) -> None:
    torch.manual_seed(0)
    source = torch.randn(2, 3, 6, 6, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(3 * copies, 1, 5, 5, dtype=torch.float64, requires_grad=True)
    x = source.repeat_interleave(copies, dim=1)
    expected = F.conv2d(x, weight, padding=2 * dilation, dilation=dilation, groups=len(weight))
    found = depthwise(x, weight, dilation, copied=source)
    torch.testing.assert_close(found, expected)
    direction = torch.randn_like(expected)
    for one, other in zip(
        torch.autograd.grad(found, (source, weight), direction, retain_graph=True),
        torch.autograd.grad(expected, (source, weight), direction),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("copies", [1, 2, 4])
@pytest.mark.parametrize(("kernel", "dilation"), [(5, 1), (3, 2), (5, 2)])
def test_bf16_gradients_are_those_of_double(kernel: int, dilation: int, copies: int) -> None:
    """On a map of 32 x 32, where oneDNN's gradient of dilated kernels is wrong in bf16, with channels last."""
    torch.manual_seed(0)
    source = torch.randn(2, 4, 32, 32).bfloat16().contiguous(memory_format=torch.channels_last)
    weight = torch.randn(4 * copies, 1, kernel, kernel).bfloat16().requires_grad_()
    x = source.repeat_interleave(copies, dim=1).contiguous(memory_format=torch.channels_last).requires_grad_()
    found = depthwise(x, weight, dilation, copied=source)
    exact = [each.detach().double().requires_grad_() for each in (x, weight)]
    expected = F.conv2d(*exact, padding=dilation * (kernel // 2), dilation=dilation, groups=len(weight))
    direction = torch.randn_like(found)
    for one, other in zip(
        torch.autograd.grad(found, (x, weight), direction),
        torch.autograd.grad(expected, exact, direction.double()),
        strict=True,
    ):
        assert (one - other).norm() < 0.01 * other.norm()
