from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.formula.api import ols

from bench.statistics.variance import variance_components


def made(searches: int, trainings: int, between: float, within: float, seed: int = 0) -> list[list[float]]:
    random = np.random.default_rng(seed)
    return [(random.normal(0, between) + random.normal(0, within, trainings)).tolist() for _ in range(searches)]


def test_balanced_components_are_those_of_a_mixed_model() -> None:
    """Restricted maximum likelihood gives the same in a balanced design with a positive component."""
    groups = made(6, 4, 2.0, 1.0)
    found = variance_components(groups)
    values, labels = np.concatenate(groups), np.repeat(np.arange(6), 4)
    fitted = sm.MixedLM(values, np.ones((24, 1)), groups=labels).fit(reml=True)
    assert found is not None
    assert found.search == pytest.approx(float(fitted.cov_re[0, 0]), rel=1e-3)
    assert found.training == pytest.approx(float(fitted.scale), rel=1e-3)


def test_unbalanced_components_have_the_expected_mean_squares() -> None:
    groups = [[1.0, 2.0], [4.0, 6.0, 5.0], [9.0], [3.0, 3.5, 2.5, 4.0]]
    frame = pd.DataFrame([(str(k), value) for k, group in enumerate(groups) for value in group], columns=["g", "y"])
    table = sm.stats.anova_lm(ols("y ~ g", frame).fit())
    found = variance_components(groups)
    assert found is not None
    assert found.training == pytest.approx(table.loc["Residual", "mean_sq"])
    # E[MS between] is σ²training + n₀ σ²search.
    size = (10 - (4 + 9 + 1 + 16) / 10) / 3
    assert table.loc["g", "mean_sq"] == pytest.approx(found.training + size * found.search)
    assert stats.f_oneway(*groups).statistic == pytest.approx(table.loc["g", "F"])


def test_known_components_are_found() -> None:
    found = variance_components(made(800, 3, 0.27, 0.09))
    assert found is not None
    assert found.search**0.5 == pytest.approx(0.27, rel=0.05)
    assert found.training**0.5 == pytest.approx(0.09, rel=0.05)
    assert found.share == pytest.approx(0.9, abs=0.02)


def test_no_component_is_negative_and_too_few_have_none() -> None:
    found = variance_components([[0.0, 2.0], [0.0, 2.0]])
    assert found is not None
    assert (found.search, found.training) == (0.0, 2.0)
    assert variance_components([[1.0, 2.0]]) is None
    assert variance_components([[1.0], [2.0], []]) is None


@pytest.mark.parametrize(("between", "sizes"), [(1.0, (3, 3, 3, 3)), (0.3, (2, 2, 2)), (1.0, (1, 2, 3, 4, 2))])
def test_the_interval_of_the_share_holds_the_truth_in_19_of_20(between: float, sizes: tuple[int, ...]) -> None:
    """The last one is of unequal groups, for which the interval is close."""
    random = np.random.default_rng(6)
    truth, hits = between**2 / (between**2 + 1), 0
    for _ in range(1500):
        found = variance_components(
            [(random.normal(0, between) + random.normal(0, 1, size)).tolist() for size in sizes]
        )
        assert found is not None
        assert found.bounds is not None
        hits += found.bounds[0] <= truth <= found.bounds[1]
    assert hits / 1500 == pytest.approx(0.95, abs=0.02)


def test_the_interval_is_searles_and_equal_trainings_have_none() -> None:
    """F = 14.65 of three searches trained twice: bounds from a table of F(2, 3), 16.04 and 1 / 39.17."""
    found = variance_components([[0.0, 1.0], [3.0, 4.0], [6.5, 7.5]])
    assert found is not None
    ratio = stats.f_oneway([0.0, 1.0], [3.0, 4.0], [6.5, 7.5]).statistic
    low, high = ratio / 16.0441 - 1, ratio * 39.1655 - 1
    assert found.bounds == pytest.approx((low / (low + 2), high / (high + 2)), rel=1e-4)
    equal = variance_components([[1.0, 1.0], [2.0, 2.0]])
    assert equal is not None
    assert (equal.share, equal.bounds) == (1.0, None)
