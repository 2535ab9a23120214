from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from backbones import zoo
from bench.records.record import Record
from bench.tables import lay_out
from bench.tables.retrained import _named, with_test_errors
from bench.tables.rows import Row, measured_rows
from bench.tasks.metrics import METRICS

Make = Callable[..., Record]
KEY = "sha256:" + "a" * 64


def architecture(name: str, cells: str = "PDARTS") -> dict[str, Any]:
    genotype = zoo.get(cells).genotype
    return {"name": name, "genotype": genotype.to_json(), "digest": genotype.digest}


@pytest.fixture
def search(make_record: Make) -> Callable[..., Record]:
    def make(seed: int, **changes: Any) -> Record:
        accuracy = {"supernet_accuracy": {"value": 50.0, "unit": "%", "higher_is_better": True}}
        what = {"architecture": architecture("found"), "metrics": accuracy, "key": KEY, "method": "P-DARTS"}
        return make_record(task="search", protocol="search/p_darts_cifar10", seed=seed, **{**what, **changes})

    return make


@pytest.fixture
def training(make_record: Make) -> Callable[..., Record]:
    def make(of: Record, error: float, cells: str = "PDARTS", **changes: Any) -> Record:
        metrics = {"top1_error": {"value": error, "unit": "%", "higher_is_better": False}}
        parents = [{"role": "search", "record": of.name, "key": of.key}]
        what = {"protocol": "classification/cifar10", "architecture": architecture("found", cells)}
        return make_record(**{**what, "metrics": metrics, "parents": parents, **changes})

    return make


def shown(rows: list[Row]) -> list[tuple[str | None, str | None]]:
    return [
        (row.labels.get("evaluation"), row.numbers["test_error"].text if "test_error" in row.numbers else None)
        for row in rows
    ]


def rows(*searches: Record) -> list[Row]:
    return measured_rows(searches, METRICS["search"])


def test_a_search_has_the_error_of_what_it_found(search: Make, training: Make) -> None:
    found = search(0)
    assert shown(with_test_errors(rows(found), [training(found, 2.5)])) == [("classification/cifar10", "2.50")]
    assert shown(with_test_errors(rows(found), [])) == [(None, None)]


def test_ways_of_training_are_rows_of_their_own(search: Make, training: Make) -> None:
    found = search(0)
    trained = [
        training(found, 2.5),
        training(found, 2.7, seed=1),
        training(found, 25.0, protocol="classification/imagenet_mobile"),
        training(found, 9.0, config={"epochs": 3}, reduced=["option epochs=3"]),
    ]
    result = with_test_errors(rows(found), trained)
    assert shown(result) == [
        ("classification/cifar10", "2.60 ± 0.14"),
        ("classification/cifar10", "9.00"),
        ("classification/imagenet_mobile", "25.00"),
    ]
    assert [row.reduced for row in result] == [(), ("option epochs=3",), ()]


def test_seeds_share_a_row_only_where_each_was_trained(search: Make, training: Make) -> None:
    first, second = search(0), search(1)
    both = rows(first, second)
    assert len(both) == 1
    assert shown(with_test_errors(both, [training(first, 2.5)])) == [(None, None)]
    trained = [training(first, 2.5), training(second, 2.9)]
    assert shown(with_test_errors(both, trained)) == [("classification/cifar10", "2.70 ± 0.28")]


def test_other_cells_and_another_run_do_not_count(search: Make, training: Make) -> None:
    """A genotype of an earlier stage, and one that the search's record of that name has been replaced by."""
    found = search(0)
    other = search(0, key="sha256:" + "b" * 64)
    assert shown(with_test_errors(rows(found), [training(found, 3.0, cells="DARTS_V2")])) == [(None, None)]
    assert shown(with_test_errors(rows(found), [training(other, 3.0)])) == [(None, None)]


def cells(name: str) -> dict[str, Any]:
    return zoo.get(name).genotype.to_json()


#: A search whose M = 2 and last stage give its result, whose M from 3 on give one other genotype, and M = 0 none.
FOUND = {
    "max_skips": {
        "0": None,
        "1": cells("GDAS_V1"),
        "2": cells("PDARTS"),
        **{str(limit): cells("DARTS_V2") for limit in range(3, 9)},
    },
    "stages": [cells("DARTS_V1"), None, cells("PDARTS")],
}


def settings(found: list[Row]) -> list[tuple[str | None, str, str]]:
    return [
        (row.labels.get("setting"), row.numbers["test_error"].text, row.numbers["skip_count"].text)
        for row in found
        if "test_error" in row.numbers
    ]


def test_other_limits_of_skips_and_earlier_stages_have_rows(search: Make, training: Make) -> None:
    """P-DARTS 5.2.3 and 5.2.1."""
    skips = {"value": 2.0, "unit": "edges", "higher_is_better": False}
    accuracy = {"value": 50.0, "unit": "%", "higher_is_better": True}
    found = search(0, resolved=FOUND, metrics={"skip_count": skips, "supernet_accuracy": accuracy})
    result, third, first = (
        training(found, 2.69),
        training(found, 2.84, cells="DARTS_V2", seed=1),
        training(found, 3.4, cells="DARTS_V1", seed=2),
    )
    everything = with_test_errors(rows(found), [first, third, result])
    # DARTS_V2's normal cell has two skip connections, DARTS_V1's three.
    assert settings(everything) == [
        ("M = 2, stage 3", "2.69", "2"),
        ("M = 3 to 8", "2.84", "2"),
        ("stage 1", "3.40", "3"),
    ]
    # Accuracy, cost and memory are of all stages together.
    held = [{"supernet_accuracy", "hours", "memory_gb", "supernet_params_m"} & set(row.numbers) for row in everything]
    assert [len(keys) for keys in held] == [4, 4, 0]
    # Beside other limits alone, and beside nothing.
    assert [row.labels.get("setting") for row in with_test_errors(rows(found), [result, third])] == [
        "M = 2",
        "M = 3 to 8",
    ]
    assert [row.labels.get("setting") for row in with_test_errors(rows(found), [result])] == [None]
    assert settings(with_test_errors(rows(found), [first])) == [("stage 1", "3.40", "3")]
    stranger = training(found, 9.0, cells="AmoebaNet")
    assert settings(with_test_errors(rows(found), [stranger, result])) == [(None, "2.69", "2")]


def test_a_genotype_that_is_one_seed_s_result_counts_among_the_other_seeds(search: Make, training: Make) -> None:
    """Of the second search, M = 3 gives the result itself, which was trained once, under its own name."""
    other = {**FOUND, "max_skips": {**FOUND["max_skips"], "3": cells("PDARTS")}}
    first, second = search(0, resolved=FOUND), search(1, resolved=other)
    trained = [
        training(first, 2.6),
        training(first, 2.8, cells="DARTS_V2", seed=10),
        training(second, 2.7, seed=1),
    ]
    found = with_test_errors(rows(first, second), trained)
    assert [(row.labels["setting"], row.numbers["test_error"].value) for row in found] == [
        ("M = 2", pytest.approx(2.65)),
        ("M = 3", pytest.approx(2.75)),
    ]


@pytest.mark.parametrize(
    ("errors", "spread", "deviation"),
    [
        # PC-DARTS Table 4, "Runs", and 4.4.3: the deviations of DARTS-v1, DARTS-v2 and PC-DARTS.
        ([2.89, 3.15, 2.99, 3.07, 3.27], "0.38", "0.15"),
        ([3.11, 2.68, 2.77, 3.14, 3.06], "0.46", "0.21"),
        ([2.72, 2.67, 2.57, 2.75, 2.64], "0.18", "0.07"),
    ],
)
def test_the_spread_over_searches_is_a_column(
    search: Make, training: Make, errors: list[float], spread: str, deviation: str
) -> None:
    searches = [search(seed) for seed in range(len(errors))]
    trained = [training(each, error, seed=each.seed) for each, error in zip(searches, errors, strict=True)]
    (row,) = with_test_errors(rows(*searches), trained)
    assert row.numbers["test_error_spread"].text == spread
    assert row.numbers["test_error"].text.endswith(f"± {deviation}")
    table = lay_out("Search", [row], METRICS["search"])
    assert [column.title for column in table.columns if column.key == "test_error_spread"] == ["Spread (points)"]
    (alone,) = with_test_errors(rows(searches[0]), [trained[0], training(searches[0], 3.0, seed=7)])
    assert "test_error_spread" not in alone.numbers


def test_params_are_the_retrained_network_s_and_the_supernet_s_stand_beside(search: Make, training: Make) -> None:
    cost = {"seconds": 1.0, "peak_memory": 1, "params": 299_578}
    found = search(0, cost=cost)
    (bare,) = rows(found)
    assert "params_m" not in bare.numbers
    (row,) = with_test_errors([bare], [training(found, 2.57, cost={**cost, "params": 3_634_678})])
    assert (row.numbers["supernet_params_m"].text, row.numbers["params_m"].text) == ("0.30", "3.63")
    titles = [column.title for column in lay_out("Search", [row], METRICS["search"]).columns]
    assert titles.index("Params (M)") + 1 == titles.index("Supernet params (M)")


def test_the_peak_memory_of_each_stage_stands_in_p_darts_table_2_s_columns(search: Make) -> None:
    runs = [(9.8, 14.0, 14.2), (9.8, 14.4, 14.5), (9.8, 14.2, 14.3)]
    searches = [
        search(seed, resolved={"stage_peak_memory": [round(gigabytes * 1e9) for gigabytes in run]})
        for seed, run in enumerate(runs)
    ]
    (one,) = rows(searches[0])
    assert [one.numbers[f"memory_stage{stage}_gb"].text for stage in (1, 2, 3)] == ["9.80", "14.00", "14.20"]
    (all_,) = rows(*searches)
    assert all_.numbers["memory_stage2_gb"].text == "14.20 ± 0.20"
    heads = [column.title for column in lay_out("Search", [all_], METRICS["search"]).columns]
    assert [head for head in heads if head.startswith("Memory")] == [
        f"Memory stage {stage} (GB)" for stage in (1, 2, 3)
    ]
    # One of the seeds was searched before records had it.
    assert not any(key.startswith("memory_stage") for key in rows(searches[0], search(9))[0].numbers)


@pytest.mark.parametrize(
    ("variants", "text"),
    [
        ([("M", 2)], "M = 2"),
        ([("M", 2), ("M", 3)], "M = 2, 3"),
        ([("M", 2), ("M", 3), ("M", 4)], "M = 2 to 4"),
        ([("M", 2), ("M", 4), ("M", 5)], "M = 2, 4, 5"),
        ([("M", 0), ("stage", 1), ("stage", 2), ("stage", 3)], "M = 0, stage 1 to 3"),
    ],
)
def test_variants_are_named_in_short(variants: list[tuple[str, int]], text: str) -> None:
    assert _named(variants) == text


def test_other_genotypes_of_two_searches_have_their_own_numbers(search: Make, training: Make) -> None:
    """M = 1 gives another cell in each; its skip connections, parameters and seeds are counted for each search."""
    levels = {"connection_levels": [[1, 7, 0]]}
    both = [{**levels, "max_skips": {"1": cells(name)}} for name in ("DARTS_V1", "DARTS_V2")]
    searches = [search(seed, resolved=each) for seed, each in enumerate(both)]
    cost = {"seconds": 1.0, "peak_memory": 1, "macs": 10}
    trained = [
        training(searches[0], 3.0, cells="DARTS_V1", cost={**cost, "params": 3_000_000}),
        training(searches[0], 3.2, cells="DARTS_V1", seed=1, cost={**cost, "params": 3_000_000}),
        training(searches[1], 4.0, cells="DARTS_V2", seed=2, cost={**cost, "params": 4_000_000}),
    ]
    assert rows(*searches)[0].numbers["shallow_edges"].value == 8
    (row,) = with_test_errors(rows(*searches), trained)
    assert (row.labels["setting"], row.labels["evaluation"]) == ("M = 1", "classification/cifar10")
    # Of three and two skip connections; two searches weigh the same however many seeds each has.
    assert row.numbers["skip_count"].text == "2.50 ± 0.71"
    assert row.numbers["params_m"].text == "3.50 ± 0.71"
    assert row.numbers["test_error"].text == "3.40 ± 0.53"
    assert row.numbers["test_error_spread"].text == "0.90"
    assert "shallow_edges" not in row.numbers
