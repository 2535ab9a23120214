from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search.supernet.mixture import Statistics, Term, image, matrix, mixture, weighted_sum


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def statistics(channels: int) -> Statistics:
    return Statistics(channels).double()


def test_equals_linear_maps_batchnorm_and_a_weighted_sum() -> None:
    torch.manual_seed(0)
    features, weights = [drawn(60, 5), drawn(60, 3), drawn(60, 4)], [drawn(5, 4), drawn(3, 4), drawn(4, 4)]
    scales = drawn(3, 4)
    norms = [nn.BatchNorm1d(4, affine=False).double(), None, nn.BatchNorm1d(4, affine=False).double()]
    terms = [
        Term(d, w, None if norm is None else statistics(4)) for d, w, norm in zip(features, weights, norms, strict=True)
    ]
    inputs = [*features, *weights, scales]
    for training in (True, False):
        expected: Tensor = torch.zeros(())
        for d, w, norm, s in zip(features, weights, norms, scales, strict=True):
            z = d @ w
            expected = expected + s * (z if norm is None else norm.train(training)(z))
        found = mixture(terms, scales, training)
        torch.testing.assert_close(found, expected)
        direction = torch.randn(60, 4, dtype=torch.float64)
        for one, other in zip(
            torch.autograd.grad(found, inputs, direction), torch.autograd.grad(expected, inputs, direction), strict=True
        ):
            torch.testing.assert_close(one, other)
    for term, norm in zip(terms, norms, strict=True):
        if norm is not None:
            assert term.statistics is not None
            torch.testing.assert_close(term.statistics.running_mean, norm.running_mean)
            torch.testing.assert_close(term.statistics.running_var, norm.running_var)


def test_its_gradients_are_those_of_differences() -> None:
    torch.manual_seed(0)
    first, second = statistics(3), statistics(3)

    def call(d: Tensor, w: Tensor, e: Tensor, v: Tensor, f: Tensor, u: Tensor, scales: Tensor) -> Tensor:
        return mixture([Term(d, w, first), Term(e, v, None), Term(f, u, second)], scales, training=True)

    assert torch.autograd.gradcheck(
        call, (drawn(7, 4), drawn(4, 3), drawn(7, 2), drawn(2, 3), drawn(7, 3), drawn(3, 3), drawn(3, 3))
    )


def test_a_column_of_zeros_gives_zeros_and_no_nan() -> None:
    d, w = drawn(10, 4), drawn(4, 3)
    masked = w * torch.tensor([1.0, 0.0, 1.0])
    out = mixture([Term(d, masked, statistics(3))], None, training=True)
    assert torch.equal(out[:, 1], torch.zeros(10, dtype=torch.float64))
    (gradient,) = torch.autograd.grad(out.square().sum(), w)
    assert bool(torch.isfinite(gradient).all())
    assert torch.equal(gradient[:, 1], torch.zeros(4, dtype=torch.float64))


def test_only_what_is_asked_for_gets_a_gradient() -> None:
    d, w, scales = torch.randn(10, 4), torch.randn(4, 3), torch.ones(1, 3, requires_grad=True)
    mixture([Term(d, w, Statistics(3))], scales, training=True).sum().backward()
    assert scales.grad is not None
    assert d.grad is None
    assert w.grad is None


@pytest.mark.parametrize("offset", [0.0, 10.0])
def test_float32_is_as_good_as_batchnorm(offset: float) -> None:
    """Variance by the mean of squares loses digits where the mean is large; ten deviations away it is still fine."""
    torch.manual_seed(0)
    x = torch.randn(50_000, 8) + offset
    found = mixture([Term(x, torch.eye(8), Statistics(8))], None, training=True)
    torch.testing.assert_close(found, F.batch_norm(x, None, None, training=True), rtol=1e-3, atol=1e-3)


def test_maps_and_matrices() -> None:
    x = torch.randn(2, 3, 4, 5)
    assert torch.equal(image(matrix(x), x), x)
    assert matrix(x)[4 * 5 + 2 * 5 + 3].tolist() == x[1, :, 2, 3].tolist()
    last = x.contiguous(memory_format=torch.channels_last)
    assert matrix(last).data_ptr() == last.data_ptr()


def test_weighted_sum() -> None:
    torch.manual_seed(0)
    maps = [drawn(2, 3, 4, 5) for _ in range(3)]
    weights = drawn(3)
    expected = sum(w * x for w, x in zip(weights, maps, strict=True))
    torch.testing.assert_close(weighted_sum(weights, maps), expected)
    assert torch.autograd.gradcheck(lambda w, *xs: weighted_sum(w, xs), (weights, *maps))
