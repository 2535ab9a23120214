from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backbones.errors import InputError
from backbones.genotype import OPERATIONS, SEARCH_OPERATIONS
from backbones.operations import FactorisedReduction, ReLUConvBN, build_operation, unstride


def half(size: int) -> int:
    return (size + 1) // 2


def test_the_search_space_is_the_papers() -> None:
    assert set(SEARCH_OPERATIONS) == {
        *("none", "skip_connect", "max_pool_3x3", "avg_pool_3x3"),
        *("sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"),
    }
    assert set(SEARCH_OPERATIONS) < set(OPERATIONS)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("size", [(8, 8), (9, 7), (7, 10), (1, 1)])
def test_stride_1_keeps_the_size_and_stride_2_halves_it_rounded_up(name: str, size: tuple[int, int]) -> None:
    x = torch.randn(2, 6, *size)
    assert build_operation(name, 6, 1)(x).shape == (2, 6, *size)
    assert build_operation(name, 6, 2)(x).shape == (2, 6, half(size[0]), half(size[1]))


@pytest.mark.parametrize("name", OPERATIONS)
def test_unstride_keeps_size_and_weights(name: str) -> None:
    operation = build_operation(name, 6, 2)
    before = {key: value.clone() for key, value in operation.state_dict().items()}
    unstride(operation)
    assert operation(torch.randn(2, 6, 9, 8)).shape == (2, 6, 9, 8)
    after = operation.state_dict()
    assert before.keys() == after.keys()
    assert all(before[key].shape == after[key].shape for key in before)


#: How many input pixels one output pixel looks at.
RECEPTIVE = {
    "none": 0,
    "noise": 0,
    "skip_connect": 1,
    "avg_pool_3x3": 9,
    "sep_conv_3x3": 5 * 5,
    "sep_conv_5x5": 9 * 9,
    "sep_conv_7x7": 13 * 13,
    "dil_conv_3x3": 9,
    "dil_conv_5x5": 25,
    "conv_7x1_1x7": 49,
}


@pytest.mark.parametrize("name", RECEPTIVE)
def test_receptive_field(name: str) -> None:
    operation = build_operation(name, 2, 1).eval()
    for parameter in operation.parameters():
        parameter.data.abs_()
    x = torch.rand(1, 2, 21, 21).add(0.1).requires_grad_()
    out = operation(x)[0, :, 10, 10].sum()
    (gradient,) = torch.autograd.grad(out, x, allow_unused=True) if out.requires_grad else (torch.zeros_like(x),)
    assert int((gradient.abs().sum(dim=1) > 0).sum()) == RECEPTIVE[name]


def test_noise_is_standard_normal_and_drawn_anew() -> None:
    operation = build_operation("noise", 4, 2)
    x = torch.randn(8, 4, 32, 32)
    torch.manual_seed(0)
    first, second = operation(x), operation(x)
    assert not torch.equal(first, second)
    assert abs(first.mean().item()) < 0.05
    assert abs(first.std().item() - 1) < 0.05


def test_dilated_kernels_skip_every_other_pixel() -> None:
    operation = build_operation("dil_conv_3x3", 2, 1).eval()
    for parameter in operation.parameters():
        parameter.data.abs_()
    x = torch.rand(1, 2, 9, 9).add(0.1).requires_grad_()
    (gradient,) = torch.autograd.grad(operation(x)[0, :, 4, 4].sum(), x)
    seen = gradient.abs().sum(dim=(0, 1)).nonzero().tolist()
    assert seen == [[row, column] for row in (2, 4, 6) for column in (2, 4, 6)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # Depthwise k * k and pointwise C weights a channel, and two for BatchNorm; separable ones twice.
        ("sep_conv_3x3", 2 * 8 * (9 + 8 + 2)),
        ("sep_conv_5x5", 2 * 8 * (25 + 8 + 2)),
        ("sep_conv_7x7", 2 * 8 * (49 + 8 + 2)),
        ("dil_conv_3x3", 8 * (9 + 8 + 2)),
        ("dil_conv_5x5", 8 * (25 + 8 + 2)),
        ("conv_7x1_1x7", 8 * (2 * 7 * 8 + 2)),
        ("max_pool_3x3", 0),
        ("avg_pool_3x3", 0),
        ("none", 0),
        ("noise", 0),
    ],
)
@pytest.mark.parametrize("stride", [1, 2])
def test_parameter_counts(name: str, expected: int, stride: int) -> None:
    assert sum(parameter.numel() for parameter in build_operation(name, 8, stride).parameters()) == expected


def test_skip_is_identity_or_a_factorised_reduction() -> None:
    assert isinstance(build_operation("skip_connect", 8, 1), nn.Identity)
    reduction = build_operation("skip_connect", 8, 2)
    assert isinstance(reduction, FactorisedReduction)
    assert sum(parameter.numel() for parameter in reduction.parameters()) == 2 * 8 * 4 + 16


def test_supernet_operations_have_no_affine_part() -> None:
    for name in OPERATIONS:
        for layer in build_operation(name, 4, 2, affine=False).modules():
            assert not (isinstance(layer, nn.BatchNorm2d) and layer.affine)


def test_padding_does_not_count_towards_the_average() -> None:
    x = torch.ones(1, 1, 5, 5)
    for stride in (1, 2):
        assert torch.equal(build_operation("avg_pool_3x3", 1, stride)(x).unique(), torch.ones(1))


def test_relu_conv_bn_is_in_this_order() -> None:
    module = ReLUConvBN(3, 4, 1, 1, 0)
    x = torch.randn(4, 3, 5, 5)
    expected = F.batch_norm(F.conv2d(x.relu(), module.op[1].weight), None, None, training=True)
    torch.testing.assert_close(module(x), expected)


def plain_reduction(module: FactorisedReduction, x: Tensor) -> Tensor:
    """The operation of the original networks, which know even maps only."""
    x = F.relu(x)
    first = F.conv2d(x, module.conv_1.weight, stride=2)
    second = F.conv2d(x[:, :, 1:, 1:], module.conv_2.weight, stride=2)
    return module.bn(torch.cat([first, second], dim=1))


@pytest.mark.parametrize("size", [(8, 8), (38, 10), (2, 2)])
def test_factorised_reduction_of_even_maps_is_the_originals_bit_for_bit(size: tuple[int, int]) -> None:
    module = FactorisedReduction(5, 6).eval()
    x = torch.randn(2, 5, *size)
    assert torch.equal(module(x), plain_reduction(module, x))


@pytest.mark.parametrize("size", [(75, 75), (19, 19), (75, 38), (10, 19), (1, 1)])
def test_factorised_reduction_of_odd_maps(size: tuple[int, int]) -> None:
    module = FactorisedReduction(3, 4).eval()
    x = torch.randn(1, 3, *size)
    out = module(x)
    height, width = half(size[0]), half(size[1])
    assert out.shape == (1, 4, height, width)
    # Pixel by pixel: the second half reads one pixel further down and right, and zeros beyond the border.
    positive = x[0].clamp(min=0)
    scale = (module.bn.running_var + module.bn.eps).rsqrt()
    for row, column in [(0, 0), (height - 1, 0), (0, width - 1), (height - 1, width - 1), (height // 2, width // 2)]:
        first = module.conv_1.weight[:, :, 0, 0] @ positive[:, 2 * row, 2 * column]
        below, right = 2 * row + 1, 2 * column + 1
        inside = below < size[0] and right < size[1]
        pixel = positive[:, below, right] if inside else torch.zeros(3)
        second = module.conv_2.weight[:, :, 0, 0] @ pixel
        torch.testing.assert_close(out[0, :, row, column], torch.cat([first, second]) * scale)


def test_factorised_reduction_at_ssd300_sizes() -> None:
    module = FactorisedReduction(4, 4)
    assert module(torch.randn(1, 4, 75, 75)).shape[-2:] == (38, 38)
    assert module(torch.randn(1, 4, 19, 19)).shape[-2:] == (10, 10)


def test_unstrided_factorised_reduction_shifts_its_second_half() -> None:
    module = FactorisedReduction(2, 2).eval()
    unstride(module)
    x = torch.rand(1, 2, 4, 6)
    out = module(x)
    scale = (module.bn.running_var + module.bn.eps).rsqrt()
    shifted = torch.zeros_like(x)
    shifted[:, :, :-1, :-1] = x[:, :, 1:, 1:]
    halves = [F.conv2d(x, module.conv_1.weight), F.conv2d(shifted, module.conv_2.weight)]
    torch.testing.assert_close(out, torch.cat(halves, dim=1) * scale.view(1, 2, 1, 1))


def test_factorised_reduction_needs_even_channels() -> None:
    with pytest.raises(InputError, match="5"):
        FactorisedReduction(4, 5)


@pytest.mark.parametrize(("c_out", "size"), [(8, 80), (8, 75), (16, 80), (48, 80)])
def test_reductions_do_without_a_strided_convolution_where_channels_are_last(c_out: int, size: int) -> None:
    """Its backward pass by oneDNN writes beyond its memory, and ends the process, on maps such as these."""
    torch.manual_seed(0)
    reduction = FactorisedReduction(12, c_out)
    calls: list[int] = []
    reduction.conv_1.register_forward_hook(lambda *_: calls.append(1))
    plain = copy.deepcopy(reduction).double()
    x = torch.randn(2, 12, size, size).contiguous(memory_format=torch.channels_last).requires_grad_()
    same = x.detach().double().contiguous().requires_grad_()
    out, expected = reduction(x), plain(same)
    # By the plain one alone, whose channels are not last.
    assert len(calls) == 1
    torch.testing.assert_close(out.double(), expected, rtol=1e-4, atol=1e-5)
    probe = torch.randn_like(out)
    (out * probe).sum().backward()
    (expected * probe.double()).sum().backward()
    torch.testing.assert_close(x.grad.double(), same.grad, rtol=1e-3, atol=1e-5)
    for ours, theirs in zip(reduction.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad.double(), theirs.grad, rtol=1e-3, atol=1e-3)
