from __future__ import annotations

import itertools
import math
import warnings

import numpy as np
import pytest
from scipy import stats

from bench.statistics import noise
from bench.statistics.correlation import perfect_bounds
from bench.statistics.noise import attainable, attainable_kendall, has_shared_seeds, noise_ceiling, ties_within_noise


def made(architectures: int, seeds: int, between: float, within: float, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.normal(0, between, (architectures, 1)) + random.normal(0, within, (architectures, seeds))


def test_the_ceiling_is_the_mean_of_scipys_coefficients_over_pairs_of_seeds() -> None:
    scores = made(12, 3, 1.0, 0.7)
    found = noise_ceiling(scores)
    assert found is not None
    for coefficient, statistic in ((found.spearman, stats.spearmanr), (found.kendall, stats.kendalltau)):
        values = [statistic(scores[:, a], scores[:, b])[0] for a, b in itertools.combinations(range(3), 2)]
        assert coefficient.value == pytest.approx(np.mean(values))
        assert coefficient.low <= coefficient.value <= coefficient.high
    assert (found.architectures, found.seeds) == (12, 3)
    for ideal, bound, coefficient in (
        (found.ideal_spearman, attainable, found.spearman),
        (found.ideal_kendall, attainable_kendall, found.kendall),
    ):
        each = (coefficient.value, coefficient.low, coefficient.high)
        assert (ideal.value, ideal.low, ideal.high) == pytest.approx([bound(value, 3) for value in each])


def test_an_architecture_without_a_seed_is_left_out_of_that_pair() -> None:
    scores = made(9, 2, 1.0, 0.5)
    scores[[1, 4], [0, 1]] = np.nan
    found = noise_ceiling(scores)
    kept = np.delete(scores, [1, 4], axis=0)
    assert found is not None
    assert found.architectures == 7
    assert found.kendall.value == pytest.approx(stats.kendalltau(kept[:, 0], kept[:, 1])[0])


def test_the_means_are_over_the_runs_that_there_are() -> None:
    """The variance of a mean is its run's over k: of ten means, five over three runs and five over one, 2/3 of it."""
    scores = made(10, 3, 1.0, 0.5)
    scores[5:, 1:] = np.nan
    found = noise_ceiling(scores)
    assert found is not None
    assert (found.architectures, found.seeds) == (5, 3)
    assert found.ideal_kendall.value == pytest.approx(attainable_kendall(found.kendall.value, 1.5))
    # On made data of which the true scores are known.
    truth = np.random.default_rng(4).normal(size=6000)
    runs = truth[:, None] + np.random.default_rng(5).normal(0, 1.0, (6000, 3))
    runs[3000:, 1:] = np.nan
    tau = stats.kendalltau(runs[:3000, 0], runs[:3000, 1])[0]
    usual = attainable_kendall(tau, 1.5)
    assert usual == pytest.approx(stats.kendalltau(truth, np.nanmean(runs, axis=1))[0], abs=0.03)


def test_resamples_are_of_architectures_whatever_seeds_these_lack(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain writing: the same architectures for all pairs of seeds, with SciPy's coefficients."""
    monkeypatch.setattr(noise, "RESAMPLES", 150)
    scores = made(9, 3, 1.0, 0.7)
    scores[[0, 3, 4], [0, 1, 2]] = np.nan
    resampled = []
    for drawn in np.random.default_rng(0).integers(9, size=(150, 9)):
        values = []
        for pair in itertools.combinations(range(3), 2):
            kept = scores[drawn][:, list(pair)]
            kept = kept[~np.isnan(kept).any(axis=1)]
            values.append(stats.kendalltau(kept[:, 0], kept[:, 1])[0])
        resampled.append(np.nanmean(values))
    found = noise_ceiling(scores)
    assert found is not None
    assert (found.kendall.low, found.kendall.high) == pytest.approx(tuple(np.percentile(resampled, [2.5, 97.5])))


def test_architectures_with_one_run_do_not_change_the_ceiling() -> None:
    scores = made(8, 2, 1.0, 0.7)
    single = np.hstack([made(30, 1, 1.0, 0.7), np.full((30, 1), np.nan)])
    alone, among = noise_ceiling(scores), noise_ceiling(np.vstack([scores, single]))
    assert alone is not None
    assert among is not None
    assert (among.kendall, among.spearman) == (alone.kendall, alone.spearman)
    assert among.ideal_kendall.value < alone.ideal_kendall.value


def test_resamples_without_any_order_are_left_out_in_silence() -> None:
    """Of five architectures, some resamples are one architecture five times."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = noise_ceiling(made(5, 3, 1.0, 0.7))
    assert found is not None
    assert not math.isnan(found.kendall.low)


def test_two_seeds_are_shared_by_architectures_and_not_by_their_number() -> None:
    assert has_shared_seeds(made(5, 2, 1, 1))
    assert not has_shared_seeds(made(4, 2, 1, 1))
    scores = made(9, 2, 1.0, 0.5)
    scores[:5, 0] = np.nan
    assert not has_shared_seeds(scores)


@pytest.mark.parametrize("scores", [made(20, 1, 1, 1), made(4, 3, 1, 1), np.ones((8, 2))])
def test_too_few_seeds_or_architectures_have_no_ceiling(scores: np.ndarray) -> None:
    assert noise_ceiling(scores) is None


def test_a_perfect_order_of_two_groups_is_no_sure_ceiling() -> None:
    """Of networks that all but one learnt nothing, two seeds agree by chance."""
    collapsed = noise_ceiling(np.array([[0.1] * 2] * 4 + [[0.5] * 2]))
    learnt = noise_ceiling(np.array([[value] * 2 for value in (0.1, 0.2, 0.3, 0.4, 0.5)]))
    assert collapsed is not None
    assert learnt is not None
    assert collapsed.kendall.value == learnt.kendall.value == 1
    assert collapsed.architectures == learnt.architectures == 5
    assert (collapsed.kendall.low, learnt.kendall.low) == (perfect_bounds(2)[1], perfect_bounds(5)[1])
    assert collapsed.kendall.low < 0 < learnt.kendall.low


def test_true_scores_reach_what_is_attainable_and_no_more() -> None:
    """On made data of which the true scores are known."""
    random = np.random.default_rng(3)
    truth = random.normal(size=4000)
    runs = truth[:, None] + random.normal(0, 1.2, (4000, 3))
    one_to_another = np.corrcoef(runs[:, 0], runs[:, 1])[0, 1]
    assert attainable(one_to_another, 3) == pytest.approx(np.corrcoef(truth, runs.mean(axis=1))[0, 1], abs=0.03)
    assert attainable(-0.2, 2) == 0
    assert attainable(1.0, 5) == 1
    tau = stats.kendalltau(runs[:, 0], runs[:, 1])[0]
    assert attainable_kendall(tau, 3) == pytest.approx(stats.kendalltau(truth, runs.mean(axis=1))[0], abs=0.03)
    assert attainable_kendall(-0.2, 2) == 0
    assert attainable_kendall(1.0, 5) == 1


def test_ties_are_what_a_pooled_t_test_does_not_tell_apart() -> None:
    """Of two architectures, the pooled test is SciPy's."""
    for seed in range(20):
        scores = made(2, 4, 1.0, 1.0, seed)
        found = ties_within_noise(scores)
        assert found is not None
        assert (found.count == 1) == (stats.ttest_ind(scores[0], scores[1]).pvalue >= 0.05)
        assert found.pairs == 1


def test_the_pooled_deviation_is_that_of_the_analysis_of_variance() -> None:
    scores = np.array([[1.0, 3.0, np.nan], [4.0, 4.0, 7.0], [9.0, np.nan, np.nan]])
    found = ties_within_noise(scores)
    assert found is not None
    assert found.deviation == pytest.approx(math.sqrt((2.0 + 6.0) / 3))
    assert ties_within_noise(scores[:, :1]) is None


def test_equal_architectures_are_ties_at_the_level() -> None:
    found = ties_within_noise(made(60, 5, 0.0, 1.0))
    assert found is not None
    assert found.count / found.pairs == pytest.approx(0.95, abs=0.03)


def test_agreement_counts_pairs_that_are_no_ties() -> None:
    scores = np.array([[0.0, 0.1], [0.05, 0.0], [10.0, 10.1], [20.0, 20.1]])
    found = ties_within_noise(scores)
    assert found is not None
    means = scores.mean(axis=1)
    assert (found.count, found.pairs) == (1, 6)
    assert found.agreement(np.array([2.0, 1.0, 3.0, 4.0]), means) == 1.0
    assert found.agreement(np.array([2.0, 1.0, 4.0, 3.0]), means) == pytest.approx(4 / 5)
    assert found.agreement(np.zeros(4), means) == 0.5
