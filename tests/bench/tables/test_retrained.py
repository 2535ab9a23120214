from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from backbones import zoo
from bench.records.record import Record
from bench.tables.retrained import with_test_errors
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
