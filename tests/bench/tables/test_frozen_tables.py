"""What tables print, byte for byte: formats and options over published rows and the records of an earlier version."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.commands.cli import main

FROZEN = Path(__file__).parent / "frozen"
RECORDS = Path(__file__).parents[1] / "records" / "shapes" / "1-first"
CASES = {
    "search": ["search", "--measured", "--results", str(RECORDS)],
    "classification": ["classification", "--measured", "--wide", "--results", str(RECORDS)],
    "detection": ["detection", "--protocol", "detection/coco_ssd320", "--results", str(RECORDS)],
    "reid": ["reid", "--protocol", "reid/market1501_p3", "--sort", "rank1", "--results", str(RECORDS)],
    "published": ["classification", "--published", "--architecture", "*DARTS*", "--sort", "params_m", "--descending"],
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("form", ["markdown", "latex", "csv", "html", "json"])
def test_a_table_prints_what_it_did(case: str, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", *CASES[case], "--format", form]) == 0
    assert capsys.readouterr().out == (FROZEN / f"{case}.{form}").read_text(encoding="utf-8")
