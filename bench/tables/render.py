"""The forms that a table can be printed in; equal tables give equal bytes."""

from __future__ import annotations

from pathlib import Path

from backbones.files import write_text
from bench.tables.build import Table
from bench.tables.html import as_html
from bench.tables.latex import as_latex
from bench.tables.markdown import as_markdown
from bench.tables.plain_rows import as_csv, as_json

_WRITERS = {"markdown": as_markdown, "latex": as_latex, "csv": as_csv, "html": as_html, "json": as_json}

FORMATS = tuple(_WRITERS)


def render(table: Table, form: str) -> str:
    """The table as one of `FORMATS`, ending in a line break."""
    return _WRITERS[form](table)


def save_table(table: Table, stem: Path) -> None:
    """Write `<stem>.md` and `<stem>.csv`; each appears whole or not at all."""
    for suffix, form in ((".md", "markdown"), (".csv", "csv")):
        write_text(stem.with_suffix(suffix), render(table, form))
