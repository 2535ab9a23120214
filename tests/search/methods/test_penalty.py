"""Each penalty against a plain writing of its equation; gradients by finite differences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import scipy.special
import torch
from pydantic import TypeAdapter

from search.loop.penalties import Penalties
from search.methods.penalty import Penalty

NORMAL = np.array([[0.5, -1.0, 2.0], [0.0, 0.25, -0.5]])
REDUCE = np.array([[1.0, 0.1], [-0.3, 0.2]])


def zero_one(alphas: Sequence[Any]) -> float:
    """FairDARTS: −1/N Σ (σ(α) − 0.5)²."""
    weights = np.concatenate([1 / (1 + np.exp(-alpha.ravel())) for alpha in alphas])
    return float(-((weights - 0.5) ** 2).sum() / len(weights))


def kl(alphas: Sequence[Any]) -> float:
    """KL of Dirichlet(c) to Dirichlet(1), whose density is Γ(n): E[log Dirichlet(x; c)] − log Γ(n)."""
    found = 0.0
    for row in (row for alpha in alphas for row in alpha):
        c = np.where(row > 0, row + 1, np.exp(row))
        logs = scipy.special.digamma(c) - scipy.special.digamma(c.sum())
        norm = scipy.special.gammaln(c.sum()) - scipy.special.gammaln(c).sum()
        found += norm + ((c - 1) * logs).sum() - scipy.special.gammaln(len(c))
    return float(found)


def l2(alphas: Sequence[Any]) -> float:
    return float(sum((alpha**2).sum() for alpha in alphas) / 2)


def beta_decay(alphas: Sequence[Any]) -> float:
    """β-DARTS: log Σ exp(α)."""
    return float(sum(np.mean(np.log(np.exp(alpha).sum(axis=1))) for alpha in alphas))


def entropy(alphas: Sequence[Any]) -> float:
    weights = [scipy.special.softmax(row) for alpha in alphas for row in alpha]
    return float(np.mean([-(row * np.log(row)).sum() for row in weights]))


EQUATIONS = [
    ({"type": "zero_one"}, zero_one),
    ({"type": "anchor", "distance": "kl"}, kl),
    ({"type": "anchor", "distance": "l2"}, l2),
    ({"type": "beta_decay"}, beta_decay),
    ({"type": "entropy"}, entropy),
]


@pytest.mark.parametrize(("content", "equation"), EQUATIONS, ids=lambda each: getattr(each, "__name__", None))
def test_value_and_gradient(content: dict[str, Any], equation: Any) -> None:
    penalties = Penalties([TypeAdapter(Penalty).validate_python({**content, "weight": 3})]).double()
    alphas = [torch.nn.Parameter(torch.tensor(each)) for each in (NORMAL, REDUCE)]
    value, gradients = penalties.gradients(alphas)
    assert value.item() == pytest.approx(3 * equation([NORMAL, REDUCE]))
    step = 1e-6
    for place, gradient in enumerate(gradients):
        for index in np.ndindex(gradient.shape):
            sides = []
            for sign in (1, -1):
                moved = [NORMAL.copy(), REDUCE.copy()]
                moved[place][index] += sign * step
                sides.append(equation(moved))
            assert gradient[index].item() == pytest.approx(3 * (sides[0] - sides[1]) / (2 * step), abs=1e-6)


def test_the_anchor_is_where_alpha_is_zero() -> None:
    alphas = [torch.nn.Parameter(torch.zeros(2, 8))]
    for distance in ("kl", "l2"):
        anchor = TypeAdapter(Penalty).validate_python({"type": "anchor", "distance": distance, "weight": 1})
        assert anchor.value(alphas).item() == pytest.approx(0, abs=1e-5)


def test_weights_follow_their_schedules() -> None:
    rising = {"start": 0.0, "end": 50.0, "reached": False}
    contents = [{"type": "beta_decay", "weight": rising}, {"type": "zero_one", "weight": 10}]
    penalties = Penalties([TypeAdapter(Penalty).validate_python(content) for content in contents])
    assert penalties.set_epoch(5, 50) == {"beta_decay_weight": 5.0, "zero_one_weight": 10.0}
    assert penalties.weights.tolist() == [5.0, 10.0]
    assert list(penalties.state_dict()) == []
