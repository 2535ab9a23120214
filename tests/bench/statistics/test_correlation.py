from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.statistics.correlation import (
    FEWEST,
    RESAMPLES,
    Coefficient,
    Correlation,
    correlate,
    kendall,
    perfect_bounds,
    spearman,
)

# Small whole numbers tie often.
PAIRS = st.integers(2, 9).flatmap(
    lambda count: st.tuples(*(st.lists(st.integers(0, 5), min_size=count, max_size=count) for _ in range(2)))
)


@given(PAIRS)
def test_coefficients_are_scipys_with_ties(pair: tuple[list[int], list[int]]) -> None:
    x, y = (np.array([values], dtype=float) for values in pair)
    with np.errstate(invalid="ignore"):
        constant = len(set(pair[0])) == 1 or len(set(pair[1])) == 1
        expected = (math.nan, math.nan) if constant else (stats.spearmanr(*pair)[0], stats.kendalltau(*pair)[0])
    for value, wanted in zip((spearman(x, y)[0], kendall(x, y)[0]), expected, strict=True):
        assert value == pytest.approx(wanted, abs=1e-12, nan_ok=True)


def test_the_interval_is_the_percentiles_over_architectures() -> None:
    """Against a plain loop with SciPy's coefficients over the same draws."""
    x, y = [5.0, 3.0, 8.0, 1.0, 9.0, 4.0], [2.0, 1.0, 7.0, 3.0, 6.0, 6.0]
    found = correlate(x, y)
    draws = np.random.default_rng(0).integers(6, size=(RESAMPLES, 6))
    for coefficient, statistic in ((found.spearman, stats.spearmanr), (found.kendall, stats.kendalltau)):
        values = []
        for draw in draws:
            one, other = np.array(x)[draw], np.array(y)[draw]
            if len(set(one)) > 1 and len(set(other)) > 1:
                values.append(statistic(one, other)[0])
        assert coefficient is not None
        assert coefficient.value == pytest.approx(statistic(x, y)[0])
        assert (coefficient.low, coefficient.high) == pytest.approx(tuple(np.percentile(values, [2.5, 97.5])))


def test_many_architectures_are_computed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(7, 30)), rng.normal(size=(7, 30))
    whole = kendall(x, y)
    monkeypatch.setattr("bench.statistics.correlation._CHUNK", 30 * 29 // 2 * 2)
    assert np.array_equal(kendall(x, y), whole)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=FEWEST, max_size=8, unique=True))
def test_only_the_order_counts(values: list[float]) -> None:
    # Told apart after exp, too.
    values = sorted({round(value, 3) for value in values})
    found = correlate(values, np.exp(values).tolist())
    if len(values) < FEWEST:
        assert found.spearman is None
        return
    assert found.spearman is not None
    assert found.spearman.value == pytest.approx(1)
    assert found.reading == "same order, by and large"
    reverse = correlate(values, [-value for value in values])
    assert reverse.spearman is not None
    assert reverse.spearman.value == pytest.approx(-1)
    assert reverse.reading == "opposite order, by and large"


@pytest.mark.parametrize("count", [5, 9])
def test_a_perfect_order_of_few_is_not_certain(count: int) -> None:
    """Normal pairs of the bound's τ and ρ are in perfect order in 2.5 % of draws."""
    found = correlate(range(count), range(count))
    assert found.spearman is not None
    assert found.kendall is not None
    assert (found.spearman.value, found.spearman.high) == pytest.approx((1, 1))
    assert 0 < found.kendall.low < found.spearman.low < 1
    correlation = math.sin(math.pi / 2 * found.kendall.low)
    rng = np.random.default_rng(5)
    draws = rng.multivariate_normal([0, 0], [[1, correlation], [correlation, 1]], size=(40_000, count))
    perfect = (draws[..., 0].argsort(axis=1) == draws[..., 1].argsort(axis=1)).all(axis=1).mean()
    assert perfect == pytest.approx(0.025, abs=0.004)
    assert stats.spearmanr(draws[:, 0, 0], draws[:, 0, 1])[0] == pytest.approx(found.spearman.low, abs=0.02)
    reverse = correlate(range(count), [-each for each in range(count)])
    assert reverse.kendall == Coefficient(pytest.approx(-1), -1.0, -found.kendall.low)


def test_more_architectures_bound_a_perfect_order_closer() -> None:
    bounds = [perfect_bounds(count)[1] for count in range(2, 30)]
    assert bounds == sorted(bounds)
    # Two groups of equals agree by chance.
    assert correlate([1, 1, 1, 2, 2], [5, 5, 5, 9, 9]).reading == "undecided: the interval holds 0"


def test_a_reading_needs_both_intervals() -> None:
    sure, unsure = Coefficient(0.4, 0.1, 0.6), Coefficient(0.3, -0.1, 0.6)
    assert Correlation(9, sure, sure).reading == "same order, by and large"
    assert Correlation(9, unsure, sure).reading == "undecided: ρ's interval holds 0"
    assert Correlation(9, sure, unsure).reading == "undecided: τ's interval holds 0"
    assert Correlation(9, unsure, unsure).reading == "undecided: the interval holds 0"


def test_too_few_and_all_equal_say_so() -> None:
    four = correlate([1, 2, 3, 4], [1, 2, 3, 4])
    assert (four.points, four.spearman, four.kendall) == (4, None, None)
    assert four.reading == "too few (fewer than 5)"
    equal = correlate([1, 2, 3, 4, 5], [7, 7, 7, 7, 7])
    assert (equal.spearman, equal.reading) == (None, "no order: all equal")


def test_text_and_reading() -> None:
    found = correlate([1, 2, 3, 4, 5], [2, 1, 4, 3, 0])
    assert found.reading == "undecided: the interval holds 0"
    assert found.spearman is not None
    assert found.spearman.text.startswith("−0.20 [−1.00, +")
    assert correlate([1, 2, 3, 4, 5], [2, 1, 4, 3, 0]) == found
