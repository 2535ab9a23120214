"""A table as Markdown: a heading, one pipe table for every group, and the notes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bench.console.visible import visible
from bench.tables.build import Group, Table


def as_markdown(table: Table) -> str:
    lines = [f"### {_escaped(table.title)}", ""]
    for group in table.groups:
        if group.heading:
            lines += [f"#### {_escaped(group.heading)}", ""]
        lines += [*_pipes(table, group), ""]
    lines += [line for note in table.notes for line in (_escaped_note(note), "")]
    return "\n".join(lines[:-1]) + "\n"


def _pipes(table: Table, group: Group) -> list[str]:
    """The group's table, without columns that it has nothing for, padded so that it can be read as it is."""
    measured = any(row.records for row, _ in group.rows)
    columns = [
        column
        for column in table.columns
        if (column.always and measured) or any(cells[column.key].text for _, cells in group.rows)
    ]
    body = [[_escaped(cells[column.key].text) for column in columns] for _, cells in group.rows]
    head = [_escaped(column.title) for column in columns]
    widths = [max(3, *(len(line[place]) for line in (head, *body))) for place in range(len(columns))]
    rule = [
        f"{'-' * (width - 1)}{':' if column.numeric else '-'}" for column, width in zip(columns, widths, strict=True)
    ]
    lines = [_line(head, widths), _line(rule, widths)]
    return [*lines, *(_line(line, widths) for line in body)]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"


def _escaped(text: str) -> str:
    """Without what would end a cell or start markup."""
    escaped = re.sub(r"([\\|*`])", r"\\\1", visible(text))
    # A link, or a picture that would be fetched.
    escaped = re.sub(r"\](?=[(\[:])", r"\\]", escaped)
    escaped = re.sub(r"<(?=[A-Za-z/!?])", "&lt;", escaped)
    # Two tildes in one cell strike out what is between them.
    return " ".join((escaped.replace("~", "\\~") if escaped.count("~") > 1 else escaped).split())


def _escaped_note(text: str) -> str:
    """A note, which stands at the beginning of a line, where a heading, a list or a quotation would begin."""
    return re.sub(r"^([#>+-]|\d+[.)])(?=\s|$)", r"\\\1", _escaped(text))
