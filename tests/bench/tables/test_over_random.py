"""The column of gains over random architectures."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from backbones import zoo
from backbones.genotype import Genotype
from bench.records.record import Record
from bench.tables import build_table, render
from bench.tables.improvement import relative_improvement
from bench.tasks.metrics import METRICS

MakeRecord = Callable[..., Record]


def run(make_record: MakeRecord, name: str, seed: int, value: float, **changes: Any) -> Record:
    if name.startswith("random"):
        genotype, changes = Genotype.random(int(name[-1])), {"method": "random", **changes}
    else:
        genotype = zoo.get(name).genotype
    architecture = {"name": name, "genotype": genotype.to_json(), "digest": genotype.digest}
    metrics = {"top1_error": {"value": value, "unit": "%", "higher_is_better": False}}
    return make_record(architecture=architecture, seed=seed, metrics=metrics, **changes)


def rows_of(records: list[Record]) -> dict[str, Any]:
    table = build_table("t", records, METRICS["classification"])
    return {row["architecture"]: row for row in json.loads(render(table, "json"))["rows"]}


def test_a_row_tells_its_gain_over_random_architectures(make_record: MakeRecord) -> None:
    records = [run(make_record, "PDARTS", seed, value) for seed, value in enumerate((4.0, 5.0))]
    records += [run(make_record, "random0", seed, value) for seed, value in enumerate((9.0, 11.0))]
    records += [run(make_record, "random1", 0, 12.0)]
    rows = rows_of(records)
    # The random architectures' mean is 89, each counting once.
    assert rows["PDARTS"]["over_random"] == pytest.approx(100 * (95.5 - 89) / 89)
    assert "over_random" not in rows["random0"] or rows["random0"]["over_random"] is None
    text = render(build_table("t", records, METRICS["classification"]), "markdown")
    assert "Over random (%)" in text
    assert "+7.30 [" in text


def test_one_seed_has_an_interval_too(make_record: MakeRecord) -> None:
    """It is taken to deviate as one more random architecture would (`relative_improvement`)."""
    records = [run(make_record, "PDARTS", 0, 4.0)]
    records += [run(make_record, f"random{place}", 0, value) for place, value in enumerate((9.0, 11.0, 10.0))]
    known = relative_improvement([96.0], [91.0, 89.0, 90.0])
    assert known is not None
    assert known.low is not None
    assert known.text in render(build_table("t", records, METRICS["classification"]), "markdown")


def test_equal_random_architectures_count_once_with_all_runs(make_record: MakeRecord) -> None:
    again = run(make_record, "random0", 0, 11.0)
    again = again.model_copy(update={"architecture": again.architecture.model_copy(update={"name": "again"})})
    records = [run(make_record, "PDARTS", 0, 4.0), again]
    records += [run(make_record, f"random{place}", 0, value) for place, value in enumerate((9.0, 12.0))]
    assert rows_of(records)["PDARTS"]["over_random"] == pytest.approx(100 * (96 - 89) / 89)


def test_without_two_random_architectures_there_is_no_column_but_a_note(make_record: MakeRecord) -> None:
    one = run(make_record, "random0", 0, 9.0)
    text = render(build_table("t", [run(make_record, "PDARTS", 0, 4.0), one], METRICS["classification"]), "markdown")
    assert "Over random" not in text
    assert "No gain over random: too few, 1 random architecture of a setting; 2 are needed." in text
    # Without anything to compare, or without any random architecture, nothing is missing.
    for records in ([one], [run(make_record, "PDARTS", 0, 4.0)]):
        assert "random: too few" not in render(build_table("t", records, METRICS["classification"]), "markdown")


def test_another_setting_has_no_part_in_it(make_record: MakeRecord) -> None:
    records = [run(make_record, "PDARTS", 0, 4.0)]
    records += [run(make_record, f"random{k}", 0, 9.0 + k, config={"epochs": 2}) for k in (0, 1)]
    assert "Over random" not in render(build_table("t", records, METRICS["classification"]), "markdown")
