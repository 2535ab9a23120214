"""The formats of a table: templates for text to read, pandas for data; equal tables give equal bytes.

Data has a column for each key: a metric `m` has `m` (the mean over seeds), `m_std`, `m_best` and `m_difference`.
Numbers of measured rows are not rounded, and a hole is empty or null.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from backbones.errors import InputError
from backbones.files import replacing, write_text
from bench.console.visible import harmless_cell, visible
from bench.tables.columns import Column
from bench.tables.rows import Row
from bench.tables.table import Group, Table

if TYPE_CHECKING:
    from jinja2 import Environment

#: Returns where a row's cell under a column leads to; empty leads nowhere.
CellLink = Callable[[Any, Column], str]

#: Formats that are text; `parquet` is a file.
FORMATS = ("markdown", "latex", "csv", "html", "json")

_LABELS = "protocol source group architecture cited network setting evaluation devices metric"
_LAST = ("method", "footnote", "note")

#: What LaTeX would take for a command, and what its fonts have in math mode only.
_ESCAPES = {
    **{letter: f"\\{letter}" for letter in "{}$&#%_"},
    **{letter: f"{{{letter}}}" for letter in "[]"},
    **{letter: f"${letter}$" for letter in "<>|"},
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"$\sim$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "−": "$-$",
    "≤": r"$\leq$",
    "Δ": r"$\Delta$",
    "†": r"$\dagger$",
    "‡": r"$\ddagger$",
    "✓": r"$\surd$",
    "✗": r"$\times$",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "–": "--",
    "…": r"\ldots{}",
    "·": r"$\cdot$",
}


def render(table: Table, form: str) -> str:
    """The table in one of `FORMATS`, ending in a line break.

    Raises:
        InputError: a format that is no text.
    """
    if form == "parquet":
        raise InputError("parquet: is no text; give a file to write it to (out)")
    if form == "csv":
        return as_csv(table)
    if form == "json":
        return as_json(table)
    return as_html(table) if form == "html" else _rendered(form, table=table)


def as_html(table: Table, link: CellLink = lambda row, column: "") -> str:
    """The table as one HTML `table` element that stands for itself; a cell's `data-value` is what to sort it by."""
    return _rendered("html", table=table, link=link)


def save_table(table: Table, stem: Path) -> None:
    """Write `<stem>.md` and `<stem>.csv`; each appears whole or not at all."""
    for suffix, form in ((".md", "markdown"), (".csv", "csv")):
        write_text(stem.with_suffix(suffix), render(table, form))


def save(table: Table, file: Path, form: str) -> None:
    """Write the table to a file: one of `FORMATS`, or `parquet`.

    In Parquet numbers are numbers, and the digits that are shown stand beside them under `<key>_text`.

    Raises:
        InputError: pyarrow is not installed, or the file cannot be written.
    """
    try:
        if form != "parquet":
            return write_text(file, render(table, form))
        frame, numbers = data_frame(table), _number_keys(table)
        frame[numbers] = table.rows.exact(numbers)
        frame = frame.join(table.rows.texts(numbers).add_suffix("_text"))
        with replacing(file) as partial:
            frame.convert_dtypes().to_parquet(partial, index=False, engine="pyarrow")
    except ImportError as error:
        raise InputError("parquet: needs pyarrow; `pip install 'wildnas[parquet]'` installs it") from error
    except OSError as error:
        raise InputError(f"{file}: cannot be written: {error.strerror or error}") from error


def as_csv(table: Table) -> str:
    """The data as CSV; no spreadsheet runs a cell as a formula."""
    frame = data_frame(table).map(_plain).rename(columns=harmless_cell)
    return str(frame.to_csv(index=False, lineterminator="\n"))


def as_json(table: Table) -> str:
    """The data as JSON, with the columns that are shown and the notes."""
    content = {
        "task": table.task,
        "title": table.title,
        "columns": [
            {"key": column.key, "head": column.head, "unit": column.unit, "higher_is_better": column.higher_is_better}
            for column in table.columns
        ],
        "rows": data_frame(table).to_dict("records"),
        "notes": list(table.notes),
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def data_frame(table: Table) -> pd.DataFrame:
    """Every row with every column that some row has, in a fixed order; None for a hole.

    A number that a paper prints as a bound, a range or approximate is its text.
    """
    rows, numbers = table.rows, _number_keys(table)
    others = {key for row in rows if row.published for key in row.published.others} - set(numbers)
    held = rows.held
    frame = pd.DataFrame({"published": [row.published is not None for row in rows]})
    frame["reduced"] = ["; ".join(row.reduced) for row in rows]
    frame = frame.join(
        rows.texts(key for key in (*_LABELS.split(), *sorted(others)) if key in held and key not in numbers)
    )
    for key in numbers:
        frame[key] = pd.Series([_value(row, key) for row in rows], dtype=object)
        deviations = [row.numbers[key].deviation if key in row.numbers else None for row in rows]
        if any(deviation is not None for deviation in deviations):
            frame[f"{key}_std"] = pd.Series(deviations, dtype=object)
    return frame.join(rows.texts(key for key in _LAST if key in held)).astype(object)


def _value(row: Row, key: str) -> float | str | None:
    number = row.numbers.get(key)
    if number is None or number.value is None or not number.exact:
        return row.text(key) or None
    # A number that is shown without a point is a whole one.
    return int(number.value) if number.text.isdigit() else number.value


def _number_keys(table: Table) -> list[str]:
    """The numbers' columns, in the order of the table's and with what belongs to a metric behind it."""
    held = table.rows.numeric
    shown = [f"{column.key}{end}" for column in table.columns for end in ("", "_best", "_difference")]
    # Behind them those that the table has as headings of its groups, or not at all.
    return list(dict.fromkeys(key for key in (*shown, *sorted(held)) if key in held))


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return repr(round(value, 10))
    return "" if value is None else harmless_cell(str(value))


def _rendered(form: str, **content: Any) -> str:
    templates = environment("bench.tables", autoescape=form == "html", latex=form == "latex")
    text: str = templates.get_template(f"table.{form}").render(grid=_grid, **content)
    return text.rstrip("\n") + "\n"


@cache
def environment(package: str, autoescape: bool = True, latex: bool = False) -> Environment:
    """The templates of a package; those of LaTeX, which is full of braces, have other marks."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    marks = ("<%", "%>", "<<", ">>", "<#", "#>") if latex else ("{%", "%}", "{{", "}}", "{#", "#}")
    found = Environment(
        *marks, loader=PackageLoader(package), autoescape=autoescape, undefined=StrictUndefined, trim_blocks=True
    )
    found.filters |= {"tex": escaped, "cell": _markdown, "note": _markdown_note}
    return found


def _grid(table: Table, group: Group) -> list[list[str]]:
    """The group as padded cells of Markdown, without columns that it has nothing for."""
    measured = any(row.records for row, _ in group.rows)
    columns = [
        column
        for column in table.columns
        if (column.always and measured) or any(cells[column.key].text for _, cells in group.rows)
    ]
    lines = [[_markdown(column.title) for column in columns]]
    lines += [[_markdown(cells[column.key].text) for column in columns] for _, cells in group.rows]
    widths = [max(3, *map(len, column)) for column in zip(*lines, strict=True)]
    rule = ["-" * (width - 1) + ("-:"[column.numeric]) for column, width in zip(columns, widths, strict=True)]
    return [
        [text.ljust(width) for text, width in zip(line, widths, strict=True)] for line in (lines[0], rule, *lines[1:])
    ]


def _markdown(text: str) -> str:
    """Without what would end a cell or start markup."""
    escaped = re.sub(r"([\\|*`])", r"\\\1", visible(text))
    # A link, or a picture that would be fetched.
    escaped = re.sub(r"\](?=[(\[:])", r"\\]", escaped)
    escaped = re.sub(r"<(?=[A-Za-z/!?])", "&lt;", escaped)
    # Two tildes in one cell strike out what is between them.
    return " ".join((escaped.replace("~", "\\~") if escaped.count("~") > 1 else escaped).split())


def _markdown_note(text: str) -> str:
    """A note, which stands at the beginning of a line, where a heading, a list or a quotation would begin."""
    return re.sub(r"^([#>+-]|\d+[.)])(?=\s|$)", r"\\\1", _markdown(text))


def escaped(text: str) -> str:
    """The text for LaTeX; a character that its usual fonts may lack is written as its code point."""
    return "".join(_ESCAPES.get(letter) or _letter(letter) for letter in " ".join(visible(text).split()))


def _letter(letter: str) -> str:
    # Latin-1's letters are known to any LaTeX that reads UTF-8.
    known = letter.isascii() or "À" <= letter <= "ÿ"
    return letter if known else rf"\texttt{{U+{ord(letter):04X}}}"
