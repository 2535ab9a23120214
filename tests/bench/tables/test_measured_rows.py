"""Rows of records: what shares a row, what is averaged, what is compared with the papers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from backbones import zoo
from bench.records.record import Record
from bench.tables import REDUCED_MARK, Table, build_table, lay_out, render
from bench.tables.frame import with_differences
from bench.tables.numbers import Number, printed
from bench.tables.published import published_rows
from bench.tables.rows import Experiments, measured_rows, setting
from bench.tasks.contract import Metric
from bench.tasks.metrics import METRICS

MakeRecord = Callable[..., Record]
SeedsOf = Callable[..., list[Record]]
COLUMNS = METRICS["classification"]


def metric(value: float) -> dict[str, Any]:
    return {"value": value, "unit": "%", "higher_is_better": False}


def cells(table: Table) -> list[dict[str, str]]:
    return [{key: cell.text for key, cell in row.items()} for group in table.groups for _, row in group.rows]


def test_seeds_share_a_row_with_mean_deviation_and_best(seeds_of: SeedsOf) -> None:
    row = cells(build_table("t", seeds_of(4.0, 5.0, 9.0), COLUMNS))[0]
    # The deviation of a sample: sqrt((4 + 1 + 9) / 2) = 2.6458.
    assert row["top1_error"] == "6.00 ± 2.65"
    assert row["top1_error_best"] == "4.00"
    assert row["seeds"] == "3"
    assert row["params_m"] == "1.00"
    assert row["macs_m"] == "2.5"
    data = json.loads(render(build_table("t", seeds_of(4.0, 5.0, 9.0), COLUMNS), "json"))["rows"][0]
    assert data["top1_error_std"] == pytest.approx(7**0.5)


def test_a_re_identifier_s_multiply_adds_are_those_of_the_paper_s_count(make_record: MakeRecord) -> None:
    """P-DARTS Table 5 counts at 224 x 224 what is run at 384 x 128 with its last stride removed."""
    unchanged = {"params": 4_000_000, "macs": 542_000_000, "published_macs": 556_351_488}
    cost = {"seconds": 1.0, "peak_memory": 1, "params": 4_000_000, "macs": 1, "published_macs": 749_000_000}
    record = make_record(task="reid", protocol="reid/market1501_p3", cost={**cost, "unchanged": unchanged})
    row = cells(build_table("t", [record], METRICS["reid"]))[0]
    assert (row["macs_m"], row["run_macs_m"]) == ("556.4", "749.0")
    heads = [column.title for column in build_table("t", [record], METRICS["reid"]).columns]
    assert heads.index("×+ (M)") + 1 == heads.index("×+ of the run (M)")


def test_the_best_is_the_largest_where_larger_is_better(make_record: MakeRecord) -> None:
    values = [{"ap": {"value": value, "unit": "%", "higher_is_better": True}} for value in (1.0, 3.0)]
    records = [
        make_record(seed=k, task="detection", protocol="detection/d", metrics=found) for k, found in enumerate(values)
    ]
    assert cells(build_table("t", records, METRICS["detection"]))[0]["ap_best"] == "3.00"


def test_a_hole_stays_empty_and_is_not_averaged_over(make_record: MakeRecord) -> None:
    both = {"top1_error": metric(4.0), "top5_error": metric(1.0)}
    records = [make_record(seed=0, metrics=both), make_record(seed=1, metrics={"top1_error": metric(6.0)})]
    table = build_table("t", records, COLUMNS)
    row = cells(table)[0]
    assert (row["top1_error"], row["top5_error"]) == ("5.00 ± 1.41", "")
    # The column is there, though no row has anything in it.
    assert "Top-5 err. (%)" in render(table, "markdown")
    # Best, difference and the other seed's value are not made of what is there.
    assert "top5_error" not in json.loads(render(table, "json"))["rows"][0]


def test_a_reduced_run_is_marked_and_shares_no_row_with_a_full_one(make_record: MakeRecord) -> None:
    table = build_table("t", [make_record(seed=0), make_record(seed=1, reduced=["option epochs=1"])], COLUMNS)
    assert [row["architecture"] for row in cells(table)] == ["PDARTS", f"PDARTS {REDUCED_MARK}"]
    assert "option epochs=1" in render(table, "markdown")


def test_runs_that_differ_in_more_than_the_seed_share_no_row(make_record: MakeRecord) -> None:
    weights = {"sha256": "sha256:" + "4" * 64, "record": None}
    different = [
        make_record(),
        make_record(seed=1, config={"epochs": 2}),
        make_record(seed=2, data={"counts": {}, "fingerprint": "sha256:" + "3" * 64}),
        make_record(seed=3, initial_weights=weights),
        make_record(seed=4, version=2),
        make_record(seed=5, method="given"),
    ]
    assert [row["seeds"] for row in cells(build_table("t", different, COLUMNS))] == ["1"] * 6
    assert len({Experiments().of(record) for record in different}) == 6
    retrained = [
        make_record(
            seed=k,
            initial_weights={"sha256": f"sha256:{k}" + "0" * 63, "record": f"classification/c/PDARTS/seed{k}"},
        )
        for k in range(2)
    ]
    assert [row["seeds"] for row in cells(build_table("t", retrained, COLUMNS))] == ["2"]
    assert [row["seeds"] for row in cells(build_table("t", [make_record(), make_record()], COLUMNS))] == ["1"]


def test_configs_of_equal_objects_are_told_apart_by_their_keys(make_record: MakeRecord) -> None:
    shared = [1, 2]
    records = [make_record(seed=0, config={"a": shared}), make_record(seed=1, config={"b": shared})]
    assert len(measured_rows(records, COLUMNS)) == 2


def test_the_search_s_cost_is_in_the_row_of_what_it_found(make_record: MakeRecord) -> None:
    cost = {"search_cost": {"value": 0.25, "unit": "device-days", "higher_is_better": False}}
    search = make_record(task="search", protocol="search/s", metrics=cost)
    parents = [{"role": "search", "record": search.name, "key": search.key}]
    records = [make_record(seed=k, parents=parents) for k in range(2)]
    known = {search.name: search}
    row = measured_rows(records, COLUMNS, known.get)[0]
    assert row.numbers["search_cost"].value == 0.25
    # The search has been run again meanwhile.
    again = search.model_copy(update={"key": "sha256:" + "7" * 64})
    assert "search_cost" not in measured_rows(records, COLUMNS, {search.name: again}.get)[0].numbers
    # One seed's search is gone: no mean is made of the other's.
    records[1] = make_record(seed=1, parents=[{"role": "search", "record": "search/s/x/seed1", "key": search.key}])
    assert "search_cost" not in measured_rows(records, COLUMNS, known.get)[0].numbers


def test_the_difference_to_the_paper_is_of_the_same_cell_under_the_same_protocol(seeds_of: SeedsOf) -> None:
    def difference(**changes: Any) -> str | None:
        rows = measured_rows(seeds_of(2.6, 2.7, **changes), COLUMNS)
        found = with_differences(rows, published_rows("classification"), COLUMNS)[0]
        number = found.numbers.get("top1_error_difference")
        return None if number is None else number.text

    # P-DARTS Table 1 has 2.50 for the mean of 2.65, Table 3 24.4.
    assert difference(protocol="classification/cifar10") == "+0.15"
    assert difference(protocol="classification/imagenet_mobile") == "−21.75"
    assert difference(protocol="classification/digits") is None
    assert difference(protocol="classification/cifar10", reduced=["1 epoch"]) is None
    other = zoo.get("NASNet").genotype
    # The paper's NASNet-A is a larger network than the protocol's of this cell.
    architecture = {"name": "NASNet", "genotype": other.to_json(), "digest": other.digest}
    assert difference(protocol="classification/cifar10", architecture=architecture) is None
    # The name does not matter, the genotype does.
    renamed = zoo.get("PDARTS").genotype
    architecture = {"name": "mine", "genotype": renamed.to_json(), "digest": renamed.digest}
    assert difference(protocol="classification/cifar10", architecture=architecture) == "+0.15"


def test_a_task_that_no_paper_has_gets_plain_columns(seeds_of: SeedsOf) -> None:
    table = build_table("t", seeds_of(1.0, task="other", protocol="other/p"), COLUMNS)
    assert [column.key for column in table.columns][:3] == ["protocol", "architecture", "top1_error"]


def test_published_and_measured_share_no_row(seeds_of: SeedsOf) -> None:
    papers = published_rows("classification")
    measured = measured_rows(seeds_of(2.6, protocol="classification/cifar10"), COLUMNS)
    table = lay_out("t", [*papers, *measured], COLUMNS, ["protocol"])
    group = next(group for group in table.groups if group.heading == "classification/cifar10")
    assert all(bool(row.records) != bool(row.published) for row, _ in group.rows)
    assert [bool(row.records) for row, _ in group.rows].count(True) == 1
    source = {cells["source"].text for _, cells in group.rows}
    assert source == {"P-DARTS Table 1", "PC-DARTS Table 1", "measured"}


def test_the_best_is_chosen_among_full_runs_of_a_group(seeds_of: SeedsOf) -> None:
    records = [
        *seeds_of(3.0, protocol="classification/a"),
        *seeds_of(1.0, protocol="classification/a", method="m", reduced=["short"]),
        *seeds_of(2.0, protocol="classification/a", method="n"),
        *seeds_of(0.5, protocol="classification/b"),
    ]
    # Three methods of one name would be one record: told apart by the data instead.
    records[1] = records[1].model_copy(update={"seed": 1})
    records[2] = records[2].model_copy(update={"seed": 2})
    table = lay_out("t", measured_rows(records, COLUMNS), COLUMNS, ["protocol"])
    best = [[cells["top1_error"].best for _, cells in group.rows] for group in table.groups]
    # Alone in its group, nothing is the best.
    assert best == [[False, False, True], [False]]


def test_a_reid_row_has_the_backbones_width_as_the_papers_rows_do(make_record: MakeRecord) -> None:
    what = {"task": "reid", "protocol": "reid/market1501_p3", "config": {"parts": 3}}
    rank1 = {"rank1": {"value": 90.0, "unit": "%", "higher_is_better": True}}
    records = [make_record(**what, metrics=rank1, seed=seed, resolved={"feature_dim": 768}) for seed in (0, 1)]
    older = make_record(**what, metrics=rank1, version=2, seed=2)
    table = build_table("t", [*records, older], METRICS["reid"])
    found = [(row["parts"], row["feature_dim"], row["seeds"]) for row in cells(table)]
    assert found == [("3", "768", "2"), ("3", "", "1")]
    # Beside P-DARTS Table 5 it stands in the same column, as the same number.
    published = {row.numbers["feature_dim"].value for row in published_rows("reid")}
    assert published == {768, 2048}
    assert "| Parts | Feat. dim |" in render(table, "markdown")


def test_of_two_tables_that_have_a_number_the_first_one_s_is_taken(seeds_of: SeedsOf) -> None:
    papers = published_rows("classification")
    (first,) = (
        row
        for row in papers
        if row.labels["source"] == "P-DARTS Table 1"
        and row.published
        and row.published.comparable
        and row.labels["protocol"] == "classification/cifar10"
        and row.digest == zoo.get("PDARTS").genotype.digest
    )
    second = replace(
        first,
        labels={**first.labels, "source": "P-DARTS Table 9", "group": "made"},
        numbers={**first.numbers, "top1_error": Number(1.0, "1.00")},
    )
    rows = measured_rows(seeds_of(2.6, 2.7, protocol="classification/cifar10"), COLUMNS)
    for published, text, source in (([first, second], "+0.15", "Table 1"), ([second, first], "+1.65", "Table 9")):
        (found,) = with_differences(rows, published, COLUMNS)
        assert found.numbers["top1_error_difference"].text == text
        assert source in found.labels["compared"]
    # A bound is nothing to take away from; the other numbers are compared all the same.
    about = replace(first, numbers={**first.numbers, "top1_error": printed("~2.5")})
    assert "top1_error_difference" not in with_differences(rows, [about, second], COLUMNS)[0].numbers


def test_a_search_tells_the_edges_that_it_keeps_and_those_near_the_input(make_record: MakeRecord) -> None:
    """P-DARTS' footnote 1 and section 5.2.1, of the normal cell."""
    said = [
        {"kept_operations": {"normal": [5, 7], "reduce": [6, 6]}, "connection_levels": [None, [1, 7, 0], [2, 5, 1]]},
        {"kept_operations": {"normal": [6, 7], "reduce": [6, 6]}, "connection_levels": [None, [1, 7, 0], [2, 4, 2]]},
    ]
    searches = [
        make_record(task="search", protocol="search/s", seed=seed, metrics={}, resolved=each)
        for seed, each in enumerate(said)
    ]
    table = build_table("t", searches, METRICS["search"])
    (row,) = cells(table)
    shown = [row[key] for key in ("kept_edges_stage2", "kept_edges_stage3", "shallow_edges")]
    assert shown == ["5.50 ± 0.71", "7.00 ± 0.00", "6.50 ± 0.71"]
    heads = [column.title for column in table.columns]
    assert {"Kept into stage 2 (edges)", "Kept into stage 3 (edges)", "Shallow (edges)"} <= set(heads)
    # One of the seeds was searched before records had it.
    older = make_record(task="search", protocol="search/s", seed=2, metrics={})
    assert "kept_edges_stage2" not in cells(build_table("t", [*searches, older], METRICS["search"]))[0]


def test_weights_of_other_protocols_share_no_row(make_record: MakeRecord) -> None:
    trained = [
        make_record(seed=seed, initial_weights={"sha256": f"sha256:{seed}" + "0" * 63, "record": f"{run}/seed{seed}"})
        for seed, run in enumerate(("classification/c/PDARTS", "classification/d/PDARTS"))
    ]
    assert [row["seeds"] for row in cells(build_table("t", trained, COLUMNS))] == ["1", "1"]


def test_each_run_can_have_a_row(seeds_of: SeedsOf) -> None:
    assert len(measured_rows(seeds_of(1.0, 2.0), COLUMNS)) == 1
    assert [row.numbers["top1_error"].text for row in measured_rows(seeds_of(1.0, 2.0), COLUMNS, each=True)] == [
        "1.00",
        "2.00",
    ]


def test_a_search_tells_its_hours_memory_and_device(make_record: MakeRecord) -> None:
    cost = {"seconds": 9000.0, "peak_memory": 3_210_000_000, "params": 1_234_567, "macs": 10}
    what = {"task": "search", "protocol": "search/s", "metrics": {}, "cost": cost}
    (row,) = measured_rows([make_record(**what, environment={"device": "Chip A"})], METRICS["search"])
    assert (row.labels["devices"], row.labels["source"]) == ("Chip A", "measured")
    found = {key: number.text for key, number in row.numbers.items()}
    assert found == {"seeds": "1", "supernet_params_m": "1.23", "hours": "2.50", "memory_gb": "3.21"}
    (row,) = measured_rows([make_record(**{**what, "task": "zerocost", "protocol": "zerocost/s"})], METRICS["zerocost"])
    found = {key: number.text for key, number in row.numbers.items()}
    assert found == {"seeds": "1", "params_m": "1.23", "seconds": "9000.00"}
    assert "devices" not in row.labels


def test_a_detector_s_row_has_its_input_size(make_record: MakeRecord) -> None:
    what = {"task": "detection", "protocol": "detection/d", "metrics": {"ap": metric(20.0)}}
    (row,) = measured_rows([make_record(**what, config={"input_size": 320})], METRICS["detection"])
    assert (row.labels["network"], row.numbers["input_size"].value) == ("SSD320", 320)
    for size in ("320", None):
        (row,) = measured_rows([make_record(**what, config={"input_size": size})], METRICS["detection"])
        assert "network" not in row.labels
        assert "input_size" not in row.numbers


def test_multiply_adds_that_were_not_counted_have_no_number(make_record: MakeRecord) -> None:
    cost = {"seconds": 1.0, "peak_memory": 1, "params": 1_000_000, "macs": 10}
    for task in ("reid", "classification"):
        (row,) = measured_rows([make_record(task=task, protocol=f"{task}/x", cost=cost)], METRICS[task])
        assert not [key for key in row.numbers if "macs" in key]
    # Without the paper's count, the run's own stands alone.
    (row,) = measured_rows(
        [make_record(task="reid", protocol="reid/x", cost={**cost, "published_macs": 7_000_000})], METRICS["reid"]
    )
    assert {key: number.text for key, number in row.numbers.items() if "macs" in key} == {"run_macs_m": "7.0"}


def test_numbers_of_stages_that_are_none_are_left_out(make_record: MakeRecord) -> None:
    """A record of someone else's may hold anything."""
    for said in (
        {"kept_operations": {"normal": "57"}, "connection_levels": []},
        {"kept_operations": [5, 7], "connection_levels": [[1, None]]},
        {"kept_operations": {"normal": [5, True]}, "connection_levels": 3},
    ):
        record = make_record(task="search", protocol="search/s", metrics={}, resolved=said)
        (row,) = measured_rows([record], METRICS["search"])
        assert not [key for key in row.numbers if key.endswith("edges") or "stage" in key]


def test_searches_of_unequal_numbers_of_stages_have_none_in_common(make_record: MakeRecord) -> None:
    memory = [[1_000_000_000], [1_000_000_000, 2_000_000_000]]
    searches = [
        make_record(task="search", protocol="search/s", seed=seed, metrics={}, resolved={"stage_peak_memory": each})
        for seed, each in enumerate(memory)
    ]
    (row,) = measured_rows(searches, METRICS["search"])
    assert not [key for key in row.numbers if "stage" in key]


@pytest.mark.parametrize(
    ("values", "unit", "text"),
    [
        ((2.0,), "edges", "2"),
        ((2.5,), "edges", "2.50"),
        ((12.0,), "layers", "12"),
        ((3.0,), "epoch", "3"),
        ((3.0,), "%", "3.00"),
        ((0.00042,), "device-days", "0.00042"),
        ((123456.0,), "", "1.235e+05"),
        ((0.000123456,), "", "0.0001235"),
        ((1.0, 3.0), "edges", "2.00 ± 1.41"),
        ((1.0, 3.0), "", "2 ± 1.414"),
    ],
)
def test_a_mean_is_written_by_its_unit(
    make_record: MakeRecord, values: tuple[float, ...], unit: str, text: str
) -> None:
    measure = Metric("m", "M", unit, higher_is_better=True)
    found = [
        make_record(seed=seed, metrics={"m": {"value": value, "unit": unit, "higher_is_better": True}})
        for seed, value in enumerate(values)
    ]
    (row,) = measured_rows(found, (measure,))
    assert row.numbers["m"].text == text
    assert ("m_best" in row.numbers) == (len(values) == 2)


def test_no_records_make_no_rows() -> None:
    assert measured_rows([], COLUMNS) == ()
    assert build_table("t", [], COLUMNS).groups == ()


def test_a_row_is_shown_without_its_records_and_its_paper(make_record: MakeRecord) -> None:
    (row,) = measured_rows([make_record()], COLUMNS)
    assert "Record(" not in repr(row)
    assert "PublishedRow(" not in repr(published_rows("reid")[0])


def test_runs_from_weights_of_two_protocols_are_two_settings(make_record: Callable[..., Record]) -> None:
    """So are those from a card and those from a file; whose weights they are does not count."""

    def from_weights(record: str | None, card: str | None = None) -> str:
        weights = {"sha256": None, "record": record, **({"card": card} if card else {})}
        return setting(make_record(task="reid", protocol="reid/digits_p3", metrics={}, initial_weights=weights))

    named = [f"classification/{protocol}/cell/seed{seed}" for protocol, seed in (("a", 0), ("a", 1), ("b", 0))]
    first, again, other = map(from_weights, named)
    assert first == again
    scratch = setting(make_record(task="reid", protocol="reid/digits_p3", metrics={}))
    assert len({first, other, scratch, from_weights(None), from_weights(None, "mobilenetv2_100")}) == 5
