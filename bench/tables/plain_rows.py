"""A table as data: CSV and JSON, one row each, columns by their keys, numbers of measured rows unrounded.

A metric `m` has `m` (the mean of the seeds), `m_std`, `m_best` and `m_difference`. A hole is empty, or null.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from bench.console.visible import harmless_cell
from bench.tables.build import Table
from bench.tables.numbers import Number
from bench.tables.rows import Row

_LABELS = (
    "protocol",
    "source",
    "group",
    "architecture",
    "cited",
    "network",
    "setting",
    "evaluation",
    "devices",
    "metric",
)
_LAST = ("method", "footnote", "note")


def as_csv(table: Table) -> str:
    rows = data_rows(table)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    keys = list(rows[0]) if rows else []
    writer.writerow(keys)
    for row in rows:
        writer.writerow(_text(row[key]) for key in keys)
    return stream.getvalue()


def as_json(table: Table) -> str:
    content = {
        "task": table.task,
        "title": table.title,
        "columns": [
            {"key": column.key, "head": column.head, "unit": column.unit, "higher_is_better": column.higher_is_better}
            for column in table.columns
        ],
        "rows": data_rows(table),
        "notes": list(table.notes),
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def data_rows(table: Table) -> list[dict[str, Any]]:
    """Every row with every column that some row has, in a fixed order."""
    rows = table.rows
    labels = [key for key in _LABELS if any(key in row.labels for row in rows)] + _other_labels(rows)
    last = [key for key in _LAST if any(row.labels.get(key) for row in rows)]
    numbers = _number_keys(table)
    deviating = {key for row in rows for key, number in row.numbers.items() if number.deviation is not None}
    return [_data_row(row, labels, numbers, deviating, last) for row in rows]


def _other_labels(rows: Sequence[Row]) -> list[str]:
    """Columns of words that a table of some other paper has beside the known ones."""
    others = {key for row in rows if row.published is not None for key in row.published.others}
    return sorted(key for key in others if any(key in row.labels for row in rows))


def _number_keys(table: Table) -> list[str]:
    """The numbers' columns, in the order of the table's and with what belongs to a metric behind it."""
    held = {key: None for row in table.rows for key in row.numbers}
    keys: dict[str, None] = {}
    for column in table.columns:
        if column.key in held:
            keys[column.key] = None
            keys |= {key: None for key in (f"{column.key}_best", f"{column.key}_difference") if key in held}
    # Those that the table has as headings of its groups, or not at all.
    return [*keys, *(key for key in sorted(held) if key not in keys)]


def _data_row(row: Row, labels: list[str], numbers: list[str], deviating: set[str], last: list[str]) -> dict[str, Any]:
    content: dict[str, Any] = {"published": row.published is not None, "reduced": "; ".join(row.reduced)}
    content |= {key: row.labels.get(key, "") for key in labels}
    for key in numbers:
        number = row.numbers.get(key)
        content[key] = None if number is None else _value(number)
        if key in deviating:
            content[f"{key}_std"] = None if number is None else number.deviation
    return content | {key: row.labels.get(key, "") for key in last}


def _value(number: Number) -> float | str:
    """The value; where the paper prints a bound, a range or `about`, its words."""
    return number.value if number.exact and number.value is not None else number.text


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return repr(round(value, 10))
    return "" if value is None else harmless_cell(str(value))
