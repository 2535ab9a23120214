"""Which rows a table has, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from backbones.errors import InputError
from bench.tables.build import heading
from bench.tables.columns import columns_of
from bench.tables.rows import Row
from search.configs import nearest

if TYPE_CHECKING:
    from bench.tasks.contract import Metric

#: By which labels a row is found, for every option that selects.
_SOUGHT = {"protocol": ("protocol",), "architecture": ("architecture", "zoo"), "method": ("method",)}


def choose(rows: Sequence[Row], option: str, patterns: Sequence[str] | None) -> list[Row]:
    """The rows whose protocol, architecture or method is, or matches, one of the patterns (`*`, `?`, `[…]`).

    Raises:
        InputError: a pattern that no row matches; says the nearest name.
    """
    if not patterns:
        return list(rows)
    keys = _SOUGHT[option]
    names = [{row.labels[key] for key in keys if key in row.labels} for row in rows]
    for pattern in patterns:
        if not any(_matches(found, pattern) for found in names):
            known = sorted(set().union(*names))
            raise InputError(f"--{option} {pattern}: no row has it; {nearest(pattern, known)}")
    return [
        row for row, found in zip(rows, names, strict=True) if any(_matches(found, pattern) for pattern in patterns)
    ]


def _matches(names: set[str], pattern: str) -> bool:
    # A published name may hold brackets, as in a pattern: the name itself always matches.
    return any(name == pattern or fnmatchcase(name, pattern) for name in names)


def sort_rows(
    rows: Sequence[Row],
    column: str,
    metrics: Sequence[Metric],
    group: Sequence[str] = (),
    descending: bool | None = None,
) -> list[Row]:
    """The rows by one column: the best first, or the smallest where no value is better; holes come last.

    Args:
        column: its key or its head, such as `top1_error` or `Params`.
        group: the columns whose groups stay in their order, each sorted by itself.
        descending: the largest first, or the smallest; None is as said.

    Raises:
        InputError: no such column in the table; names those that there are.
    """
    columns = columns_of(rows[0].task, rows, metrics, wide=True) if rows else []
    found = [item for item in columns if column.lower() in (item.key.lower(), item.head.lower(), item.title.lower())]
    if not found:
        keys = [item.key for item in columns]
        raise InputError(f"--sort {column}: no such column; {nearest(column, keys)}")
    key, better = found[0].key, found[0].higher_is_better
    down = bool(better) if descending is None else descending

    def place(row: Row) -> tuple[bool, float, str]:
        number, text = row.numbers.get(key), row.labels.get(key)
        value = None if number is None else number.value
        return value is None and not text, (value or 0.0) * (-1 if down else 1), text or ""

    ordered = sorted(rows, key=place)
    if down and not found[0].numeric:
        held = [row for row in ordered if key in row.labels]
        ordered = [*reversed(held), *(row for row in ordered if key not in row.labels)]
    groups = {name: index for index, name in enumerate(dict.fromkeys(heading(row, group) for row in rows))}
    return sorted(ordered, key=lambda row: groups[heading(row, group)])


def grouping(names: Sequence[str], rows: Sequence[Row]) -> tuple[str, ...]:
    """The columns to group by; `none` is none.

    Raises:
        InputError: a name that no row has; names those that there are.
    """
    if list(names) == ["none"]:
        return ()
    known = sorted({key for row in rows for key in (*row.labels, *row.numbers)})
    for name in names:
        if name not in known:
            raise InputError(f"--group {name}: no such column; {nearest(name, known)}, or none alone")
    return tuple(names)
