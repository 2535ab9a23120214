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
from bench.tables import FORMATS, build_table, lay_out, render
from bench.tables.published import published_rows
from bench.tables.rows import measured_rows
from bench.tables.write import escaped
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
