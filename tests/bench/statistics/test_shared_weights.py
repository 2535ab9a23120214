from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bench.records.record import InitialWeights, Record
from bench.statistics.answers import answers
from bench.statistics.measurements import measurements
from bench.statistics.shared_weights import shared_weights
from bench.statistics.transfer import pairs
from tests.bench.statistics.made_study import made_study

NAMES = [f"cell-{place}" for place in range(12)]


def made() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Downstream runs that inherit their weights' noise, and otherwise follow the same truth."""
    random = np.random.default_rng(0)
    truth = random.normal(size=(12, 1))
    noise = random.normal(size=(12, 2))
    proxy = pd.DataFrame(truth + noise, NAMES)
    downstream = pd.DataFrame(truth + noise + random.normal(0, 0.3, (12, 2)), NAMES)
    starts = pd.DataFrame([[f"classification/digits/{name}/seed{seed}" for seed in (0, 1)] for name in NAMES], NAMES)
    return proxy, downstream, starts


def test_it_is_scipys_mean_over_seeds() -> None:
    proxy, downstream, starts = made()
    found = shared_weights(proxy, downstream, starts, "classification/digits")
    assert found is not None
    tau = {(a, b): stats.kendalltau(proxy[a], downstream[b])[0] for a, b in itertools.product((0, 1), repeat=2)}
    assert found.same == pytest.approx((tau[0, 0] + tau[1, 1]) / 2)
    assert found.other == pytest.approx((tau[0, 1] + tau[1, 0]) / 2)
    assert found.same > found.other + 0.1


def test_the_start_says_whose_weights_they_are_and_not_the_run_s_own_seed() -> None:
    proxy, downstream, starts = made()
    crossed = shared_weights(
        proxy,
        downstream[[1, 0]].set_axis([0, 1], axis=1),
        starts[[1, 0]].set_axis([0, 1], axis=1),
        "classification/digits",
    )
    assert crossed == shared_weights(proxy, downstream, starts, "classification/digits")


def test_other_weights_one_seed_or_few_architectures_have_none() -> None:
    proxy, downstream, starts = made()
    assert shared_weights(proxy, downstream, starts, "classification/digit") is None
    assert shared_weights(proxy, downstream, starts.map(lambda name: ""), "classification/digits") is None
    for end in ("", "/seedx", "/seed" + "9" * 30, "/a/b/seed1"):
        odd = starts.map(lambda name, end=end: f"classification/digits/cell{end}")
        assert shared_weights(proxy, downstream, odd, "classification/digits") is None
    assert shared_weights(proxy[[0]], downstream[[0]], starts[[0]], "classification/digits") is None
    assert shared_weights(proxy[:4], downstream, starts, "classification/digits") is None


def test_holes_leave_their_architectures_out() -> None:
    proxy, downstream, starts = made()
    proxy.iloc[:8, 1] = np.nan
    found = shared_weights(proxy, downstream, starts, "classification/digits")
    # Four architectures of the second seed are left, which is too few.
    assert found is not None
    assert found.same == pytest.approx(stats.kendalltau(proxy[0], downstream[0])[0])
    assert found.other == pytest.approx(stats.kendalltau(proxy[0], downstream[1])[0])
    downstream.iloc[:3, 0] = np.nan
    fewer = shared_weights(proxy, downstream, starts, "classification/digits")
    assert fewer is not None
    assert fewer.same == pytest.approx(stats.kendalltau(proxy[0][3:], downstream[0][3:])[0])


def test_the_answer_tells_it_of_the_proxy_that_the_runs_start_from(make_record: Callable[..., Record]) -> None:
    def started(record: Record) -> Record:
        if record.task not in ("detection", "reid"):
            return record
        start = f"classification/digits/{record.architecture.name}/seed{record.seed}"
        return record.model_copy(update={"initial_weights": InitialWeights(sha256=None, record=start)})

    records = [started(record) for record in made_study(make_record)]
    found = {answer.downstream.task: answer for answer in answers(pairs(measurements(records)))}
    said = [line for line in found["detection"].lines if line.startswith("Runs start from the weights of ")]
    assert len(said) == 1
    assert said[0].startswith(
        "Runs start from the weights of classification/digits: one seed of its Top-1 err. agrees with the runs from "
        "the same weights with τ = +0."
    )
    assert not any("Runs start" in line for line in found["classification"].lines)
    assert not any("Runs start" in line for line in answers(pairs(measurements(made_study(make_record))))[1].lines)
