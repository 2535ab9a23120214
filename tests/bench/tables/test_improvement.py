from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bench.tables.improvement import Improvement, accuracy, relative_improvement


def test_it_is_yangs_ratio() -> None:
    found = relative_improvement([97.0, 97.2], [96.0, 97.0, 95.0])
    assert found is not None
    assert found.value == pytest.approx(100 * (97.1 - 96.0) / 96.0)


def test_near_one_the_interval_is_welchs_of_the_difference() -> None:
    """Where the means are alike and the deviations are small, the ratio is a difference in units of the mean."""
    random = np.random.default_rng(0)
    own, base = 100 + random.normal(0, 1e-4, 5), 100 + random.normal(0, 2e-4, 8)
    found = relative_improvement(own.tolist(), base.tolist())
    welch = stats.ttest_ind(own, base, equal_var=False).confidence_interval()
    assert found is not None
    assert (found.low, found.high) == pytest.approx((welch.low, welch.high), rel=1e-4)


def test_the_interval_holds_the_truth_in_19_of_20() -> None:
    random = np.random.default_rng(1)
    truth, hits = 100 * (93 / 90 - 1), 0
    for _ in range(1500):
        found = relative_improvement(random.normal(93, 1.0, 4).tolist(), random.normal(90, 2.0, 10).tolist())
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= truth <= found.high
    assert hits / 1500 == pytest.approx(0.95, abs=0.015)


def test_one_random_architecture_has_no_mean() -> None:
    assert relative_improvement([97.0, 98.0], [96.0]) is None
    assert relative_improvement([], [96.0, 95.0]) is None
    assert relative_improvement([1.0], [0.0, 0.0]) is None


def test_one_value_alone_has_the_interval_of_one_more_random_architecture() -> None:
    """95 of 100 random architectures are not told from the mean of others."""
    draw = np.random.default_rng(2)
    outside = 0
    for _ in range(2000):
        found = relative_improvement(draw.normal(90, 1.0, 1).tolist(), draw.normal(90, 1.0, 3).tolist())
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        outside += not found.low <= 0 <= found.high
    assert outside / 2000 == pytest.approx(0.05, abs=0.015)
    # t(0.975; 1) = 12.706; the deviation of 88 and 92 is 2.828; 100 / 90 turns it into a share of the mean, by which
    # the mean of the two, with half the variance, is divided 97 / 90 times as strongly.
    one = relative_improvement([97.0], [88.0, 92.0])
    assert one is not None
    assert one.high == pytest.approx(
        100 * 7 / 90 + 100 / 90 * 12.7062 * 8**0.5 * (1 + (97 / 90) ** 2 / 2) ** 0.5, rel=1e-4
    )


def test_an_error_is_what_its_accuracy_leaves() -> None:
    assert accuracy(3.0, "%", False) == 97.0
    assert accuracy(40.0, "%", True) == 40.0
    assert accuracy(3.0, "edges", False) is None


def test_the_text_has_the_bounds_of_the_interval() -> None:
    assert Improvement(1.234, -0.5, 3.0).text == "+1.23 [−0.50, +3.00]"
    assert Improvement(-1.0, None, None).text == "−1.00"


def test_equal_values_have_no_interval() -> None:
    assert relative_improvement([93.0, 93.0], [90.0, 90.0]) == Improvement(pytest.approx(10 / 3), None, None)  # type: ignore[arg-type]
    assert relative_improvement([93.0], [90.0, 90.0]) == Improvement(pytest.approx(10 / 3), None, None)  # type: ignore[arg-type]
    assert relative_improvement([1.0], [-1.0, -1.0]) is None


def test_the_interval_is_the_delta_method_s_of_a_ratio_far_from_one() -> None:
    """Means 92 and 50 of two and three; squared deviations 8 and 1; 100 / 50 and 100 * 92 / 50 ** 2 times each."""
    found = relative_improvement([90.0, 94.0], [49.0, 50.0, 51.0])
    own, random = 2.0**2 * 8 / 2, 3.68**2 * 1 / 3
    freedom = (own + random) ** 2 / (own**2 / 1 + random**2 / 2)
    half = stats.t.ppf(0.975, freedom) * (own + random) ** 0.5
    assert found == Improvement(pytest.approx(84.0), pytest.approx(84.0 - half), pytest.approx(84.0 + half))  # type: ignore[arg-type]
