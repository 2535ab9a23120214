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
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from backbones import zoo
from backbones.errors import InputError
from backbones.files import read_text
from backbones.zoo import own as own_zoo
from bench.records.bounds import confirm_bounded
from bench.tables.numbers import PRINTED, Number, printed
from bench.tables.rows import Row, Rows
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
LARGEST_TABLE = 16 << 20

Count = Annotated[Number | None, BeforeValidator(_number)]
Quantity = Annotated[Number | None, BeforeValidator(_number), AfterValidator(_positive)]
Percent = Annotated[Number | None, BeforeValidator(_number), AfterValidator(_percent)]
Flag = Annotated[bool, BeforeValidator(_flag)]


#: Columns that wildnas fills in.
_RESERVED = {"source", "seeds", "published", "reduced", "compared"}


class PublishedRow(Schema):
    """Columns of every published row; unknown columns are kept (`others`).

    Attributes:
        table: where it stands: `Table 3`, `Section 5.2.2`, `Table 1, footnote †`.
        group: the part of the table, in the paper's words.
        protocol: the protocol here that the row stands beside, or empty where there is none.
        architecture: as the paper prints it, the citation apart (`cited`).
        zoo: the zoo's entry of the same cells, or empty.
        timm: timm's model of the same network, or empty: `timm:NAME` is what `wildnas evaluate` takes.
        identity: one name for one network, however the tables print it; empty for searches.
        comparable: whether that entry under that protocol is the very network that the numbers are of.
        footnote: the paper's; `note`: what the transcription adds.
    """

    model_config = ConfigDict(extra="allow")

    task: Literal["classification", "detection", "reid", "search"]
    paper: Annotated[str, Field(min_length=1)]
    table: str = ""
    group: str = ""
    protocol: str = ""
    architecture: Annotated[str, Field(min_length=1)]
    cited: str = ""
    zoo: str = ""
    timm: str = ""
    identity: str = ""
    comparable: Flag = False
    method: str = ""
    footnote: str = ""
    note: str = ""

    @model_validator(mode="after")
    def _names_are_known(self) -> PublishedRow:
        for key in _RESERVED & (self.model_extra or {}).keys():
            raise ValueError(f"column {key!r} is filled in by wildnas; give it another name")
        if self.protocol and not self.protocol.startswith(f"{self.task}/"):
            raise ValueError(f"protocol {self.protocol!r} is not one of task {self.task!r}")
        if self.zoo and self.zoo not in zoo.names() and self.zoo not in own_zoo.files():
            raise ValueError(f"zoo has no {self.zoo!r}")
        if self.zoo and self.timm:
            raise ValueError("a network is an entry of the zoo or a model of timm: one of both is empty")
        if self.comparable and not (self.zoo and self.protocol):
            raise ValueError("comparable needs an entry of the zoo and a protocol")
        return self

    @property
    def source(self) -> str:
        return f"{self.paper} {self.table}".rstrip()

    @property
    def others(self) -> dict[str, str | Number]:
        """The columns that no schema knows and this row has something in: a number where it is printed as one."""
        cells = {key: value for key, value in (self.model_extra or {}).items() if isinstance(value, str) and value}
        return {key: printed(value) if PRINTED.fullmatch(value) else value for key, value in cells.items()}


class PublishedClassification(PublishedRow):
    """PC-DARTS Tables 1 and 2, P-DARTS Tables 1 and 3: errors in %, cost in GPU-days."""

    task: Literal["classification"]
    top1_error: Percent = None
    top1_error_std: Percent = None
    top5_error: Percent = None
    params_m: Quantity = None
    macs_m: Quantity = None
    search_cost: Quantity = None


class PublishedDetection(PublishedRow):
    """PC-DARTS Table 5, P-DARTS Table 4: average precisions in %, multiply-adds in billions."""

    task: Literal["detection"]
    network: str = ""
    input_size: Quantity = None
    macs_b: Quantity = None
    ap: Percent = None
    ap50: Percent = None
    ap75: Percent = None
    aps: Percent = None
    apm: Percent = None
    apl: Percent = None


class PublishedReid(PublishedRow):
    """P-DARTS Table 5: rank-1 and mAP in %."""

    task: Literal["reid"]
    parts: Quantity = None
    feature_dim: Quantity = None
    macs_m: Quantity = None
    rank1: Percent = None
    map: Percent = None


class PublishedSearch(PublishedRow):
    """Ablations, stability, diagnostic experiments, cost and memory of searches.

    Attributes:
        setting: what sets the search apart, in the paper's words.
        evaluation: the protocol by which the found architecture's `test_error` was measured.
        accuracy_gain: points of top-1 accuracy over another method (PC-DARTS 3.4).
        skip_count: skip connections in the normal cell (P-DARTS' M).
        kept_edges: edges of the normal cell whose best operation stays the best, of 14 (P-DARTS' footnote 1).
        shallow_edges: edges of the normal cell of connection level 1 or 2, of 8 (P-DARTS 5.2.1).
        speed_up: how many times as fast as another search. `training_days`: of one of the found networks.
    """

    task: Literal["search"]
    setting: str = ""
    evaluation: str = ""
    test_error: Percent = None
    test_error_std: Percent = None
    test_error_min: Percent = None
    test_error_max: Percent = None
    test_error_spread: Percent = None
    accuracy_gain: Percent = None
    params_m: Quantity = None
    skip_count: Count = None
    skip_count_min: Count = None
    skip_count_max: Count = None
    kept_edges: Quantity = None
    shallow_edges: Quantity = None
    search_cost: Quantity = None
    hours: Quantity = None
    speed_up: Quantity = None
    training_days: Quantity = None
    devices: str = ""
    memory_gb: Quantity = None
    memory_stage1_gb: Quantity = None
    memory_stage2_gb: Quantity = None
    memory_stage3_gb: Quantity = None


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


#: Readable rows, and a line for each file that is left out because it cannot be read.
Published = tuple[tuple[PublishedRow, ...], tuple[str, ...]]


def published_rows(task: str, results: Path | None = None) -> Rows:
    """The published rows of one task, in the order of the files' names and then of their lines.

    Args:
        results: a results folder, whose `published/` is read beside the tables that come with the package.
    """
    return Rows.of(as_row(row) for rows, _ in _published(results) for row in rows if row.task == task)


def published_problems(results: Path | None = None) -> tuple[str, ...]:
    """A line for each file of published rows that could not be read."""
    return tuple(problem for _, problems in _published(results) for problem in problems)


def _published(results: Path | None) -> Iterator[Published]:
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
        schema = SCHEMAS.get(cells.get("task") or "")
        if schema is None:
            raise InputError(f"{file}: line {line}: key 'task': is none of {', '.join(SCHEMAS)}")
        try:
            confirm_bounded(cells, f"line {line}")
            yield schema.model_validate({key: cell or "" for key, cell in cells.items() if key})
        except ValidationError as error:
            raise InputError(f"{file}: line {line}: {first_problem(error, schema)}") from error
        except ValueError as error:
            raise InputError(f"{file}: {error}") from error


#: Suffixes of numbers that are shown with another one.
_PARTS = ("_std", "_min", "_max")


def as_row(row: PublishedRow) -> Row:
    """A published row as a row of a table, with its numbers as printed."""
    values = {key: getattr(row, key) for key in type(row).model_fields}
    numbers = {key: value for key, value in values.items() if isinstance(value, Number) and not key.endswith(_PARTS)}
    for key in values:
        shown = _shown(values, key) if any(f"{key}{part}" in values for part in _PARTS) else None
        if shown is not None:
            numbers[key] = shown
    labels = {key: value for key, value in values.items() if isinstance(value, str) and value}
    for key, value in row.others.items():
        if isinstance(value, Number):
            numbers[key] = value
        else:
            labels[key] = value
    labels["source"] = row.source
    digest = own_zoo.find(row.zoo).digest if row.zoo else None
    return Row(row.task, labels, numbers, digest, published=row)


def _shown(values: dict[str, Any], key: str) -> Number | None:
    """A number with its deviation; of a range or of a deviation alone, the text alone."""
    value, deviation = values[key], values.get(f"{key}_std")
    low, high = values.get(f"{key}_min"), values.get(f"{key}_max")
    if value is not None:
        return printed(value.text, deviation.text if deviation else "")
    if deviation is not None:
        return Number(None, f"± {deviation.text}", deviation.value)
    return Number(None, f"{low.text}–{high.text}") if low is not None and high is not None else None
