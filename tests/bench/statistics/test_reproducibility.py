from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestIndPower

from backbones.genotype import Genotype
from bench.records.record import Record
from bench.statistics.checklist import WORDS, checklist
from bench.statistics.measurements import measurements
from bench.statistics.reproducibility import gains, splits
from tests.bench.statistics.made_study import made_study

MakeRecord = Callable[..., Record]


def run(make_record: MakeRecord, place: int, seed: int, value: float, **changes: Any) -> Record:
    cells = Genotype.random(place)
    architecture = {"name": f"cell-{place}", "genotype": cells.to_json(), "digest": cells.digest}
    metrics = {"top1_error": {"value": value, "unit": "%", "higher_is_better": False}}
    return make_record(architecture=architecture, seed=seed, metrics=metrics, **changes)


def parent(seed: int) -> list[dict[str, str]]:
    return [{"role": "search", "record": f"search/digits/found-{seed}/seed{seed}", "key": "sha256:" + "0" * 64}]


def test_a_method_s_gain_is_that_of_its_architectures(make_record: MakeRecord) -> None:
    own, random = (4.0, 5.0, 3.5), (9.0, 11.0, 8.0, 10.0)
    records = [run(make_record, place, 0, value, method="P-DARTS") for place, value in enumerate(own)]
    records += [run(make_record, 10 + place, 0, value, method="random") for place, value in enumerate(random)]
    (gain,) = gains(measurements(records))
    assert (gain.method, gain.architectures, gain.random) == ("P-DARTS", 3, 4)
    assert gain.improvement is not None
    assert gain.improvement.value == pytest.approx(100 * ((100 - np.mean(own)) / (100 - np.mean(random)) - 1))
    assert gain.reading == "better than random"
    # With as many on each side, the difference of the means varies by the sum of both variances.
    deviation = np.sqrt((np.var(own, ddof=1) + np.var(random, ddof=1)) / 2)
    assert gain.spread == pytest.approx(deviation)
    effect = (np.mean(random) - np.mean(own)) / deviation
    assert gain.seeds is not None
    assert TTestIndPower().power(effect, gain.seeds, 0.05) >= 0.8


def test_the_seeds_needed_are_those_of_a_plan_with_equal_sides(make_record: MakeRecord) -> None:
    """Simulated: unequal deviations, and as many architectures a side as are said to be needed."""
    own, random = (6.0, 12.0, 9.0), (9.9, 10.0, 10.1, 10.0, 9.9, 10.1, 10.0, 10.0)
    records = [run(make_record, place, 0, value, method="P-DARTS") for place, value in enumerate(own)]
    records += [run(make_record, 10 + place, 0, value, method="random") for place, value in enumerate(random)]
    (gain,) = gains(measurements(records))
    assert gain.seeds is not None
    draw = np.random.default_rng(0)
    ours = draw.normal(np.mean(own), np.std(own, ddof=1), (3000, gain.seeds))
    others = draw.normal(np.mean(random), np.std(random, ddof=1), (3000, gain.seeds))
    assert (stats.ttest_ind(ours, others, axis=1, equal_var=False).pvalue < 0.05).mean() == pytest.approx(0.8, abs=0.05)


def test_a_side_of_one_architecture_has_the_other_s_deviation(make_record: MakeRecord) -> None:
    records = [run(make_record, 0, 0, 4.0, method="P-DARTS")]
    records += [run(make_record, 10 + place, 0, value, method="random") for place, value in enumerate((9.0, 11.0))]
    (gain,) = gains(measurements(records))
    assert gain.spread == pytest.approx(2**0.5)
    assert gain.improvement is not None
    assert gain.improvement.low is not None


def test_equal_values_decide_nothing(make_record: MakeRecord) -> None:
    records = [run(make_record, place, 0, 4.0, method="P-DARTS") for place in range(2)]
    records += [run(make_record, 10 + place, 0, 5.0, method="random") for place in range(2)]
    (gain,) = gains(measurements(records))
    assert gain.reading == "undecided: no interval, since each side's architectures have the same value"


def test_too_few_random_architectures_say_what_would_do(make_record: MakeRecord) -> None:
    (gain,) = gains(measurements([run(make_record, 0, 0, 4.0, method="P-DARTS")]))
    assert gain.reading == "too few: 0 random architectures; 2 or more are needed"
    assert gain.improvement is None


def test_the_variance_is_split_by_the_search_that_found_an_architecture(make_record: MakeRecord) -> None:
    random = np.random.default_rng(0)
    records = []
    for search in range(40):
        middle = 5 + random.normal(0, 2.0)
        records += [
            run(make_record, search, seed, abs(middle + random.normal(0, 0.5)), parents=parent(search))
            for seed in range(3)
        ]
    (split,) = splits(measurements(records))
    assert (split.search, split.searches, split.trainings) == ("search/digits", 40, 120)
    assert split.components is not None
    assert split.components.search**0.5 == pytest.approx(2.0, rel=0.25)
    assert split.components.training**0.5 == pytest.approx(0.5, rel=0.25)
    assert re.fullmatch(r"\d+ % \[\d+, \d+\] of the variance is the search's", split.reading)


def test_three_searches_trained_twice_are_too_few_for_a_share(make_record: MakeRecord) -> None:
    values = ((5.0, 6.4), (7.0, 6.5), (6.1, 6.9))
    records = [
        run(make_record, search, seed, value, parents=parent(search))
        for search, both in enumerate(values)
        for seed, value in enumerate(both)
    ]
    (split,) = splits(measurements(records))
    assert split.reading.startswith("too few to say, more searches are needed: ")
    assert split.reading.endswith("] of the variance is the search's")
    # Nor do equal means show that all searches give the same.
    records = [
        run(make_record, search, seed, 5.0 + seed, parents=parent(search)) for search in (0, 1) for seed in (0, 1)
    ]
    (split,) = splits(measurements(records))
    assert split.reading == "too few to say, more searches are needed: 0 % [0, 0] of the variance is the search's"


def test_cells_of_other_stages_are_no_trainings_of_the_result(make_record: MakeRecord) -> None:
    """Two searches, each with its result and a cell of its first stage, every cell trained once."""
    records = []
    for search, (result, stage) in enumerate(((5.0, 9.0), (5.2, 9.1))):
        records.append(run(make_record, search, 0, result, parents=parent(search), method="P-DARTS"))
        records.append(run(make_record, 10 + search, 0, stage, parents=parent(search), method="P-DARTS, stage 1"))
    found = splits(measurements(records))
    assert [(split.method, split.searches, split.trainings) for split in found] == [
        ("P-DARTS", 2, 2),
        ("P-DARTS, stage 1", 2, 2),
    ]
    assert {split.reading for split in found} == {"too few: no architecture was trained twice; 2 seeds each are needed"}


def test_one_training_of_each_search_cannot_be_split(make_record: MakeRecord) -> None:
    records = [run(make_record, search, 0, 5.0 + search, parents=parent(search)) for search in range(3)]
    (split,) = splits(measurements(records))
    assert split.reading == "too few: no architecture was trained twice; 2 seeds each are needed"
    (split,) = splits(measurements(records[:1]))
    assert split.reading.startswith("too few: 1 search")


def test_the_checklist_of_nothing_says_what_is_missing() -> None:
    items = checklist([])
    assert len(items) == 16
    assert {item.status for item in items} == {"missing", "author"}
    assert all(item.evidence for item in items)


def test_the_checklist_follows_the_records(make_record: MakeRecord) -> None:
    clean = {"environment": {"git_commit": "a" * 40, "device": "cpu", "packages": {}}}
    trainings = [each.model_copy(update=clean) for each in made_study(make_record, 4, 2)]
    search = make_record(
        task="search",
        protocol="search/digits",
        metrics={"supernet_accuracy": {"value": 90.0, "unit": "%", "higher_is_better": True}},
        **clean,
    )
    items = {item.question: item for item in checklist([*trainings, search])}
    code = items["Code of the training pipeline of the final architectures"]
    # Zero-cost scores are no trainings: 4 architectures, 2 seeds, three tasks.
    assert (code.status, code.evidence) == ("yes", "a commit without changes of 24 of 24 runs")
    assert items["Compared with random architectures"].status == "yes"
    assert items["Several runs, with their seeds reported"].evidence == (
        "each search ran with 1 seed or more; each training with 2 seeds or more"
    )
    assert items["Several runs, with their seeds reported"].status == "partly"
    assert items["Performance compared over time"].status == "missing"
    assert items["The same data, space, training code and hyperparameters for all methods"].status == "missing"


def test_two_runs_of_one_seed_are_one_seed(make_record: MakeRecord) -> None:
    metrics = {"supernet_accuracy": {"value": 90.0, "unit": "%", "higher_is_better": True}}
    searches = [
        make_record(task="search", protocol="search/digits", key="sha256:" + str(place) * 64, metrics=metrics)
        for place in range(2)
    ]
    items = {item.question: item for item in checklist(searches)}
    several = items["Several runs, with their seeds reported"]
    assert (several.status, several.evidence) == ("missing", "each search ran with 1 seed or more")


def test_uncommitted_changes_are_no_released_code(make_record: MakeRecord) -> None:
    record = make_record(environment={"git_commit": "a" * 40 + "-dirty"})
    assert checklist([record])[0].status == "missing"
    assert set(WORDS) >= {item.status for item in checklist([record])}


def test_compared_runs_on_two_machines_are_told(make_record: MakeRecord) -> None:
    one = run(make_record, 0, 0, 4.0, method="P-DARTS", environment={"device": "cpu"})
    other = run(make_record, 1, 0, 5.0, method="random", environment={"device": "H100"})
    items = {item.question: item for item in checklist([one, other])}
    assert items["Confounders controlled: hardware, versions of libraries, run time"].evidence == (
        "compared runs differ in devices"
    )
