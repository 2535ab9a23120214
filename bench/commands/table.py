"""print the comparison table of a task: the papers' rows and those of all records"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench.commands.reading import find_search, read_records

if TYPE_CHECKING:
    from bench.records.record import Record
    from bench.tables.build import Table
    from bench.tables.rows import Row

FORMATS = ("markdown", "latex", "csv", "html", "json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", choices=("classification", "detection", "reid", "search"))
    parser.add_argument("--format", choices=FORMATS, default="markdown")
    parser.add_argument("--caption", metavar="TEXT", help="instead of the task's name")
    parser.add_argument("--label", metavar="NAME", help="to refer to it in LaTeX (default: tab:TASK)")
    parser.add_argument("--results", type=Path, default=Path("results"), metavar="DIR", help="where the records are")
    rows = parser.add_argument_group("which rows; patterns have *, ? and […]")
    for option in ("protocol", "architecture", "method"):
        rows.add_argument(f"--{option}", nargs="+", metavar="PATTERN", help=f"only rows of these {option}s")
    origin = rows.add_mutually_exclusive_group()
    origin.add_argument("--published", action="store_true", help="the papers' tables as they stand there")
    origin.add_argument("--measured", action="store_true", help="only rows of records")
    extent = rows.add_mutually_exclusive_group()
    extent.add_argument("--full-only", action="store_true", help="leave reduced runs out")
    extent.add_argument("--reduced-only", action="store_true", help="only reduced runs")
    rows.add_argument(
        "--compare",
        nargs=2,
        metavar=("A", "B"),
        help="two architectures metric by metric; of a pattern, each seed's one",
    )
    order = parser.add_argument_group("in which order")
    order.add_argument("--sort", metavar="COLUMN", help="the best first, such as top1_error; holes come last")
    direction = order.add_mutually_exclusive_group()
    direction.add_argument("--ascending", dest="descending", action="store_false", default=None)
    direction.add_argument("--descending", dest="descending", action="store_true", default=None)
    order.add_argument(
        "--group", nargs="+", metavar="COLUMN", help="columns that set groups apart, or none (default: protocol)"
    )
    order.add_argument("--wide", action="store_true", help="best seed and difference beside every metric")


def run(arguments: argparse.Namespace) -> int:
    from backbones.errors import InputError
    from bench.commands.reading import tell_left_out
    from bench.records.sections import many_objects
    from bench.tables.build import lay_out
    from bench.tables.choose import choose, grouping, sort_rows
    from bench.tables.merge import merged_rows
    from bench.tables.published import published_problems
    from bench.tasks.metrics import METRICS, TITLES

    task, metrics = arguments.task, METRICS[arguments.task]
    if arguments.descending is not None and not arguments.sort:
        raise InputError("--ascending, --descending: say by which column: --sort COLUMN")
    tell_left_out(published_problems())
    with many_objects():
        records = [] if arguments.published else read_records(arguments.results, task)
        if arguments.compare:
            return _compare(arguments, records)
        trainings = read_records(arguments.results, "classification") if records and task == "search" else []
        rows = merged_rows(task, records, find_search(arguments.results), trainings)
        if arguments.measured or arguments.reduced_only:
            rows = [row for row in rows if row.records]
        if arguments.full_only or arguments.reduced_only:
            rows = [row for row in rows if bool(row.reduced) == arguments.reduced_only]
        _refuse_none(arguments, rows)
        for option in ("protocol", "architecture", "method"):
            rows = choose(rows, option, getattr(arguments, option))
        group = grouping(arguments.group or (["source", "group"] if arguments.published else ["protocol"]), rows)
        if arguments.sort:
            rows = sort_rows(rows, arguments.sort, metrics, group, arguments.descending)
        if not records and not arguments.published:
            print(f"wildnas: {arguments.results}: holds no {task} record yet", file=sys.stderr)
        _print(arguments, lay_out(TITLES[task], rows, metrics, group, arguments.wide))
    return 0


def _print(arguments: argparse.Namespace, table: Table) -> None:
    from dataclasses import replace

    from bench.tables import render

    table = replace(table, title=arguments.caption or table.title, label=arguments.label or table.label)
    sys.stdout.write(render(table, arguments.format))


def _refuse_none(arguments: argparse.Namespace, rows: list[Row]) -> None:
    """Raises: InputError: no row is left; says of which kind."""
    from backbones.errors import InputError

    if not rows:
        kind = "reduced " if arguments.reduced_only else "full " if arguments.full_only else ""
        make = "`wildnas search`" if arguments.task == "search" else "`wildnas evaluate`"
        raise InputError(f"{arguments.results}: holds no {kind}{arguments.task} record; {make} makes some")


def _compare(arguments: argparse.Namespace, records: list[Record]) -> int:
    from backbones.errors import InputError
    from bench.tables.compare import compare
    from bench.tasks.metrics import METRICS, TITLES

    for option in ("published", "architecture", "method", "sort", "group", "wide"):
        if getattr(arguments, option):
            raise InputError(f"--compare: does not go with --{option}; --protocol, --full-only and --reduced-only do")
    kept = [
        record
        for record in records
        if not (arguments.full_only and record.reduced) and not (arguments.reduced_only and not record.reduced)
    ]
    task = arguments.task
    _print(arguments, compare(TITLES[task], kept, arguments.compare, METRICS[task], arguments.protocol))
    return 0
