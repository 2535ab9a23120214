"""What a user asks for: which rows, in which order, or two architectures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backbones.errors import InputError
from backbones.genotype import Genotype
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.tables.selection import Selection, select, tables_of
from bench.tables.table import Table

MakeRecord = Callable[..., Record]
SeedsOf = Callable[..., list[Record]]


@pytest.fixture
def results(make_record: MakeRecord, seeds_of: SeedsOf, tmp_path: Path) -> Path:
    """Full and reduced runs of two architectures under one protocol, the reduced ones with two seeds."""
    plain = make_record().architecture.model_dump()
    for name, errors in (("A", (4.0, 5.0)), ("B", (6.0, 8.0))):
        architecture = {**plain, "name": name}
        full = seeds_of(errors[0], architecture=architecture, protocol="classification/full")
        for record in (*full, *seeds_of(*errors, architecture=architecture, reduced=["short"])):
            RecordStore(tmp_path).write(record)
    return tmp_path


def chosen(results: Path, task: str = "classification", **choices: Any) -> Table:
    return select(task, results, Selection(**choices), lambda line: None)


def protocols(table: Table) -> list[str]:
    return [group.heading for group in table.groups]


@pytest.mark.parametrize(
    "choice",
    [
        {"architecture": ["A"]},
        {"method": ["m"]},
        {"sort": "params_m"},
        {"group": ["none"]},
        {"wide": True},
        {"origin": "published"},
    ],
)
def test_a_comparison_goes_with_few_choices(results: Path, choice: dict[str, Any]) -> None:
    (name,) = choice if "origin" not in choice else ("published",)
    with pytest.raises(InputError, match=f"^compare: does not go with {name}; protocol, full-only and reduced-only do"):
        chosen(results, compare=("A", "B"), **choice)


def test_a_comparison_is_of_full_runs_reduced_ones_or_both(results: Path) -> None:
    def pairs(**choices: Any) -> dict[str, float | None]:
        table = chosen(results, compare=("A", "B"), **choices)
        assert table.label == "tab:classification-comparison"
        return {
            row.labels["protocol"]: row.value("pairs") for row in table.rows if row.labels["metric"] != "Top-5 err. (%)"
        }

    full, reduced = {"classification/full": 1.0}, {"classification/digits (reduced: short)": 2.0}
    assert pairs() == full | reduced
    assert pairs(extent="full") == full
    assert pairs(extent="reduced") == reduced
    assert pairs(protocol=["*/full"]) == full


def test_rows_are_of_records_of_papers_or_both(results: Path) -> None:
    assert protocols(chosen(results, origin="measured")) == ["classification/digits", "classification/full"]
    assert protocols(chosen(results, origin="measured", extent="full")) == ["classification/full"]
    assert protocols(chosen(results, origin="measured", extent="reduced")) == ["classification/digits"]
    both = chosen(results, protocol=["classification/full", "classification/cifar10"], architecture=["A", "PDARTS"])
    assert sorted(protocols(both)) == ["classification/cifar10", "classification/full"]
    papers = chosen(results, origin="published", method=["RL"])
    assert all(row.published for row in papers.rows)
    assert protocols(papers)[0].startswith("P-DARTS Table 1: ")


def test_without_the_rows_that_are_asked_for_the_way_to_some_is_said(results: Path, tmp_path: Path) -> None:
    for task, extent, said in (
        ("search", None, "holds no search record; `wildnas search` makes some"),
        ("reid", "reduced", "holds no reduced reid record; `wildnas evaluate` makes some"),
        ("zerocost", "full", "holds no full zerocost record; `wildnas evaluate` makes some"),
    ):
        with pytest.raises(InputError, match=said):
            chosen(results, task, origin="measured", extent=extent)
    with pytest.raises(InputError, match="say by which column to sort"):
        chosen(results, descending=False)


def test_what_is_not_there_is_told_once(results: Path, tmp_path: Path) -> None:
    def told(folder: Path, **choices: Any) -> list[str]:
        lines: list[str] = []
        select("classification", folder, Selection(**choices), lines.append)
        return lines

    assert told(results) == told(tmp_path / "none", origin="published") == []
    assert told(tmp_path / "none") == [f"{tmp_path / 'none'}: holds no classification record yet"]
    broken = results / "records/classification/full/A/seed7.json"
    broken.write_text("{", encoding="utf-8")
    (once,) = told(results)
    assert once.startswith(f"left out: {broken}: ")
    assert told(results, origin="published") == []
    broken.unlink()
    (results / "published").mkdir()
    (results / "published" / "bad.csv").write_text("task\n", encoding="utf-8")
    assert told(results) == [f"left out: {results / 'published/bad.csv'}: has a header and no row below it"]


def test_a_table_has_the_caption_and_label_that_are_given(results: Path) -> None:
    table = chosen(results, origin="measured", caption="Mine", label="tab:mine")
    assert (table.title, table.label) == ("Mine", "tab:mine")
    table = chosen(results, origin="measured")
    assert (table.title, table.label) == ("Classification", "tab:classification")


def test_records_of_two_tasks_are_two_tables(make_record: MakeRecord, seeds_of: SeedsOf) -> None:
    scores = {"synflow": {"value": 5.0, "unit": "", "higher_is_better": True}}
    scored = make_record(task="zerocost", protocol="zerocost/digits", metrics=scores)
    first, second = tables_of([scored, *seeds_of(4.0), scored])
    assert first.startswith("### Zero-cost scores\n")
    assert "classification/digits" not in first
    assert second.startswith("### Classification\n")
    assert "zerocost/digits" not in second
    assert tables_of([]) == []


def test_a_search_has_the_error_of_what_was_trained(make_record: MakeRecord, seeds_of: SeedsOf, tmp_path: Path) -> None:
    search = make_record(task="search", protocol="search/s", metrics={})
    parents = [{"role": "search", "record": search.name, "key": search.key}]
    for record in (search, *seeds_of(4.0, parents=parents)):
        RecordStore(tmp_path).write(record)
    (row,) = chosen(tmp_path, "search", origin="measured").rows
    assert (row.value("test_error"), row.labels["evaluation"]) == (4.0, "classification/digits")


def test_too_few_random_architectures_are_counted_before_rows_are_chosen(
    make_record: MakeRecord, tmp_path: Path
) -> None:
    def write(name: str, method: str, task: str = "classification") -> None:
        cells = Genotype.random(ord(name))
        architecture = {"name": name, "genotype": cells.to_json(), "digest": cells.digest}
        where = {} if task == "classification" else {"task": task, "protocol": f"{task}/digits", "metrics": {}}
        RecordStore(tmp_path).write(make_record(architecture=architecture, method=method, **where))

    for task in ("classification", "zerocost"):
        write("A", "m", task)
        write("R", "random", task)
    said = "No gain over random: too few, 1 random architecture of a setting; 2 are needed."
    assert chosen(tmp_path, origin="measured").notes == (said,)
    assert chosen(tmp_path, origin="measured", architecture=["A"]).notes == (said,)
    assert chosen(tmp_path, origin="measured", architecture=["R"]).notes == ()
    # Scores without training have no such column.
    assert chosen(tmp_path, "zerocost").notes == ()
    write("Q", "random")
    assert said not in chosen(tmp_path, origin="measured", architecture=["A", "R"]).notes


def test_why_a_score_is_missing_stands_below_the_table(make_record: MakeRecord, tmp_path: Path) -> None:
    for name, said in (("A", {"naswot": "the network has no ReLU"}), ("B", {})):
        architecture = {**make_record().architecture.model_dump(), "name": name}
        metrics = {"snip": {"value": 1.0, "unit": "", "higher_is_better": True}}
        where = {"task": "zerocost", "protocol": "zerocost/digits", "resolved": {"undefined": said}}
        RecordStore(tmp_path).write(make_record(architecture=architecture, metrics=metrics, **where))
    assert "zerocost/digits: no NASWOT of A: the network has no ReLU" in chosen(tmp_path, "zerocost").notes
    # Only of the rows that are shown.
    assert chosen(tmp_path, "zerocost", architecture=["B"]).notes == ()
