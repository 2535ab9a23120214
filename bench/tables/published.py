"""The papers' rows: `results/published/*.csv`, one file a table, read and checked line by line.

A published number stays as it is printed; a cell that the paper leaves empty is empty. Where two tables print different
numbers for the same thing, both rows stand, each with its source.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ValidationError, model_validator

from backbones import zoo
from backbones.errors import InputError
from backbones.files import read_text
from bench.records.bounds import confirm_bounded
from bench.tables.numbers import Number, printed
from bench.tables.rows import Row
from search.configs import Schema, first_problem


def _number(text: Any) -> Number | None:
    return printed(text) if text else None


def _percent(number: Number | None) -> Number | None:
    if number is not None and number.value is not None and not 0 < number.value < 100:
        raise ValueError(f"{number.text} is no percentage")
    return number


def _positive(number: Number | None) -> Number | None:
    if number is not None and number.value is not None and number.value <= 0:
        raise ValueError(f"{number.text} is not more than 0")
    return number


def _flag(text: Any) -> bool:
    if text not in ("yes", "no"):
        raise ValueError(f"{text!r} is neither yes nor no")
    return bool(text == "yes")


#: The largest file of published rows, in bytes.
LARGEST = 16 << 20

Count = Annotated[Number | None, BeforeValidator(_number)]
Quantity = Annotated[Number | None, BeforeValidator(_number), AfterValidator(_positive)]
Percent = Annotated[Number | None, BeforeValidator(_number), AfterValidator(_percent)]
Flag = Annotated[bool, BeforeValidator(_flag)]


class PublishedRow(Schema):
    """What every published row says.

    Attributes:
        table: where it stands: `Table 3`, `Section 5.2.2`, `Table 1, footnote †`.
        group: the part of the table, in the paper's words.
        protocol: the protocol here that the row stands beside, or empty where there is none.
        architecture: as the paper prints it, the citation apart (`cited`).
        zoo: the zoo's entry of the same cells, or empty.
        comparable: whether that entry under that protocol is the very network that the numbers are of.
        footnote: the paper's; `note`: what the transcription adds.
    """

    task: Literal["classification", "detection", "reid", "search"]
    paper: Literal["PC-DARTS", "P-DARTS"]
    table: str
    group: str
    protocol: str
    architecture: str
    cited: str = ""
    zoo: str = ""
    comparable: Flag = False
    method: str = ""
    footnote: str
    note: str

    @model_validator(mode="after")
    def _names_are_known(self) -> PublishedRow:
        if self.protocol and not self.protocol.startswith(f"{self.task}/"):
            raise ValueError(f"protocol {self.protocol!r} is not one of task {self.task!r}")
        if self.zoo and self.zoo not in zoo.names():
            raise ValueError(f"zoo has no {self.zoo!r}")
        if self.comparable and not (self.zoo and self.protocol):
            raise ValueError("comparable needs an entry of the zoo and a protocol")
        return self

    @property
    def source(self) -> str:
        return f"{self.paper} {self.table}"


class PublishedClassification(PublishedRow):
    """PC-DARTS Tables 1 and 2, P-DARTS Tables 1 and 3: errors in %, cost in GPU-days."""

    task: Literal["classification"]
    top1_error: Percent
    top1_error_std: Percent
    top5_error: Percent
    params_m: Quantity
    macs_m: Quantity
    search_cost: Quantity


class PublishedDetection(PublishedRow):
    """PC-DARTS Table 5, P-DARTS Table 4: average precisions in %, multiply-adds in billions."""

    task: Literal["detection"]
    network: str
    input_size: Quantity
    macs_b: Quantity
    ap: Percent
    ap50: Percent
    ap75: Percent
    aps: Percent
    apm: Percent
    apl: Percent


class PublishedReid(PublishedRow):
    """P-DARTS Table 5: rank-1 and mAP in %."""

    task: Literal["reid"]
    parts: Quantity
    feature_dim: Quantity
    macs_m: Quantity
    rank1: Percent
    map: Percent


class PublishedSearch(PublishedRow):
    """Ablations, stability, diagnostic experiments, cost and memory of searches.

    Attributes:
        setting: what sets the search apart, in the paper's words.
        evaluation: the protocol by which the found architecture's `test_error` was measured.
        skip_count: skip connections in the normal cell (P-DARTS' M).
    """

    task: Literal["search"]
    setting: str
    evaluation: str
    test_error: Percent
    test_error_std: Percent
    test_error_min: Percent
    test_error_max: Percent
    test_error_spread: Percent
    params_m: Quantity
    skip_count: Count
    search_cost: Quantity
    hours: Quantity
    devices: str
    memory_gb: Quantity
    memory_stage1_gb: Quantity
    memory_stage2_gb: Quantity
    memory_stage3_gb: Quantity


SCHEMAS: dict[str, type[PublishedRow]] = {
    "classification": PublishedClassification,
    "detection": PublishedDetection,
    "reid": PublishedReid,
    "search": PublishedSearch,
}


def published_root() -> Path:
    """The folder of the papers' tables: in a checkout `results/published/`, in an installation `bench/published/`."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "published"
    return installed if installed.is_dir() else package.parent / "results" / "published"


@cache
def published_rows(task: str) -> tuple[Row, ...]:
    """The papers' rows of one task, in the order of the files' names and then the papers' own."""
    return tuple(as_row(row) for row in _all_published()[0] if row.task == task)


def published_problems() -> tuple[str, ...]:
    """What is wrong with each file of published rows that could not be read; it is left out as a whole."""
    return _all_published()[1]


@cache
def _all_published() -> tuple[tuple[PublishedRow, ...], tuple[str, ...]]:
    rows: list[PublishedRow] = []
    problems = []
    for file in sorted(published_root().glob("*.csv")):
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
    reader = csv.DictReader(io.StringIO(read_text(file, LARGEST), newline=""))
    try:
        if not reader.fieldnames or "task" not in reader.fieldnames:
            raise InputError(f"{file}: has no header; expected a first line with the columns' names, task among them")
        rows = list(enumerate(reader, start=2))
    except csv.Error as error:
        raise InputError(f"{file}: not a CSV file: {error}") from error
    if not rows:
        raise InputError(f"{file}: has a header and no row below it")
    for line, cells in rows:
        schema = SCHEMAS.get(cells.get("task") or "")
        if schema is None:
            raise InputError(f"{file}: line {line}: key 'task': is none of {', '.join(SCHEMAS)}")
        if None in cells:
            raise InputError(f"{file}: line {line}: has more cells than the header has columns")
        try:
            confirm_bounded(cells, f"line {line}")
            yield schema.model_validate(cells)
        except ValidationError as error:
            raise InputError(f"{file}: line {line}: {first_problem(error, schema)}") from error
        except ValueError as error:
            raise InputError(f"{file}: {error}") from error


#: What is shown together with another number, or is no number.
_PARTS = ("_std", "_min", "_max")


def as_row(row: PublishedRow) -> Row:
    """A published row as a row of a table, its numbers as they are printed."""
    values = {key: getattr(row, key) for key in type(row).model_fields}
    numbers = {key: value for key, value in values.items() if isinstance(value, Number) and not key.endswith(_PARTS)}
    for key in values:
        shown = _shown(values, key) if f"{key}_std" in values else None
        if shown is not None:
            numbers[key] = shown
    labels = {key: value for key, value in values.items() if isinstance(value, str) and value}
    labels["source"] = row.source
    digest = zoo.get(row.zoo).genotype.digest if row.zoo else None
    return Row(row.task, labels, numbers, digest, published=row)


def _shown(values: dict[str, Any], key: str) -> Number | None:
    """A number with its deviation; of a range or of a deviation alone, the text alone."""
    value, deviation = values[key], values[f"{key}_std"]
    low, high = values.get(f"{key}_min"), values.get(f"{key}_max")
    if value is not None:
        return printed(value.text, deviation.text if deviation else "")
    if deviation is not None:
        return Number(None, f"± {deviation.text}", deviation.value)
    return Number(None, f"{low.text}–{high.text}") if low is not None and high is not None else None
