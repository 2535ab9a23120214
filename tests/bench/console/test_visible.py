"""Texts from files, as a terminal, a spreadsheet and a Markdown page get them."""

from __future__ import annotations

import csv
import io

import pytest

from bench.console.visible import harmless_cell, visible
from bench.tables import render
from bench.tables.table import Table


def test_control_characters_are_spelt_out() -> None:
    assert visible("a\x1b[2Jb\x00\u202ec\ud800") == r"a\x1b[2Jb\x00\u202ec\ud800"
    assert visible("α ± 3\tb\n") == "α ± 3\tb\n"


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-x", "@SUM(A1)", "\t=1", " =1", "\r=1", "\uff1d1"])
def test_a_spreadsheet_runs_no_cell(text: str) -> None:
    stream = io.StringIO()
    csv.writer(stream).writerow([harmless_cell(text)])
    (row,) = csv.reader(io.StringIO(stream.getvalue()))
    assert row[0].startswith("'")


@pytest.mark.parametrize("text", ["", "-0.5", "+3", "1e-05", "PC-DARTS", "a=b"])
def test_other_cells_stay(text: str) -> None:
    assert harmless_cell(text) == text


def test_notes_of_a_table_are_no_markup() -> None:
    notes = ("# heading", "![a](http://192.0.2.1)", "<b>", "1. list", "`code`", "[2] P-DARTS' note")
    text = render(Table("reid", "t", (), (), notes, "l"), "markdown")
    lines = text.splitlines()
    assert r"\# heading" in lines
    assert r"!\[a\](http://192.0.2.1)" in lines or r"![a\](http://192.0.2.1)" in lines
    assert "&lt;b>" in lines
    assert r"\`code\`" in lines
    assert "[2] P-DARTS' note" in lines
