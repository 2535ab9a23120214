"""A table as one HTML `table` element that stands for itself; a cell's `data-value` is what to sort it by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape

from bench.tables.build import Table, TableCell
from bench.tables.columns import Column
from bench.tables.rows import Row

#: Gives where a row's cell under a column leads to; empty leads nowhere.
CellLink = Callable[[Row, Column], str]


def as_html(table: Table, link: CellLink = lambda row, column: "") -> str:
    return "\n".join(_lines(table, link)) + "\n"


def _lines(table: Table, link: CellLink) -> Iterator[str]:
    yield f'<table class="wildnas" data-task="{escape(table.task)}">'
    yield f"<caption>{escape(table.title)}</caption>"
    heads = "".join(f'<th scope="col" data-key="{column.key}">{escape(column.title)}</th>' for column in table.columns)
    yield f"<thead><tr>{heads}</tr></thead>"
    for group in table.groups:
        yield "<tbody>"
        if group.heading:
            head = f'<th scope="rowgroup" colspan="{len(table.columns)}">{escape(group.heading)}</th>'
            yield f'<tr class="group">{head}</tr>'
        for row, cells in group.rows:
            kind = "published" if row.published else "measured reduced" if row.reduced else "measured"
            shown = "".join(_cell(row, cells, column, link) for column in table.columns)
            yield f'<tr class="{kind}">{shown}</tr>'
        yield "</tbody>"
    if table.notes:
        notes = "<br>".join(escape(note) for note in table.notes)
        yield f'<tfoot><tr><td colspan="{len(table.columns)}">{notes}</td></tr></tfoot>'
    yield "</table>"


def _cell(row: Row, cells: dict[str, TableCell], column: Column, link: CellLink) -> str:
    cell, number = cells[column.key], row.numbers.get(column.key)
    text = f"<strong>{escape(cell.text)}</strong>" if cell.best else escape(cell.text)
    where = link(row, column) if cell.text else ""
    if where:
        text = f'<a href="{escape(where)}">{text}</a>'
    if column.key == "architecture":
        return f'<th scope="row">{text}</th>'
    value = f' data-value="{number.value!r}"' if number is not None and number.value is not None else ""
    return f"<td{value}>{text}</td>"
