"""The forms that a table is printed in."""

from __future__ import annotations

import csv
import io
import json
import random
import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from bench.records.record import Record
from bench.tables import FORMATS, Table, build_table, lay_out, render
from bench.tables.columns import Column
from bench.tables.published import published_rows
from bench.tables.rows import measured_rows
from bench.tables.table import Group, TableCell
from bench.tables.write import _grid, _markdown, _markdown_note, _plain, data_frame, escaped
from bench.tasks.metrics import METRICS

MakeRecord = Callable[..., Record]
SeedsOf = Callable[..., list[Record]]
COLUMNS = METRICS["classification"]
TASKS = ("classification", "detection", "reid", "search")


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_records_give_the_same_bytes_in_any_order(form: str, make_record: MakeRecord) -> None:
    records = [
        make_record(seed=seed, protocol=f"classification/{protocol}") for seed in range(3) for protocol in ("a", "b")
    ]
    shuffled = random.Random(0).sample(records, len(records))
    texts = {render(build_table("t", given, COLUMNS), form) for given in (records, shuffled)}
    assert len(texts) == 1
    assert texts.pop().endswith("\n")


def test_csv_can_be_read_back(seeds_of: SeedsOf) -> None:
    text = render(build_table("t", seeds_of(5.0, 6.5), COLUMNS), "csv")
    row = next(csv.DictReader(io.StringIO(text)))
    assert row["protocol"] == "classification/digits"
    assert (float(row["top1_error"]), float(row["top1_error_best"]), row["seeds"]) == (5.75, 5.0, "2")
    assert row["published"] == "no"


def test_json_has_numbers_and_the_papers_words_where_they_are_none() -> None:
    table = lay_out("t", published_rows("classification"), COLUMNS)
    rows = json.loads(render(table, "json"))["rows"]
    by_name = {(row["source"], row["architecture"]): row for row in rows}
    shuffle = by_name["PC-DARTS Table 2", "ShuffleNet 2× (v1)"]
    assert (shuffle["params_m"], shuffle["top1_error"], shuffle["search_cost"]) == ("~5", 26.4, None)
    ours = by_name["PC-DARTS Table 1", "PC-DARTS + cutout"]
    assert (ours["top1_error"], ours["top1_error_std"]) == (2.57, 0.07)
    assert "GTX 1080Ti" in ours["footnote"]


def test_markdown_lines_up_and_escapes(make_record: MakeRecord) -> None:
    text = render(build_table("t", [make_record(method="a|b*c")], COLUMNS), "markdown")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(line) for line in lines[:2]}) == 1
    assert r"a\|b\*c" in lines[2]
    assert len(re.findall(r"(?<!\\)\|", lines[2])) == len(re.findall(r"\|", lines[0]))


@pytest.mark.parametrize("task", TASKS)
def test_latex_is_well_formed(task: str) -> None:
    """Braces pair, environments nest, every row has a cell for each column, and nothing but ASCII is left."""
    table = lay_out("All 100 % of it", published_rows(task), METRICS[task], ["source", "group"])
    text = render(table, "latex")
    assert text.isascii()
    bare = re.sub(r"\\[{}]", "", text)
    assert bare.count("{") == bare.count("}")
    opened = re.findall(r"\\begin\{(.*?)\}", text)
    assert re.findall(r"\\end\{(.*?)\}", text) == opened[::-1]
    assert text.count("$") % 2 == 0
    for command in (r"\toprule", r"\bottomrule", r"\caption{All 100 \% of it}", rf"\label{{tab:{task}}}"):
        assert text.count(command) == 1
    assert text.count(r"\midrule") == len(table.groups)
    rows = [line for line in text.splitlines() if line.endswith(r"\\") and "multicolumn" not in line]
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {len(table.columns) - 1}
    assert len(rows) == 1 + len(table.rows)


def test_latex_sets_the_best_of_every_group_in_bold() -> None:
    rows = [row for row in published_rows("reid") if row.labels["group"] == "Market-1501"]
    text = render(lay_out("t", rows, METRICS["reid"], ["protocol"]), "latex")
    # P-DARTS Table 5: rank-1 and mAP of one, three and six parts.
    assert re.findall(r"textbf\{(.*?)\}", text) == ["92.99", "81.37", "94.59", "84.78", "93.61", "83.37"]


def test_latex_leaves_no_letter_that_its_fonts_lack() -> None:
    assert escaped("a_b & 50 % of #1 ~ {x} \\y ± ü 中") == (
        r"a\_b \& 50 \% of \#1 $\sim$ \{x\} \textbackslash{}y $\pm$ ü \texttt{U+4E2D}"
    )


class Outline(HTMLParser):
    """The tags of a text, and whether each is closed in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("task", TASKS)
def test_html_is_one_table_that_stands_for_itself(task: str) -> None:
    table = lay_out("t", published_rows(task), METRICS[task], ["source"])
    text = render(table, "html")
    outline = Outline()
    outline.feed(text)
    assert outline.open == []
    assert text.startswith("<table ")
    assert text.endswith("</table>\n")
    assert outline.seen.count("table") == outline.seen.count("caption") == outline.seen.count("thead") == 1
    assert outline.seen.count("tbody") == len(table.groups)
    assert not re.search(r"https?:|<script|<style|<link| style=", text)


def test_html_escapes_and_tells_reduced_rows(make_record: MakeRecord) -> None:
    rows = measured_rows([make_record(method="<b>&", reduced=['"short"'])], COLUMNS)
    text = render(lay_out("<t>", rows, COLUMNS), "html")
    assert "<caption>&lt;t&gt;</caption>" in text
    assert "<td>&lt;b&gt;&amp;</td>" in text
    assert '<tr class="measured reduced">' in text
    assert '<td data-value="5.0">5.00</td>' in text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a ~5 b", "a ~5 b"),
        ("~5 to ~7", r"\~5 to \~7"),
        ("[a](b) ![c][d] [e]", r"[a\](b) ![c\][d] [e]"),
        ("<b> a < b <1", "&lt;b> a < b <1"),
        ("a\n b", "a b"),
    ],
)
def test_markup_in_a_cell_is_text(text: str, written: str) -> None:
    assert _markdown(text) == written


@pytest.mark.parametrize(
    ("text", "written"),
    [("# a", r"\# a"), ("1. a", r"\1. a"), ("-", r"\-"), ("1.5 a", "1.5 a"), ("#a", "#a"), ("> a > b", r"\> a > b")],
)
def test_a_note_begins_no_list(text: str, written: str) -> None:
    assert _markdown_note(text) == written


def test_latex_has_the_letters_of_latin_1() -> None:
    # The first and the last, and those beside them.
    assert escaped("¿Àÿ¡Āz") == r"\texttt{U+00BF}Àÿ\texttt{U+00A1}\texttt{U+0100}z"
    assert escaped("\u0007") == escaped(r"\x07")


@pytest.mark.parametrize(
    ("value", "cell"),
    [(True, "yes"), (False, "no"), (0.1 + 0.2, "0.3"), (1 / 3, "0.3333333333"), (3, "3"), (None, ""), ("=1", "'=1")],
)
def test_a_cell_of_csv(value: object, cell: str) -> None:
    assert _plain(value) == cell


def test_data_tell_whole_numbers_and_deviations(seeds_of: SeedsOf) -> None:
    table = build_table("t", seeds_of(4.0, 5.0), COLUMNS)
    (row,) = data_frame(table).to_dict("records")
    assert (row["seeds"], type(row["seeds"])) == (2, int)
    assert (row["params_m"], type(row["params_m"])) == (1.0, float)
    assert list(row)[:4] == ["published", "reduced", "protocol", "source"]
    assert list(row)[-1] == "method"
    assert row["top1_error_std"] == pytest.approx(0.5**0.5)
    assert [key for key in row if key.endswith("_std")] == ["top1_error_std"]


def test_markdown_has_columns_of_three_at_least_and_numbers_at_the_right(make_record: MakeRecord) -> None:
    architecture = {**make_record().architecture.model_dump(), "name": "A"}
    table = build_table("t", [make_record(protocol="classification/x", architecture=architecture, method="m")], COLUMNS)
    lines = [line for line in render(table, "markdown").splitlines() if line.startswith("|")]
    assert lines == [
        "| Protocol         | Architecture | Top-1 err. (%) | Top-5 err. (%) | Params (M) | ×+ (M) | Method | Seeds |",
        "| ---------------- | ------------ | -------------: | -------------: | ---------: | -----: | ------ | ----: |",
        "| classification/x | A            | 5.00           |                | 1.00       | 2.5    | m      | 1     |",
    ]
    (row, _), *_ = table.groups[0].rows
    group = Group("", ((row, {"x": TableCell("1"), "y": TableCell("2")}),))
    narrow = Table("search", "t", (Column("x", "A"), Column("y", "B", numeric=False)), (group,), (), "")
    assert _grid(narrow, group) == [["A  ", "B  "], ["--:", "---"], ["1  ", "2  "]]


def test_a_group_has_no_column_that_it_has_nothing_for(make_record: MakeRecord, seeds_of: SeedsOf) -> None:
    papers = [row for row in published_rows("classification") if row.labels["protocol"] == "classification/cifar100"]
    rows = [*papers, *measured_rows(seeds_of(4.0), COLUMNS)]
    heads = [
        line.split("|")[1:-1]
        for line in render(lay_out("t", rows, COLUMNS, ["protocol"]), "markdown").splitlines()
        if line.startswith("| Architecture")
    ]
    # That of records has a column for what is always measured, that of papers has none.
    assert [any("Top-5" in head for head in line) for line in heads] == [False, True]
