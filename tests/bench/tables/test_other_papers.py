"""Tables of any paper: files in `published/` of the user's own results folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bench.__main__ import main
from bench.report.scatters import cost_figure
from bench.statistics.measurements import measurements
from bench.statistics.transfer import pairs
from bench.tables.published import published_root, published_rows

ROWS = """\
task,paper,table,protocol,architecture,identity,zoo,ap,latency_ms,licence
detection,My-NAS,Table 2,detection/coco_ssd320,My-NAS (ImageNet),My-NAS,,29.4,12.1,MIT
detection,My-NAS,Table 2,detection/coco_ssd320,P-DARTS,,PDARTS,28.9,~13,
detection,My-NAS,Table 3,detection/mine,My-NAS (ImageNet),My-NAS,,31.0,,
"""
ERRORS = """\
task,paper,protocol,architecture,identity,zoo,top1_error
classification,My-NAS,classification/imagenet_mobile,My-NAS,My-NAS,,23.9
classification,My-NAS,classification/imagenet_mobile,P-DARTS + tricks,,PDARTS,24.4
"""


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results" / "published"
    folder.mkdir(parents=True)
    # As a spreadsheet of Windows saves it.
    (folder / "mine.csv").write_text("\ufeff" + ROWS.replace("\n", "\r\n"), encoding="utf-8", newline="")
    (folder / "errors.csv").write_text(ERRORS, encoding="utf-8")
    return folder.parent


def table(capsys: pytest.CaptureFixture[str], results: Path, *options: str) -> str:
    capsys.readouterr()
    assert main(["table", "detection", "--results", str(results), *options]) == 0
    return capsys.readouterr().out


def test_a_third_paper_stands_beside_the_papers(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = table(capsys, results, "--protocol", "detection/coco_ssd320", "detection/mine")
    assert "| My-NAS Table 2" in shown
    assert "| P-DARTS Table 4" in shown
    assert "#### detection/mine" in shown
    rows = json.loads(table(capsys, results, "--format", "json"))["rows"]
    mine = [row for row in rows if row["source"].startswith("My-NAS")]
    assert len(rows) == len(published_rows("detection")) + 3
    assert [(row["ap"], row["latency_ms"], row["licence"]) for row in mine] == [
        (29.4, 12.1, "MIT"),
        (28.9, "~13", ""),
        (31.0, None, ""),
    ]
    assert {row["latency_ms"] for row in rows if row not in mine} == {None}
    assert {row["published"] for row in mine} == {True}


def test_its_rows_are_paired_by_identity_and_by_the_zoo(results: Path) -> None:
    rows = [published_rows(task, results) for task in ("classification", "detection")]
    (found,) = (each for each in pairs(measurements([], rows)) if each.source == "My-NAS")
    assert (found.proxy.protocol, found.downstream.protocol) == (
        "classification/imagenet_mobile",
        "detection/coco_ssd320",
    )
    assert set(found.architectures) == {"My-NAS", "PDARTS"}


def test_the_report_draws_its_points(results: Path) -> None:
    rows = published_rows("classification", _with_cost(results))
    panels = {panel.title: panel for panel in cost_figure(rows, lambda row: "").panels}
    names = [series.name for series in panels["classification/imagenet_mobile"].series]
    assert names == ["PC-DARTS paper", "P-DARTS paper", "My-NAS paper"]


def _with_cost(results: Path) -> Path:
    file = results / "published" / "errors.csv"
    lines = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join([f"{lines[0]},search_cost", *(f"{line},0.4" for line in lines[1:])]), encoding="utf-8")
    return results


def test_the_shipped_tables_are_not_read_twice() -> None:
    assert list(published_rows("reid", published_root().parent)) == list(published_rows("reid"))
    assert list(published_rows("reid", Path("nowhere"))) == list(published_rows("reid"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("task,paper,architecture,ap\ndetection,Mine,Net,high\n", "line 2: key 'ap': 'high' is no number"),
        ("task,architecture,ap\ndetection,Net,30\n", "line 2: key 'paper'"),
        ("task,paper,architecture,source\ndetection,Mine,Net,x\n", "column 'source' is filled in by wildnas"),
        ("task,paper,architecture,protocol\ndetection,Mine,Net,reid/mine\n", "not one of task 'detection'"),
        ("task,paper,architecture\ndetection,Mine,Net,30\n", "line 2: more cells"),
        ("task,paper,architecture\ndetection,Mine,N\udce9t\n", "not a text in UTF-8"),
    ],
)
def test_a_mistake_is_one_line_with_file_and_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    folder = tmp_path / "published"
    folder.mkdir()
    (folder / "mine.csv").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert main(["table", "detection", "--results", str(tmp_path)]) == 0
    (line,) = (line for line in capsys.readouterr().err.splitlines() if "left out" in line)
    assert "mine.csv" in line
    assert said in line


def test_copies_of_the_shipped_tables_are_read_once(tmp_path: Path) -> None:
    shutil.copytree(published_root(), tmp_path / "published")
    for task in ("classification", "detection", "reid", "search"):
        assert len(published_rows(task, tmp_path)) == len(published_rows(task))
