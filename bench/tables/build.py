"""A table of published and measured rows, which never share a cell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bench.records.record import Record
from bench.tables.columns import Column, columns_of
from bench.tables.numbers import Number, signed
from bench.tables.over_random import with_gains
from bench.tables.rows import FindRecord, Row, measured_rows, over_limit

if TYPE_CHECKING:
    from bench.tasks.contract import Metric

#: Behind the name of an architecture whose runs were not full ones.
REDUCED_MARK = "†"
#: Behind the name of an architecture whose network is too large for its protocol, such as the mobile setting.
LIMIT_MARK = "‡"


@dataclass(frozen=True)
class TableCell:
    """What is shown in one place: a text, and whether it is the best of its group."""

    text: str
    best: bool = False


@dataclass(frozen=True)
class Group:
    """Rows that stand together under a heading (empty for a table of one group), each with its cells by column."""

    heading: str
    rows: tuple[tuple[Row, dict[str, TableCell]], ...]


@dataclass(frozen=True)
class Table:
    """A table ready to be printed.

    Attributes:
        columns: in order; the unit of every number is in its column's head.
        notes: why rows that carry a mark were reduced, what differences are to, and the papers' footnotes.
        label: what LaTeX refers to it by.
    """

    task: str
    title: str
    columns: tuple[Column, ...]
    groups: tuple[Group, ...]
    notes: tuple[str, ...]
    label: str

    @property
    def rows(self) -> list[Row]:
        return [row for group in self.groups for row, _ in group.rows]


def build_table(
    title: str, records: Iterable[Record], metrics: Sequence[Metric], find_search: FindRecord | None = None
) -> Table:
    """The table of measured rows alone (`measured_rows`)."""
    return lay_out(title, with_gains(measured_rows(records, metrics, find_search), metrics), metrics)


def lay_out(
    title: str, rows: Sequence[Row], metrics: Sequence[Metric], group: Sequence[str] = (), wide: bool = False
) -> Table:
    """A table of rows of one task, in their order.

    Args:
        group: the columns whose values set groups apart; they are the groups' headings and no columns then.
        wide: whether every metric has its best seed and its difference beside it, and not only the first one.
    """
    task = rows[0].task if rows else "classification"
    columns = [column for column in columns_of(task, rows, metrics, wide) if column.key not in group]
    return arrange(task, title, rows, columns, group)


def arrange(task: str, title: str, rows: Sequence[Row], columns: Sequence[Column], group: Sequence[str] = ()) -> Table:
    """A table of rows under given columns."""
    notes = _Notes()
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(heading(row, group), []).append(row)
    groups = [Group(name, tuple(_cells(members, columns, notes))) for name, members in grouped.items()]
    return Table(task, title, tuple(columns), tuple(groups), notes.lines(), f"tab:{task}")


def heading(row: Row, group: Sequence[str]) -> str:
    """The heading of the group that a row belongs to."""
    texts = {key: number.text for key, number in row.numbers.items()} | dict(row.labels)
    return ": ".join(texts.get(key) or _NONE.get(key, f"(no {key})") for key in group)


def with_differences(rows: Sequence[Row], published: Sequence[Row], metrics: Sequence[Metric]) -> list[Row]:
    """The rows, with `<metric>_difference` where the papers have the number: mean minus published value.

    The same number is that of the same genotype under the same protocol, run in full; where two tables have it, the
    first one's is taken.
    """
    known: dict[tuple[str, str], Row] = {}
    for row in published:
        if row.published is not None and row.published.comparable and row.digest:
            known.setdefault((row.labels["protocol"], row.digest), row)
    result = []
    for row in rows:
        other = known.get((row.labels.get("protocol", ""), row.digest or "")) if row.records else None
        if other is None or row.reduced:
            result.append(row)
            continue
        labels = {**row.labels, "compared": f"{other.labels['source']} ({other.labels['group']})"}
        result.append(replace(row, labels=labels, numbers={**row.numbers, **_differences(row, other, metrics)}))
    return result


def _differences(row: Row, other: Row, metrics: Sequence[Metric]) -> dict[str, Number]:
    found = {}
    for metric in metrics:
        mine, theirs = row.numbers.get(metric.key), other.numbers.get(metric.key)
        if mine is None or theirs is None or mine.value is None or theirs.value is None or not theirs.exact:
            continue
        difference = mine.value - theirs.value
        found[f"{metric.key}_difference"] = Number(difference, signed(difference))
    return found


#: What a group without a value is called.
_NONE = {"protocol": "no protocol of ours"}


class _Notes:
    """The lines below a table, each once, in the order of the rows; footnotes are numbered."""

    def __init__(self) -> None:
        self._marked: dict[str, None] = {}
        self._footnotes: dict[str, int] = {}

    def marks(self, row: Row) -> str:
        """What stands behind the row's name."""
        protocol = row.labels.get("protocol", "")
        marks = ""
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


def _cells(rows: Sequence[Row], columns: Sequence[Column], notes: _Notes) -> Iterable[tuple[Row, dict[str, TableCell]]]:
    best = {column.key: _best(rows, column) for column in columns}
    for row in rows:
        cells = {}
        for column in columns:
            number = row.numbers.get(column.key)
            text = number.text if number is not None else row.labels.get(column.key, "")
            if "cited" in row.labels and column.key == ("network" if "network" in row.labels else "architecture"):
                text += f" ({row.labels['cited']})"
            if column.key == "architecture":
                text += notes.marks(row)
            cells[column.key] = TableCell(text, number is not None and _is_best(row, number, best[column.key], rows))
        yield row, cells


def _best(rows: Sequence[Row], column: Column) -> float | None:
    """The best value of a column, of full runs where there are some; None where there is nothing to choose from."""
    if column.higher_is_better is None:
        return None
    values = [
        number.value
        for row in _matched(rows)
        if (number := row.numbers.get(column.key)) is not None and number.exact and number.value is not None
    ]
    if len(values) < 2:
        return None
    return max(values) if column.higher_is_better else min(values)


def _matched(rows: Sequence[Row]) -> Sequence[Row]:
    return [row for row in rows if not row.reduced] or rows


def _is_best(row: Row, number: Number, best: float | None, rows: Sequence[Row]) -> bool:
    if best is None or not number.exact or number.value != best:
        return False
    return not row.reduced or all(other.reduced for other in rows)
