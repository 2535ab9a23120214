"""The report as a file: what is in the page, where its links lead, and what becomes of broken input."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import resource
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pytest

from backbones.files import file_digest, write_text
from bench.commands.cli import main
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.report import write_report
from bench.report.cells import cells_place
from bench.report.curves import read_curves, search_figure
from bench.report.runs import place_of
from bench.tables.published import published_rows
from bench.tasks.metrics import METRICS
from tests.bench.report.conftest import Report
from tests.bench.report.made_records import GIVEN, NASTY, REDUCED_SEARCH, SEARCHED, made_records

#: Elements without an end tag.
VOID = {"meta", "link", "input", "br", "img", "wbr", "hr", "col"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())

    def all(self, tag: str = "", **attributes: str) -> Iterator[Element]:
        for child in self.children:
            wanted = {name.rstrip("_"): value for name, value in attributes.items()}
            if tag in ("", child.tag) and wanted.items() <= child.attributes.items():
                yield child
            yield from child.all(tag, **attributes)

    def one(self, tag: str = "", **attributes: str) -> Element:
        (found,) = self.all(tag, **attributes)
        return found

    @property
    def links(self) -> list[str]:
        return [link.attributes["href"] for link in self.all("a")]


class Page(HTMLParser):
    """A page as elements; refuses tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.root = Element("", {})
        self._open = [self.root]
        self.feed(text)
        self.close()
        assert self._open == [self.root], f"not closed: {self._open[-1].tag}"

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attributes}) == len(attributes), (tag, attributes)
        element = Element(tag, {name: value or "" for name, value in attributes})
        self._open[-1].children.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.texts.append(data)


@pytest.fixture(scope="module")
def page(report: Report) -> Element:
    return Page(report.text).root


def run_of(page: Element, record: Record) -> Element:
    """The part of the page that has the record's line."""
    line = page.one("tr", id=place_of(record))
    (run,) = (each for each in page.all("details", class_="run") if line in list(each.all("tr")))
    return run


def lineage(page: Element, record: Record) -> list[tuple[str, list[str]]]:
    return [(item.text, item.links) for item in run_of(page, record).all("li")]


def test_nothing_was_left_out(report: Report) -> None:
    assert report.problems == []
    assert report.file == report.results / "report" / "index.html"


def test_every_link_leads_somewhere_and_ids_are_unique(page: Element) -> None:
    ids = [element.attributes["id"] for element in page.all() if "id" in element.attributes]
    assert len(set(ids)) == len(ids)
    links = {value for element in page.all() for name, value in element.attributes.items() if name.endswith("href")}
    assert len([link for link in links if link.startswith("#")]) > 50
    assert {link for link in links if not link.startswith("#")} == {"data:,"}
    assert {link.removeprefix("#") for link in links if link.startswith("#")} <= set(ids)
    clips = re.findall(r"url\(#([^)]*)\)", "".join(value for each in page.all() for value in each.attributes.values()))
    assert set(clips) <= set(ids)


def test_nothing_is_loaded_from_elsewhere(report: Report, page: Element) -> None:
    addresses = set(re.findall(r"[a-z]+://[^\s\"'<)]*", report.text))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    for element in page.all():
        assert not {"src", "srcset", "action", "poster", "data"} & element.attributes.keys()
        assert element.tag not in ("iframe", "object", "embed", "base", "form", "img")
    assert "@import" not in report.text
    assert re.findall(r"url\((?!#)[^)]*\)", report.text) == []
    policy = page.one("meta", **{"http-equiv": "Content-Security-Policy"}).attributes["content"]
    assert policy.startswith("default-src 'none';")


def test_equal_records_give_equal_bytes(report: Report, tmp_path: Path, make_record: Callable[..., Record]) -> None:
    store = RecordStore(tmp_path / "elsewhere")
    for record, curve in reversed(list(made_records(make_record, tmp_path))):
        store.write(record, curve=curve)
    file, _ = write_report(store.results, tmp_path / "out")
    assert file.read_bytes() == report.file.read_bytes()


def test_somebody_s_own_page_is_not_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, own = tmp_path / "site", "<!doctype html><title>my site</title>"
    write_text(out / "index.html", own)
    assert main(["report", "--results", str(tmp_path), "--out", str(out)]) == 2
    assert "index.html: is there already and no report; expected a folder without it (--out)" in capsys.readouterr().err
    assert (out / "index.html").read_text() == own
    (out / "index.html").unlink()
    for _ in range(2):
        # The second time over a report.
        assert main(["report", "--results", str(tmp_path), "--out", str(out)]) == 0


def test_strings_of_records_are_only_text(report: Report, page: Element) -> None:
    assert "<img" not in report.text
    assert len(list(page.all("script"))) == 1
    assert not [name for element in page.all() for name in element.attributes if name.startswith("on")]
    record = report.records[f"classification/digits/{SEARCHED}/seed0"]
    run = run_of(page, record)
    assert f"device {NASTY}; torch 2.11.0" in run.text
    (config,) = (link for link in run.links if link.startswith("#config-"))
    assert json.loads("".join(page.one(id=config[1:]).one("pre").texts)) == record.config


def test_each_measured_number_leads_to_its_run(report: Report, page: Element) -> None:
    seen = set()
    for section in page.all("section", class_="comparison"):
        if section.attributes["id"] not in METRICS:
            continue
        for row in section.all("tr"):
            cells = list(row.all("td"))
            if "published" in row.attributes.get("class", ""):
                assert [link for cell in cells for link in cell.links] == []
            elif "measured" in row.attributes.get("class", ""):
                links = {link for cell in cells if "data-value" in cell.attributes for link in cell.links}
                assert len(links) == 1
                assert all(cell.links for cell in cells if "data-value" in cell.attributes)
                seen |= links
    # Of a row's seeds, the first has the place.
    assert seen == {f"#{place_of(record)}" for record in report.records.values() if record.seed == 0}


def test_a_run_says_what_each_seed_gave_and_where(report: Report, page: Element) -> None:
    first, second = (report.records[f"classification/digits/PDARTS/seed{seed}"] for seed in (0, 1))
    run = run_of(page, first)
    assert run is run_of(page, second)
    lines = [[cell.text for cell in page.one("tr", id=place_of(record)).children] for record in (first, second)]
    assert [line[:3] for line in lines] == [
        ["records/classification/digits/PDARTS/seed0.json", "5", "6"],
        ["records/classification/digits/PDARTS/seed1.json", "6", "7"],
    ]
    assert "Machine of seed0device machine 0" in run.text.replace("\n", "")
    assert "Machine of seed1device machine 1" in run.text.replace("\n", "")
    (row,) = (
        row for row in page.one(id="classification").all("tr") if row.all("td") and f"#{place_of(first)}" in row.links
    )
    assert [cell.text for cell in row.children][:2] == ["PDARTS", "5.50 ± 0.71"]


def test_lineage_goes_both_ways(report: Report, page: Element) -> None:
    def named(name: str) -> Record:
        return report.records[f"{name}/{SEARCHED}/seed0"]

    search, retrained = named("search/digits_p_darts"), named("classification/digits")
    detection, reid = named("detection/digits_ssd"), named("reid/digits_p3")
    assert lineage(page, search) == [(f"architecture used by {retrained.name}", [f"#{place_of(retrained)}"])]
    assert lineage(page, retrained) == [
        (f"architecture from {search.name}", [f"#{place_of(search)}"]),
        (f"weights used by {detection.name}", [f"#{place_of(detection)}"]),
    ]
    # The retraining's own parent is named, too.
    assert lineage(page, detection) == [
        (f"weights from {retrained.name}", [f"#{place_of(retrained)}"]),
        (f"architecture from {search.name}", [f"#{place_of(search)}"]),
    ]
    assert "Initial weights" in run_of(page, detection).text
    # Of the same name as the record at hand, but not of its key.
    assert lineage(page, reid) == [(f"weights from {retrained.name} (another run by now, or not here)", [])]


def test_each_genotype_is_drawn_once(report: Report, page: Element) -> None:
    figures = list(page.one(id="cells").all("figure"))
    titles = {figure.attributes["id"]: figure.one("figcaption").text for figure in figures}
    digests = {record.architecture.digest for record in report.records.values()} - {None}
    digests |= {row.digest for task in METRICS for row in published_rows(task)} - {None}
    assert sorted(titles) == sorted(cells_place(str(digest)) for digest in digests)
    twin = report.records["detection/digits_ssd/twin/seed0"]
    assert titles[cells_place(str(twin.architecture.digest))].startswith("PDARTS = twin ")
    for figure in figures:
        normal, reduction = figure.all("svg", role="img")
        assert normal.attributes["aria-label"].startswith("Normal cell of ")
        assert re.search(r"node 3 is \w+ of .* \+ \w+ of ", reduction.attributes["aria-label"])


def test_a_name_in_a_table_leads_to_its_cells(report: Report, page: Element) -> None:
    rows = {row.children[0].text: row.children[0].links for row in page.one(id="classification").all("tr")}
    for name in GIVEN:
        digest = report.records[f"detection/digits_ssd/{name}/seed0"].architecture.digest
        assert rows[name] == [f"#{cells_place(str(digest))}"]
    assert rows["timm-resnet50"] == []
    assert rows[f"{REDUCED_SEARCH} †"] != []


def test_the_proxys_order_is_answered_for_what_has_been_measured_first(page: Element) -> None:
    section = page.one(id="transfer-table")
    enough, few = section.one("table", class_="wildnas").all("tbody")
    first, *others = (row for row in enough.all("tr") if row.all("td") and "group" not in row.attributes["class"])
    # PDARTS and `twin`, of the same cells, are one; x.y, x-y, PC, DrNAS, the timm model. SEARCHED has its own config.
    assert [cell.text for cell in first.children][:4] == [
        "classification/digits Top-1 err. (%)",
        "detection/digits_ssd AP (%)",
        "measured",
        "6",
    ]
    assert [row.children[2].text for row in others][-1] == "P-DARTS"
    size = len([row for body in (enough, few) for row in body.all("tr") if "group" not in row.attributes["class"]])
    assert f"Of {size} pairs, {1 + len(others)} have 5 architectures or more: " in section.text


def test_a_search_is_drawn_by_operation_and_by_stage(page: Element) -> None:
    titles = {
        place: [
            picture.attributes["aria-label"].split(". ")[0] for picture in page.one(id=place).all("svg", role="img")
        ]
        for place in ("search-operations", "search-stages")
    }
    name = "search/digits_p_darts, P-DARTS"
    assert titles == {
        "search-operations": [f"{name}: softmax(α), {cell} cell" for cell in ("normal", "reduction")],
        "search-stages": [f"{name}: connection levels", f"{name}: edges that keep their best operation"],
    }


def test_what_has_been_measured_comes_before_the_papers_other_protocols(page: Element) -> None:
    for task, own in (("classification", 1), ("detection", 1), ("reid", 2), ("search", 2)):
        groups = ["measured" in "".join(row.attributes.get("class", "") for row in body.all("tr"))
                  for body in page.one(id=task).all("tbody")]  # fmt: skip
        assert groups[:own] == [True] * own
        assert not any(groups[own:])
        assert len(groups) > own


def test_what_cannot_be_read_is_named(
    tmp_path: Path, make_record: Callable[..., Record], capfd: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    store = RecordStore(results)
    for record, curve in made_records(make_record, tmp_path):
        if record.name.startswith(("search/", "classification/")):
            store.write(record, curve=curve)
    broken = store.path("classification/digits/PDARTS/seed0")
    broken.write_text(broken.read_text().replace('"seed"', '"sied"'))
    search = store.curve_path(f"search/digits_p_darts/{SEARCHED}/seed0")
    search.write_text('{"epoch": 1}\n{"epoch": 2')
    training = store.curve_path(f"classification/digits/{SEARCHED}/seed0")
    training.unlink()
    assert main(["report", "--results", str(results)]) == 0
    out, err = capfd.readouterr()
    file = results / "report" / "index.html"
    assert out == f"{file}\n"
    said = [line for line in err.splitlines() if line.startswith("wildnas: left out: ")]
    page = Page(file.read_text(encoding="utf-8")).root
    named = [item.text for item in page.one("aside").all("li")]
    assert [f"wildnas: left out: {name}" for name in named] == said
    assert [name.split(": ")[0] for name in named] == [str(path) for path in (broken, training, search)]
    # What is left is there.
    assert [
        row.children[1].text for row in page.one(id="classification").all("tr") if row.children[0].text == "PDARTS"
    ] == ["6.00"]
    assert not list(page.all("section", id="search-curves"))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("5", "not a JSON object for every epoch"),
        ("[1]", "not a JSON object for every epoch"),
        ('{"stage": 1}', ""),
        ('{"epoch": 1, "train_accuracy": null}', ""),
        ('{"epoch": 1, "train_accuracy": Infinity}', ""),
    ],
)
def test_a_curve_of_something_else_is_no_reason_to_fail(
    line: str, problem: str, report: Report, tmp_path: Path
) -> None:
    record, store = report.records[f"search/digits_p_darts/{SEARCHED}/seed0"], RecordStore(tmp_path)
    file = store.curve_path(record.name)
    write_text(file, f"{line}\n{line}\n")
    curves, problems = read_curves([record.model_copy(update={"curve": file_digest(file)})], store)
    assert problems == ([f"{file}: {problem}"] if problem else [])
    assert search_figure(curves, place_of).panels == ()


def test_the_policy_names_the_script_by_its_digest(report: Report) -> None:
    text = report.file.read_text(encoding="utf-8")
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text
    assert "script-src 'unsafe-inline'" not in text


def test_an_empty_folder_gives_the_published_rows_alone(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    # A byte of the command line that is no UTF-8 comes as half a surrogate pair.
    assert main(["report", "--results", str(tmp_path), "--out", str(out), "--title", "A & <b> \udcff"]) == 0
    assert f"wildnas: {tmp_path}: holds no record yet" in capfd.readouterr().err
    page = Page((out / "index.html").read_text(encoding="utf-8")).root
    assert page.one("head").one("title").text == page.one("h1").text == "A & <b> \\udcff"
    published = sum(len(published_rows(task)) for task in METRICS)
    assert f"{published} rows of the PC-DARTS and P-DARTS papers alone" in page.one("header").text
    rows = [row for task in METRICS if published_rows(task) for row in page.one(id=task).all("tr", class_="published")]
    assert len(rows) == published
    assert not list(page.all("tr", class_="measured"))
    assert not list(page.all(id="runs"))


def test_reduced_runs_can_be_left_out(report: Report, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--results", str(report.results), "--out", str(tmp_path), "--full-only"]) == 0
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "2 reduced runs are left out." in text
    assert REDUCED_SEARCH in report.text
    assert REDUCED_SEARCH not in text
    assert "†" not in text.split("<table", 1)[0]
    page = Page(text).root
    assert {place_of(record) for record in report.records.values() if not record.reduced} <= {
        each.attributes.get("id", "") for each in page.all("tr")
    }


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file may grow beyond 100 kB: writing more fails as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("full_disk")
def test_a_report_that_cannot_be_written_leaves_the_one_that_is_there(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "report" / "index.html"
    file.parent.mkdir()
    before = "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-x': the one before"
    file.write_text(before)
    assert main(["report", "--results", str(tmp_path)]) == 2
    assert capfd.readouterr().err.splitlines()[-1] == f"wildnas: {file}: cannot be written: File too large"
    assert file.read_text() == before
    assert os.listdir(file.parent) == ["index.html"]


def test_a_folder_that_cannot_be_made_is_refused_at_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "report"
    assert main(["report", "--results", str(tmp_path), "--out", str(out)]) == 2
    out_text, err = capfd.readouterr()
    assert out_text == ""
    assert f"wildnas: {out / 'index.html'}: cannot be written: Not a directory" in err.splitlines()
    assert "Traceback" not in err
