"""print the comparison table of a task: the papers' rows and those of all records"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench import api
from bench.commands.options import notice

FORMATS = ("markdown", "latex", "csv", "html", "json", "parquet")

#: Options that are handed on as they are.
CHOICE = (
    *("protocol", "architecture", "method", "compare"),
    *("sort", "descending", "group", "wide", "caption", "label"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", choices=("classification", "detection", "reid", "search", "zerocost"))
    parser.add_argument("--format", choices=FORMATS, default="markdown")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write it there; parquet needs that, and pyarrow")
    parser.add_argument("--caption", metavar="TEXT", help="instead of the task's name")
    parser.add_argument("--label", metavar="NAME", help="to refer to it in LaTeX (default: tab:TASK)")
    parser.add_argument(
        "--results",
        type=Path,
        default=Path("results"),
        metavar="DIR",
        help="where the records are, and tables of other papers (published/)",
    )
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
    origin = "published" if arguments.published else "measured" if arguments.measured else None
    extent = "full" if arguments.full_only else "reduced" if arguments.reduced_only else None
    given = {name: getattr(arguments, name) for name in CHOICE}
    text = api.table(
        arguments.task,
        results=arguments.results,
        form=arguments.format,
        out=arguments.out,
        notice=notice,
        origin=origin,
        extent=extent,
        **given,
    )
    sys.stdout.write(text)
    return 0
