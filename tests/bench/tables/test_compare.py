"""Two architectures side by side."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from statsmodels.stats.power import TTestPower

from backbones.errors import InputError
from bench.records.record import Record
from bench.tables import render
from bench.tables.compare import _probability, compare
from bench.tasks.metrics import METRICS

MakeRecord = Callable[..., Record]
COLUMNS = METRICS["classification"]


@pytest.fixture
def runs(make_record: MakeRecord) -> Callable[..., list[Record]]:
    def make(name: str, errors: Sequence[float | None], **changes: Any) -> list[Record]:
        plain = make_record().architecture
        return [
            make_record(
                seed=seed,
                architecture={**plain.model_dump(), "name": name},
                metrics={"top1_error": {"value": error, "unit": "%", "higher_is_better": False}},
                **changes,
            )
            for seed, error in enumerate(errors)
            if error is not None
        ]

    return make


def row_of(records: Sequence[Record], first: str = "A", second: str = "B") -> dict[str, Any]:
    table = compare("t", records, (first, second), COLUMNS)
    rows: list[dict[str, Any]] = json.loads(render(table, "json"))["rows"]
    assert len(rows) == 1
    return rows[0]


def test_the_paired_t_test_is_the_textbook_s(runs: Callable[..., list[Record]]) -> None:
    row = row_of([*runs("A", [5.0, 6.0, 9.0]), *runs("B", [4.0, 4.0, 6.0])])
    # Differences 1, 2, 3: mean 2, deviation 1, t = 2 * sqrt(3) = 3.4641 with two degrees of freedom, for which
    # p = 1 - t / sqrt(2 + t ** 2).
    t = 2 * math.sqrt(3)
    assert (row["first"], row["second"], row["difference"], row["pairs"]) == (20 / 3, 14 / 3, 2.0, 3)
    assert row["difference_std"] == pytest.approx(1.0)
    assert row["p_t"] == pytest.approx(1 - t / math.sqrt(2 + t**2))
    # Of the 8 ways to give three ranks signs, two are as extreme as all alike.
    assert row["p_wilcoxon"] == pytest.approx(2 / 8)
    # A paired difference of two deviations, as the tables of Cohen have it.
    assert row["needed"] == math.ceil(TTestPower().solve_power(2.0, power=0.8, alpha=0.05)) == 5


def test_only_seeds_in_common_are_paired(runs: Callable[..., list[Record]]) -> None:
    row = row_of([*runs("A", [1.0, None, 4.0, 3.0]), *runs("B", [2.0, 8.0, 4.5])])
    assert (row["first_seeds"], row["second_seeds"], row["pairs"]) == (3, 3, 2)
    assert row["difference"] == pytest.approx((1.0 - 2.0 + 4.0 - 4.5) / 2)


@pytest.mark.parametrize(("second", "said"), [([2.0], "1 seed in common"), ([None, 2.0], "no seed in common")])
def test_below_two_pairs_there_is_no_test_and_that_is_said(
    runs: Callable[..., list[Record]], second: list[float | None], said: str
) -> None:
    table = compare("t", [*runs("A", [1.0]), *runs("B", second)], ("A", "B"), COLUMNS)
    text = render(table, "markdown")
    assert said in text
    row = json.loads(render(table, "json"))["rows"][0]
    assert "p_t" not in row
    assert "p_wilcoxon" not in row
    assert ("difference" in row) == (row["pairs"] == 1)


def test_equal_differences_have_no_t(runs: Callable[..., list[Record]]) -> None:
    row = row_of([*runs("A", [1.0, 2.0]), *runs("B", [1.5, 2.5])])
    assert "p_t" not in row
    row = row_of([*runs("A", [1.0, 2.0]), *runs("B", [1.0, 2.0])])
    assert "p_wilcoxon" not in row
    assert row["difference"] == 0.0


def test_only_runs_of_one_kind_are_compared(runs: Callable[..., list[Record]]) -> None:
    first = runs("A", [1.0, 2.0])
    for changes in ({"config": {"epochs": 2}}, {"reduced": ["short"]}, {"version": 2}):
        with pytest.raises(InputError, match="no protocol that both"):
            compare("t", [*first, *runs("B", [1.0, 2.0], **changes)], ("A", "B"), COLUMNS)


def test_a_pattern_fits_one_architecture_a_seed(runs: Callable[..., list[Record]]) -> None:
    found = [*runs("pc-s0", [1.0]), *runs("pc-s1", [None, 2.0]), *runs("p-s0", [2.0]), *runs("p-s1", [None, 4.0])]
    row = row_of(found, "pc-*", "p-*")
    assert (row["pairs"], row["difference"]) == (2, -1.5)
    with pytest.raises(InputError, match=r"fits p-s0 and p-x with seed 0"):
        compare("t", [*found, *runs("p-x", [1.0])], ("pc-*", "p-*"), COLUMNS)


def test_an_unknown_name_gets_a_hint(runs: Callable[..., list[Record]]) -> None:
    with pytest.raises(InputError, match="did you mean 'PDARTS'"):
        compare("t", runs("PDARTS", [1.0]), ("PDARTS", "PDART"), COLUMNS)


@pytest.mark.parametrize(("p", "text"), [(0.0009, "<0.001"), (0.001, "0.001"), (0.25, "0.250"), (1.0, "1.000")])
def test_a_small_probability_is_a_bound(p: float, text: str) -> None:
    assert _probability(p).text == text


def test_what_one_seed_lacks_is_no_mean_of_the_others(runs: Callable[..., list[Record]]) -> None:
    records = [*runs("A", [1.0, 3.0]), *runs("B", [2.0, 2.5])]
    top5 = {"value": 0.5, "unit": "%", "higher_is_better": False}
    held = [record.model_copy(update={"metrics": {**record.metrics, "top5_error": top5}}) for record in records]
    known = [Record.model_validate(record.model_dump()) for record in held]
    table = compare("t", [records[0], *known[1:]], ("A", "B"), COLUMNS)
    first, second = json.loads(render(table, "json"))["rows"]
    assert (first["metric"], first["first"], first["second"], first["pairs"]) == ("Top-1 err. (%)", 2.0, 2.25, 2)
    assert (first["first_seeds"], first["second_seeds"]) == (2, 2)
    assert (second["first"], second["first_seeds"]) == (None, None)
    assert (second["second"], second["second_seeds"], second["pairs"]) == (0.5, 2, 1)
    # One pair, two rows, and no test of them.
    assert second["difference"] == 0.0
    assert second.get("p_t") is None
    assert table.label == "tab:classification-comparison"
    assert table.title == "t: A against B"
    heads = ["Metric", "A", "Seeds", "B", "Seeds", "Difference", "Pairs", "p (paired t)", "p (Wilcoxon)"]
    assert [column.head for column in table.columns] == [*heads, "Seeds for 80 % power"]
    # Words stand at the left, numbers at the right.
    assert [column.key for column in table.columns if not column.numeric] == ["metric"]


def test_runs_of_other_protocols_are_left_out_by_a_pattern(runs: Callable[..., list[Record]]) -> None:
    records = [
        run for name in "AB" for kind in "xy" for run in runs(name, [1.0, 2.0], protocol=f"classification/{kind}")
    ]
    for protocols, expected in ((None, ["x", "y"]), (["*/y"], ["y"]), (["*/x", "*/y"], ["x", "y"])):
        table = compare("t", records, ("A", "B"), COLUMNS, protocols)
        assert [group.heading for group in table.groups] == [f"classification/{kind}" for kind in expected]
        assert table.notes == ()
