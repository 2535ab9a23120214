"""A table laid out: which rows it has, in which order and groups, which columns, and which cells are the best."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from itertools import compress
from typing import TYPE_CHECKING, Any

import pandas as pd

from backbones.errors import InputError
from bench.records.record import Record
from bench.tables.columns import Column, columns_of
from bench.tables.improvement import gain_notes, with_gains
from bench.tables.rows import FindRecord, Row, Rows, measured_rows, over_limit
from search.configs import nearest

if TYPE_CHECKING:
    from bench.tasks.contract import Metric

#: Behind the name of an architecture whose runs were not full ones.
REDUCED_MARK = "†"
#: Behind the name of an architecture whose network is too large for its protocol, such as the mobile setting.
LIMIT_MARK = "‡"

#: The labels that each selecting option compares with its patterns.
_SOUGHT = {"protocol": ["protocol"], "architecture": ["architecture", "zoo"], "method": ["method"]}
#: The heading of a group without a value.
_NONE = {"protocol": "no protocol of ours"}


@dataclass(frozen=True)
class TableCell:
    """Content of one cell: its text, whether it is the best of its group, and the number to sort it by."""

    text: str
    best: bool = False
    value: float | None = None


@dataclass(frozen=True)
class Group:
    """Rows under one heading, empty for a table of one group.

    Attributes:
        rows: each `Row`, or what has its `published`, `reduced` and `records`, with its cells by column.
        lines: what is said above the rows.
    """

    heading: str
    rows: tuple[tuple[Any, dict[str, TableCell]], ...]
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """A table ready to be written.

    Attributes:
        columns: in order; the unit of every number is in its column's head.
        notes: why rows that carry a mark were reduced, what differences are to, and the papers' footnotes.
        label: what LaTeX refers to it by.
        rows: the rows, group by group.
    """

    task: str
    title: str
    columns: tuple[Column, ...]
    groups: tuple[Group, ...]
    notes: tuple[str, ...]
    label: str
    rows: Rows = field(default_factory=Rows)


def build_table(
    title: str, records: Iterable[Record], metrics: Sequence[Metric], find_search: FindRecord | None = None
) -> Table:
    """The table of measured rows alone (`measured_rows`)."""
    rows = with_gains(measured_rows(records, metrics, find_search), metrics)
    table = lay_out(title, rows, metrics)
    return replace(table, notes=(*table.notes, *gain_notes(rows, rows)))


def lay_out(
    title: str, rows: Iterable[Row], metrics: Sequence[Metric], group: Sequence[str] = (), wide: bool = False
) -> Table:
    """A table of rows of one task, in their order.

    Args:
        group: the columns whose values are the groups' headings; they are no columns then.
        wide: whether every metric has its best seed and its difference beside it, and not only the first one.
    """
    rows = Rows(rows)
    task = rows[0].task if rows else "classification"
    columns = [column for column in columns_of(task, rows, metrics, wide) if column.key not in group]
    return arrange(task, title, rows, columns, group)


def arrange(task: str, title: str, rows: Rows, columns: Sequence[Column], group: Sequence[str] = ()) -> Table:
    """A table of rows under given columns."""
    codes, headings = pd.factorize(_headings(rows, group))
    order = codes.argsort(kind="stable")
    rows, codes = Rows(rows[place] for place in order), codes[order]
    notes = _Notes()
    best = {column.key: _best(rows, codes, column) for column in columns}
    lines = []
    for place, row in enumerate(rows):
        named = "network" if row.text("network") else "architecture"
        behind = {named: f" ({row.text('cited')})" if row.text("cited") else ""}
        behind["architecture"] = behind.get("architecture", "") + notes.marks(row)
        texts = {key: row.text(key) + behind.get(key, "") for key in best}
        lines.append((row, {key: TableCell(texts[key], best[key][place], row.value(key)) for key in best}))
    groups = [Group(heading, tuple(compress(lines, codes == code))) for code, heading in enumerate(headings)]
    return Table(task, title, tuple(columns), tuple(groups), notes.lines(), f"tab:{task}", rows)


def _headings(rows: Rows, group: Sequence[str]) -> pd.Series:
    """The heading of the group that each row belongs to."""
    return pd.Series([": ".join(row.text(key) or _NONE.get(key, f"(no {key})") for key in group) for row in rows])


def choose(rows: Rows, option: str, patterns: Sequence[str] | None) -> Rows:
    """The rows whose protocol, architecture or method is, or matches, one of the patterns (`*`, `?`, `[…]`).

    Raises:
        InputError: no row matches a pattern; names the nearest.
    """
    if not patterns:
        return rows
    names = [{row.text(key) for key in _SOUGHT[option]} - {""} for row in rows]
    known = sorted(set[str]().union(*names))
    chosen: set[str] = set()
    for pattern in patterns:
        fitting = {name for name in known if fits(name, pattern)}
        if not fitting:
            raise InputError(f"--{option} {pattern}: no row has it; {nearest(pattern, known)}")
        chosen |= fitting
    return Rows(row for row, own in zip(rows, names, strict=True) if own & chosen)


def fits(name: str, pattern: str) -> bool:
    """Whether a name matches a pattern (`*`, `?`, `[…]`), or is it: a published name may hold brackets."""
    return name == pattern or fnmatchcase(name, pattern)


def sort_rows(
    rows: Rows, column: str, metrics: Sequence[Metric], group: Sequence[str] = (), descending: bool | None = None
) -> Rows:
    """The rows by one column: the best first, or the smallest where no value is better; holes come last.

    Args:
        column: its key or its head, such as `top1_error` or `Params`.
        group: the columns whose groups stay in their order, each sorted by itself.
        descending: whether the largest comes first; None is as above.

    Raises:
        InputError: the table has no such column; names those that it has.
    """
    columns = columns_of(rows[0].task, rows, metrics, wide=True) if rows else []
    found = [item for item in columns if column.lower() in (item.key.lower(), item.head.lower(), item.title.lower())]
    if not found:
        raise InputError(f"sort {column}: no such column; {nearest(column, [item.key for item in columns])}")
    key, numeric = found[0].key, found[0].numeric
    down = bool(found[0].higher_is_better) if descending is None else descending
    by = [row.value(key) if numeric else row.text(key) or None for row in rows]
    order = pd.DataFrame({"group": pd.factorize(_headings(rows, group))[0], "by": by})
    return Rows(rows[place] for place in order.sort_values(["group", "by"], ascending=[True, not down]).index)


def grouping(names: Sequence[str], rows: Rows) -> tuple[str, ...]:
    """The columns to group by; `none` is none.

    Raises:
        InputError: no row has a column; names those that there are.
    """
    if list(names) == ["none"]:
        return ()
    known = sorted(rows.held)
    for name in names:
        if name not in known:
            raise InputError(f"group {name}: no such column; {nearest(name, known)}, or none alone")
    return tuple(names)


class _Notes:
    """The lines below a table, each once, in the order of the rows; footnotes are numbered."""

    def __init__(self) -> None:
        self._marked: dict[str, None] = {}
        self._footnotes: dict[str, int] = {}

    def marks(self, row: Row) -> str:
        """Compose the marks behind the row's name."""
        marks, protocol = "", row.text("protocol")
        if row.reduced:
            self._marked[f"{REDUCED_MARK} {protocol}: reduced run ({'; '.join(row.reduced)})"] = None
            marks += f" {REDUCED_MARK}"
        if row.records and over_limit(row.records[0]):
            limit = row.records[0].config["macs_limit"]
            self._marked[f"{LIMIT_MARK} {protocol}: {limit / 1e6:,.0f} M multiply-adds or more"] = None
            marks += f" {LIMIT_MARK}"
        if "compared" in row.labels:
            self._marked[f"Δ {protocol}: to {row.labels['compared']}"] = None
        if row.published is not None:
            found = (row.published.footnote, row.published.note and f"Note: {row.published.note}.")
            for text in filter(None, found):
                marks += f" [{self._footnotes.setdefault(text, len(self._footnotes) + 1)}]"
        return marks

    def lines(self) -> tuple[str, ...]:
        return (*self._marked, *(f"[{number}] {text}" for text, number in self._footnotes.items()))


def _best(rows: Rows, codes: Any, column: Column) -> list[bool]:
    """Mark the rows with their group's best value, of its full runs where it has some; none if there is no choice."""
    if column.higher_is_better is None:
        return [False] * len(rows)
    reduced = pd.Series([bool(row.reduced) for row in rows])
    values = rows.exact([column.key])[column.key].where(~reduced | reduced.groupby(codes).transform("all"))
    grouped = values.groupby(codes)
    best = grouped.transform("max" if column.higher_is_better else "min")
    return (values.eq(best) & grouped.transform("count").gt(1)).tolist()
