"""Select the rows of a table and their order, or compare two architectures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from backbones.errors import InputError
from bench.records.record import Record
from bench.tables.compare import compare
from bench.tables.frame import Notice, find_record, merged_rows, read_records
from bench.tables.improvement import gain_notes
from bench.tables.latencies import TIMED, choose_runtime, with_latencies
from bench.tables.published import published_problems
from bench.tables.rows import Rows
from bench.tables.table import Table, build_table, choose, grouping, lay_out, sort_rows
from bench.tables.write import render
from bench.tasks.metrics import METRICS, TITLES
from bench.zerocost.holes import hole_lines


@dataclass(frozen=True)
class Selection:
    """The rows of a table and their order.

    Attributes:
        protocol, architecture, method: names or patterns (`*`, `?`, `[…]`), one of which a row must match; None is all.
        origin: only the papers' rows, or only those of records; None is both.
        extent: only full runs, or only reduced ones; None is both.
        compare: two architectures metric by metric instead.
        sort: a column, the best first; `descending` says otherwise.
        group: columns that set groups apart, or `none` alone; None is by protocol, of published rows by their table.
        wide: whether every metric has its best seed and its difference beside it.
        latency: a runtime and a device, whose latencies are a column.
        caption, label: instead of the task's.
    """

    protocol: Sequence[str] | None = None
    architecture: Sequence[str] | None = None
    method: Sequence[str] | None = None
    origin: Literal["published", "measured"] | None = None
    extent: Literal["full", "reduced"] | None = None
    compare: Sequence[str] | None = None
    sort: str | None = None
    descending: bool | None = None
    group: Sequence[str] | None = None
    wide: bool = False
    latency: Sequence[str] | None = None
    caption: str | None = None
    label: str | None = None


def select(task: str, results: Path, selection: Selection, notice: Notice) -> Table:
    """Lay out the table of a task's published rows and records.

    Raises:
        InputError: no such rows or columns, or choices that do not go together.
    """
    if selection.descending is not None and not selection.sort:
        raise InputError("ascending, descending: say by which column to sort")
    for problem in published_problems(results):
        notice(f"left out: {problem}")
    records = [] if selection.origin == "published" else read_records(results, task, notice)
    if selection.compare:
        table = _compared(task, records, selection)
    else:
        trainings = read_records(results, "classification", notice) if records and task == "search" else []
        rows = merged_rows(task, records, find_record(results, notice), trainings, results)
        said: tuple[str, ...] = ()
        if selection.latency is not None:
            if task not in TIMED:
                raise InputError(f"latency: no column of {task}; expected a table of {', '.join(TIMED)}")
            timed = read_records(results, "latency", notice)
            runtime = choose_runtime(timed, *selection.latency)
            rows = Rows(with_latencies(rows, timed, runtime))
            said = (f"Latency: the median of single images, whole network; {runtime}.",)
        table = _laid_out(task, results, rows, selection)
        said += gain_notes(table.rows, rows)
        said += tuple(hole_lines(record for row in table.rows for record in row.records))
        table = replace(table, notes=(*table.notes, *said))
        if not records and selection.origin != "published":
            notice(f"{results}: holds no {task} record yet")
    return replace(table, title=selection.caption or table.title, label=selection.label or table.label)


def tables_of(records: Sequence[Record]) -> list[str]:
    """The tables of given records, a task each, in Markdown."""
    tables = []
    for task in dict.fromkeys(record.task for record in records):
        rows = [record for record in records if record.task == task]
        tables.append(render(build_table(TITLES[task], rows, METRICS[task]), "markdown"))
    return tables


def _laid_out(task: str, results: Path, rows: Rows, selection: Selection) -> Table:
    rows = Rows(row for row in rows if row.records or selection.origin != "measured")
    rows = Rows(row for row in rows if selection.extent in (None, "reduced" if row.reduced else "full"))
    if not rows:
        kind = "" if selection.extent is None else f"{selection.extent} "
        make = {"search": "`wildnas search`", "latency": "`wildnas speed … --record`"}.get(task, "`wildnas evaluate`")
        raise InputError(f"{results}: holds no {kind}{task} record; {make} makes some")
    for option in ("protocol", "architecture", "method"):
        rows = choose(rows, option, getattr(selection, option))
    usual = ["source", "group"] if selection.origin == "published" else ["protocol"]
    group = grouping(selection.group or usual, rows)
    if selection.sort:
        rows = sort_rows(rows, selection.sort, METRICS[task], group, selection.descending)
    return lay_out(TITLES[task], rows, METRICS[task], group, selection.wide)


def _compared(task: str, records: list[Record], selection: Selection) -> Table:
    for option in ("architecture", "method", "sort", "group", "wide"):
        if getattr(selection, option):
            raise InputError(f"compare: does not go with {option}; protocol, full-only and reduced-only do")
    if selection.origin == "published":
        raise InputError("compare: does not go with published; protocol, full-only and reduced-only do")
    kept = [each for each in records if selection.extent in (None, "reduced" if each.reduced else "full")]
    return compare(TITLES[task], kept, selection.compare or (), METRICS[task], selection.protocol)
