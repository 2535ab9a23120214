"""Each relaxation against a plain writing of its equation, in float64."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch
from pydantic import TypeAdapter
from torch import Tensor

from search.methods.draws import SameDraws
from search.methods.relaxation import Concrete, Dirichlet, Gumbel, Relaxation, Sigmoid, Softmax, temperature_of

FALLING = {"start": 10.0, "end": 0.1}
ALPHA = torch.tensor([[0.5, -1.0, 2.0], [0.0, 0.25, -0.5]], dtype=torch.float64)


def parsed(**content: Any) -> Any:
    return TypeAdapter(Relaxation).validate_python(content)


def gumbel_noise(seed: int) -> np.ndarray[Any, Any]:
    """−log E of exponential variables, as drawn after seeding."""
    torch.manual_seed(seed)
    return -np.log(torch.empty_like(ALPHA).exponential_().numpy())


def gradient(of: Callable[[Tensor], Tensor], seed: int) -> Tensor:
    """Of a weighted sum of the weights, for α."""
    alpha = ALPHA.clone().requires_grad_()
    torch.manual_seed(seed)
    (found,) = torch.autograd.grad((of(alpha) * torch.arange(6.0).view(2, 3)).sum(), alpha)
    return found


def softmax_gradient(weights: np.ndarray[Any, Any], temperature: float = 1.0) -> np.ndarray[Any, Any]:
    """Of the same sum, by the softmax's Jacobian."""
    factors = np.arange(6.0).reshape(2, 3)
    return weights * (factors - (weights * factors).sum(axis=1, keepdims=True)) / temperature


def test_softmax_and_sigmoid() -> None:
    np.testing.assert_allclose(Softmax().weights(ALPHA, None), scipy.special.softmax(ALPHA.numpy(), axis=1))
    np.testing.assert_allclose(Sigmoid().weights(ALPHA, None), 1 / (1 + np.exp(-ALPHA.numpy())))
    for relaxation in (Softmax(), Sigmoid()):
        assert torch.equal(relaxation.expected(ALPHA), relaxation.weights(ALPHA, None))
        assert temperature_of(relaxation) is None


def test_concrete() -> None:
    """SNAS: softmax((log α + G) / λ)."""
    relaxation = Concrete(temperature=FALLING)
    expected = scipy.special.softmax((ALPHA.numpy() + gumbel_noise(3)) / 0.7, axis=1)
    torch.manual_seed(3)
    np.testing.assert_allclose(relaxation.weights(ALPHA, torch.tensor(0.7)), expected)
    found = gradient(lambda alpha: relaxation.weights(alpha, torch.tensor(0.7)), 3)
    np.testing.assert_allclose(found, softmax_gradient(expected, 0.7), atol=1e-12)


def test_gumbel_is_one_hot_and_its_gradient_is_that_of_the_drawn_candidate_s_soft_sample() -> None:
    """GDAS: the argmax k in the forward pass; backward, row k of the softmax's Jacobian alone."""
    relaxation = Gumbel(temperature=FALLING)
    logits = scipy.special.log_softmax(ALPHA.numpy(), axis=1) + gumbel_noise(4)
    torch.manual_seed(4)
    weights = relaxation.weights(ALPHA, torch.tensor(0.5))
    assert torch.equal(weights, torch.eye(3, dtype=torch.float64)[logits.argmax(axis=1)])
    found = gradient(lambda alpha: relaxation.weights(alpha, torch.tensor(0.5)), 4)
    soft = scipy.special.softmax(logits / 0.5, axis=1)
    for row, (values, k) in enumerate(zip(soft, logits.argmax(axis=1), strict=True)):
        # Candidate k's factor in the weighted sum is 3 row + k.
        expected = (3 * row + k) * values[k] * (np.eye(3)[k] - values) / 0.5
        np.testing.assert_allclose(found[row], expected, atol=1e-12)
    assert float(found.abs().sum()) > 0


def test_gumbel_draws_candidates_by_softmax() -> None:
    """4,000 draws of an edge: within four standard deviations."""
    torch.manual_seed(0)
    alpha = ALPHA[:1].expand(4000, -1)
    shares = Gumbel(temperature=FALLING).weights(alpha, torch.tensor(1.0)).mean(dim=0)
    expected = scipy.special.softmax(ALPHA[0].numpy())
    assert (np.abs(shares.numpy() - expected) < 4 * np.sqrt(expected * (1 - expected) / 4000)).all()


def test_dirichlet_samples() -> None:
    """DrNAS: of concentration ELU(α) + 1; mean and variance of 4,000 samples."""
    torch.manual_seed(0)
    samples = Dirichlet().weights(ALPHA[:1].expand(4000, -1), None)
    assert samples.min() > 0
    np.testing.assert_allclose(samples.sum(dim=1), 1.0)
    one = ALPHA[0].numpy()
    concentration = np.where(one > 0, one + 1, np.exp(one))
    distribution = scipy.stats.dirichlet(concentration)
    error = 4 * np.sqrt(distribution.var() / 4000)
    assert (np.abs(samples.mean(dim=0).numpy() - distribution.mean()) < error).all()
    np.testing.assert_allclose(samples.var(dim=0), distribution.var(), rtol=0.15)
    np.testing.assert_allclose(Dirichlet().expected(ALPHA)[0], distribution.mean())


def test_the_gradient_of_dirichlet_samples_is_that_of_their_mean() -> None:
    """E Σ_k f_k x_k = Σ_k f_k c_k / C, whose derivative by c_j is (f_j − Σ_k f_k c_k / C) / C; of 20,000 samples."""
    torch.manual_seed(6)
    alpha = ALPHA[:1].expand(20_000, -1).clone().requires_grad_()
    factors = torch.tensor([3.0, 4.0, 5.0], dtype=torch.float64)
    (each,) = torch.autograd.grad((Dirichlet().weights(alpha, None) * factors).sum(), alpha)
    one = ALPHA[0].numpy()
    concentration = np.where(one > 0, one + 1, np.exp(one))
    mean = concentration / concentration.sum()
    surplus = factors.numpy() - (factors.numpy() * mean).sum()
    expected = surplus / concentration.sum() * np.where(one > 0, 1, np.exp(one))
    error = each.std(dim=0).numpy() / math.sqrt(20_000)
    assert (np.abs(each.mean(dim=0).numpy() - expected) < 4 * error).all()


RANDOM = [Dirichlet(), Concrete(temperature=FALLING), Gumbel(temperature=FALLING)]


@pytest.mark.parametrize("relaxation", RANDOM, ids=lambda each: each.type)
def test_random_weights_differ_from_pass_to_pass_unless_they_are_shared(relaxation: Any) -> None:
    temperature = torch.tensor(1.0)
    alpha = torch.zeros(14, 8)
    torch.manual_seed(0)
    assert not torch.equal(relaxation.weights(alpha, temperature), relaxation.weights(alpha, temperature))
    shared = SameDraws()
    passes = []
    for _ in range(3):
        with shared.again():
            leaf = alpha.clone().requires_grad_()
            weights = relaxation.weights(leaf, temperature)
            passes.append((weights.detach(), *torch.autograd.grad(weights.square().sum(), leaf)))
    assert all(torch.equal(one, other) for each in passes[1:] for one, other in zip(passes[0], each, strict=True))


def test_a_high_temperature_mixes_all_candidates_alike() -> None:
    """As DARTS at α = 0, to the bit."""
    weights = Concrete(temperature=FALLING).weights(ALPHA, torch.tensor(1e30))
    assert torch.equal(weights, Softmax().weights(torch.zeros_like(ALPHA), None))


def test_parts_are_read_by_their_type() -> None:
    assert parsed(type="gumbel", temperature=FALLING) == Gumbel(temperature=FALLING)
    assert parsed(type="dirichlet") == Dirichlet()
    for wrong, said in (
        ({"type": "gumble"}, "gumble"),
        ({"type": "concrete"}, "temperature"),
        ({"type": "concrete", "temperature": {"start": 1, "end": 0}}, "expected both above 0"),
        ({"type": "sigmoid", "temperature": FALLING}, "temperature"),
    ):
        with pytest.raises(ValueError, match=said):
            parsed(**wrong)
