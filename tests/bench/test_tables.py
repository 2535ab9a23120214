"""Tables are a pure function of records."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable

from bench.metrics import METRICS
from bench.records import Record
from bench.tables import LIMIT_MARK, REDUCED_MARK, build_table, render

MakeRecord = Callable[..., Record]
COLUMNS = METRICS["classification"]


def metric(value: float) -> dict[str, object]:
    return {"value": value, "unit": "%", "higher_is_better": False}


def test_seeds_share_a_row_with_mean_and_deviation(make_record: MakeRecord) -> None:
    records = [make_record(seed=k, metrics={"top1_error": metric(value)}) for k, value in enumerate((4.0, 5.0, 9.0))]
    rows = json.loads(render(build_table("t", records, COLUMNS), "json"))
    # The deviation of a sample: sqrt((4 + 1 + 9) / 2) = 2.6458.
    assert rows[0]["Top-1 err. (%)"] == "6.00 ± 2.65"
    assert rows[0]["Seeds"] == "3"
    assert rows[0]["Params (M)"] == "1.00"
    assert rows[0]["×+ (M)"] == "2.5"


def test_a_hole_stays_empty_and_is_not_averaged_over(make_record: MakeRecord) -> None:
    both = {"top1_error": metric(4.0), "top5_error": metric(1.0)}
    records = [make_record(seed=0, metrics=both), make_record(seed=1, metrics={"top1_error": metric(6.0)})]
    row = json.loads(render(build_table("t", records, COLUMNS), "json"))[0]
    assert row["Top-1 err. (%)"] == "5.00 ± 1.41"
    assert row["Top-5 err. (%)"] == ""


def test_a_reduced_run_is_marked_and_shares_no_row_with_a_full_one(make_record: MakeRecord) -> None:
    records = [make_record(seed=0), make_record(seed=1, reduced=["option epochs=1"])]
    table = build_table("t", records, COLUMNS)
    assert list(table.frame["Architecture"]) == ["PDARTS", f"PDARTS {REDUCED_MARK}"]
    assert "option epochs=1" in render(table, "markdown")


def test_a_network_at_the_limit_of_its_protocol_is_marked(make_record: MakeRecord) -> None:
    """ "Less than 600M" (P-DARTS 5.3.2): one that has exactly as many is too large."""
    marked = {}
    for macs in (599_999_999, 600_000_000, 700_000_000, None):
        cost = {"seconds": 1.0, "peak_memory": 1, "params": 1_000_000, "macs": 10, "published_macs": macs}
        table = build_table("t", [make_record(config={"macs_limit": 600_000_000}, cost=cost)], COLUMNS)
        marked[macs] = list(table.frame["Architecture"]) == [f"PDARTS {LIMIT_MARK}"]
        note = f"{LIMIT_MARK} classification/digits: 600 M multiply-adds or more"
        assert (note in render(table, "markdown")) == marked[macs]
    assert marked == {599_999_999: False, 600_000_000: True, 700_000_000: True, None: False}


def test_a_network_can_carry_both_marks(make_record: MakeRecord) -> None:
    record = make_record(config={"macs_limit": 1_000_000}, reduced=["4 epochs"])
    table = build_table("t", [record, make_record(protocol="classification/other")], COLUMNS)
    assert list(table.frame["Architecture"]) == [f"PDARTS {REDUCED_MARK} {LIMIT_MARK}", "PDARTS"]
    assert table.notes == (
        f"{REDUCED_MARK} classification/digits: reduced run (4 epochs)",
        f"{LIMIT_MARK} classification/digits: 1 M multiply-adds or more",
    )


def test_columns_are_those_that_a_run_has(make_record: MakeRecord) -> None:
    best = {"top1_error": metric(6.0), "best_top1_error": metric(4.0), "best_epoch": metric(3.0)}
    columns = build_table("t", [make_record(metrics=best)], COLUMNS).frame.columns
    assert [name for name in columns if "err" in name.lower()] == ["Top-1 err. (%)", "Top-5 err. (%)"]
    chosen = {"top1_error": metric(6.0), "validation_error": metric(7.0)}
    table = build_table("t", [make_record(metrics=best), make_record(seed=1, metrics=chosen)], COLUMNS)
    assert "Val. err. (%)" in table.frame.columns
    assert not [name for name in table.frame.columns if "est epoch" in name]


def test_runs_that_differ_in_more_than_the_seed_share_no_row(make_record: MakeRecord) -> None:
    weights = {"sha256": "sha256:" + "4" * 64, "record": None}
    different = [
        make_record(),
        make_record(seed=1, config={"epochs": 2}),
        make_record(seed=2, data={"counts": {}, "fingerprint": "sha256:" + "3" * 64}),
        make_record(seed=3, initial_weights=weights),
        make_record(seed=4, version=2),
    ]
    assert list(build_table("t", different, COLUMNS).frame["Seeds"]) == ["1"] * 5
    retrained = [
        make_record(
            seed=k,
            initial_weights={"sha256": f"sha256:{k}" + "0" * 63, "record": f"classification/c/PDARTS/seed{k}"},
        )
        for k in range(2)
    ]
    assert list(build_table("t", retrained, COLUMNS).frame["Seeds"]) == ["2"]
    assert list(build_table("t", [make_record(), make_record()], COLUMNS).frame["Seeds"]) == ["1"]


def test_the_same_records_give_the_same_bytes_in_any_order(make_record: MakeRecord) -> None:
    records = [
        make_record(seed=seed, protocol=f"classification/{protocol}") for seed in range(3) for protocol in ("a", "b")
    ]
    shuffled = random.Random(0).sample(records, len(records))
    for form in ("markdown", "csv", "json"):
        assert render(build_table("t", records, COLUMNS), form) == render(build_table("t", shuffled, COLUMNS), form)


def test_csv_can_be_read_back(make_record: MakeRecord) -> None:
    text = render(build_table("t", [make_record()], COLUMNS), "csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["Protocol"] == "classification/digits"
    assert float(rows[0]["Top-1 err. (%)"]) == 5.0
