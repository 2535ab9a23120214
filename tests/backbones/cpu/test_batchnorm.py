from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from backbones.cpu.batchnorm import BatchNorm2d
from backbones.cpu.channels_last import laid_out

#: Several pixels a row, an odd number of pixels, a single row, and a width beyond a row.
SHAPES = [(4, 36, 8, 8), (3, 12, 7, 5), (2, 5, 1, 1), (2, 1030, 3, 3), (1, 7, 19, 19)]


def pair(channels: int, momentum: float | None = 0.1) -> tuple[BatchNorm2d, nn.BatchNorm2d]:
    ours = BatchNorm2d(channels, momentum=momentum).double()
    nn.init.normal_(ours.weight)
    nn.init.normal_(ours.bias)
    torchs = nn.BatchNorm2d(channels, momentum=momentum).double()
    torchs.load_state_dict(ours.state_dict())
    return ours, torchs


def outcome(norm: nn.Module, x: Tensor, direction: Tensor) -> tuple[Tensor, ...]:
    x = x.detach().requires_grad_()
    out = norm(x)
    return out, *torch.autograd.grad(out, (x, *norm.parameters()), direction)


def kernels(norm: nn.Module, x: Tensor) -> str:
    """The name of the backward pass's first node."""
    return type(norm(x.detach().requires_grad_()).grad_fn).__name__


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("momentum", [0.1, None])
def test_equals_torchs(shape: tuple[int, ...], momentum: float | None) -> None:
    torch.manual_seed(0)
    ours, torchs = pair(shape[1], momentum)
    # Means far from 0: a difference of squares would show.
    maps = [laid_out(torch.randn(shape, dtype=torch.float64) * 2 + 30) for _ in range(3)]
    assert "_BatchNorm" in kernels(copy.deepcopy(ours), maps[0])
    for x in maps:
        direction = torch.randn_like(x)
        for found, expected in zip(outcome(ours, x, direction), outcome(torchs, x, direction), strict=True):
            torch.testing.assert_close(found, expected)
    for name, found in ours.state_dict().items():
        torch.testing.assert_close(found, torchs.state_dict()[name])
    ours.eval()
    torchs.eval()
    for found, expected in zip(outcome(ours, x, direction), outcome(torchs, x, direction), strict=True):
        torch.testing.assert_close(found, expected)


def test_single_precision_is_as_close_to_double_as_torchs() -> None:
    torch.manual_seed(0)
    ours, torchs = pair(36)
    x = laid_out(torch.randn(16, 36, 16, 16, dtype=torch.float64) * 3 + 5)
    direction = torch.randn_like(x)
    exact = outcome(torchs, x, direction)
    for found, usual, expected in zip(
        outcome(ours.float(), x.float(), direction.float()),
        outcome(torchs.float(), x.float(), direction.float()),
        exact,
        strict=True,
    ):
        error, usual_error = ((each - expected).norm() / expected.norm() for each in (found, usual))
        assert error < max(2 * float(usual_error), 1e-6)


def test_gradients_that_lie_otherwise_in_memory() -> None:
    torch.manual_seed(0)
    ours, torchs = pair(6)
    x = laid_out(torch.randn(2, 6, 4, 4, dtype=torch.float64))
    # A slice of more channels, as the gradient of a concatenation is.
    direction = laid_out(torch.randn(2, 20, 4, 4, dtype=torch.float64))[:, 3:9]
    for found, expected in zip(outcome(ours, x, direction), outcome(torchs, x, direction), strict=True):
        torch.testing.assert_close(found, expected)


def test_statistics_can_be_kept() -> None:
    """As checkpointed cells keep them while they are computed a second time."""
    ours, _ = pair(4)
    ours.momentum, ours.num_batches_tracked = 0.0, None
    before = ours.running_mean.clone(), ours.running_var.clone()
    ours(laid_out(torch.randn(2, 4, 3, 3, dtype=torch.float64)))
    assert torch.equal(ours.running_mean, before[0])
    assert torch.equal(ours.running_var, before[1])


def test_other_layouts_and_types_are_torchs_own() -> None:
    ours, _ = pair(4)
    assert "NativeBatchNorm" in kernels(ours, torch.randn(2, 4, 3, 3, dtype=torch.float64))
    assert "NativeBatchNorm" in kernels(ours.float(), laid_out(torch.randn(2, 4, 3, 3, dtype=torch.bfloat16)))
    without = BatchNorm2d(4, affine=False)
    assert "NativeBatchNorm" in kernels(without, laid_out(torch.randn(2, 4, 3, 3)))


def test_one_value_a_channel_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        BatchNorm2d(3)(torch.randn(1, 3, 1, 1))
