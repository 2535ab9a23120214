"""The papers' rows: `results/published/*.csv`, one file a table, read and checked line by line.

A published number stays as it is printed; a cell that the paper leaves empty is empty. Where two tables print different
numbers for the same thing, both rows stand, each with its source.
"""

from __future__ import annotations

import csv
import filecmp
import io
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from backbones.errors import InputError
from backbones.files import read_text
from backbones.zoo import own as own_zoo
from bench.records.bounds import confirm_bounded
from bench.records.studies import MANIFEST
from bench.tables.numbers import Number, printed
from bench.tables.papers import PARTS, PublishedRow, base_of, is_number
from bench.tables.rows import Row, Rows
from search.configs import first_problem

#: The tasks that papers have tables of.
PAPER_TASKS = ("classification", "detection", "reid", "search")

#: The largest file of published rows, in bytes.
LARGEST_TABLE = 16 << 20


def published_root() -> Path:
    """The folder of the papers' tables: in a checkout `results/published/`, in an installation `bench/published/`."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "published"
    return installed if installed.is_dir() else package.parent / "results" / "published"


#: Readable rows, and a line for each file that is left out because it cannot be read.
Published = tuple[tuple[PublishedRow, ...], tuple[str, ...]]


def published_rows(task: str, results: Path | None = None) -> Rows:
    """The published rows of one task, in the order of the files' names and then of their lines.

    Args:
        results: a results folder, whose `published/` is read beside the tables that come with the package.
    """
    return Rows(as_row(row) for rows, _ in _published(results) for row in rows if row.task == task)


def published_problems(results: Path | None = None) -> tuple[str, ...]:
    """A line for each file of published rows that could not be read."""
    return tuple(problem for _, problems in _published(results) for problem in problems)


def _published(results: Path | None) -> Iterator[Published]:
    # A study is shown by itself.
    if results is None or not (results / MANIFEST).is_file():
        yield _shipped()
    own = None if results is None else results / "published"
    if own is not None and own.is_dir() and own.resolve() != published_root().resolve():
        yield _published_below(own)


def _is_shipped(file: Path) -> bool:
    """Whether a file of a user's folder is a copy of a shipped table, whose rows would stand there twice."""
    shipped = published_root() / file.name
    if shipped == file or not shipped.is_file():
        return False
    try:
        return filecmp.cmp(file, shipped, shallow=False)
    except OSError:
        # It is named as unreadable when it is read.
        return False


@cache
def _shipped() -> Published:
    return _published_below(published_root())


def _published_below(folder: Path) -> Published:
    rows: list[PublishedRow] = []
    problems = []
    for file in sorted(folder.glob("*.csv")):
        if _is_shipped(file):
            continue
        try:
            rows += list(read_published(file))
        except InputError as error:
            problems.append(str(error))
    return tuple(rows), tuple(problems)


def read_published(file: Path) -> Iterator[PublishedRow]:
    """Read one table.

    Raises:
        InputError: a column or a cell that cannot be used; names file, line and column.
    """
    # A spreadsheet may begin a file with a byte order mark.
    reader = csv.DictReader(io.StringIO(read_text(file, LARGEST_TABLE, "utf-8-sig"), newline=""))
    try:
        if not reader.fieldnames or "task" not in reader.fieldnames:
            raise InputError(f"{file}: has no header; expected a first line with the columns' names, task among them")
        rows = list(enumerate(reader, start=2))
    except csv.Error as error:
        raise InputError(f"{file}: not a CSV file: {error}") from error
    if not rows:
        raise InputError(f"{file}: has a header and no row below it")
    for line, cells in rows:
        if None in cells:
            raise InputError(f"{file}: line {line}: more cells than the first line names columns")
        try:
            confirm_bounded(cells, f"line {line}")
            yield PublishedRow.model_validate({key: cell or "" for key, cell in cells.items() if key})
        except ValidationError as error:
            raise InputError(f"{file}: line {line}: {first_problem(error, PublishedRow)}") from error
        except ValueError as error:
            raise InputError(f"{file}: {error}") from error


def as_row(row: PublishedRow) -> Row:
    """A published row as a row of a table, with its numbers as printed."""
    numbers = {key: value for key, value in row.others.items() if isinstance(value, Number)}
    for key in {base_of(key): None for key in numbers if key.endswith(PARTS) and is_number(key)}:
        shown = _shown(numbers.get(key), *(numbers.pop(f"{key}{part}", None) for part in PARTS))
        if shown is not None:
            numbers[key] = shown
    labels = {**row.words, **{key: value for key, value in row.others.items() if isinstance(value, str)}}
    labels["source"] = row.source
    digest = own_zoo.find(row.zoo).digest if row.zoo else None
    return Row(row.task, labels, numbers, digest, published=row)


def _shown(value: Number | None, deviation: Number | None, low: Number | None, high: Number | None) -> Number | None:
    """A number with its deviation; of a range or of a deviation alone, the text alone."""
    if value is not None:
        return printed(value.text, deviation.text if deviation else "")
    if deviation is not None:
        return Number(None, f"± {deviation.text}", deviation.value)
    return Number(None, f"{low.text}–{high.text}") if low is not None and high is not None else None
