"""print the comparison table of a task, with rows of the papers and of all records"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench import api
from bench.commands.options import add_read_results, notice

FORMATS = ("markdown", "latex", "csv", "html", "json", "parquet")

#: Options that are attributes of `bench.tables.selection.Selection`.
CHOICE = (
    *("protocol", "architecture", "method", "origin", "extent", "compare"),
    *("sort", "descending", "group", "wide", "latency", "caption", "label"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", choices=("classification", "detection", "reid", "search", "zerocost", "latency"))
    parser.add_argument("--format", choices=FORMATS, default="markdown")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write it there; parquet needs that, and pyarrow")
    parser.add_argument("--caption", metavar="TEXT", help="instead of the task's name")
    parser.add_argument("--label", metavar="NAME", help="label in LaTeX (default: tab:TASK)")
    add_read_results(parser, "folder of the records, and of tables of other papers (published/; default: results)")
    rows = parser.add_argument_group("choose rows; patterns have *, ? and […]")
    for option in ("protocol", "architecture", "method"):
        rows.add_argument(f"--{option}", nargs="+", metavar="PATTERN", help=f"only rows of these {option}s")
    origin = rows.add_mutually_exclusive_group()
    origin.add_argument(
        "--published", dest="origin", action="store_const", const="published", help="only the papers' tables"
    )
    origin.add_argument(
        "--measured", dest="origin", action="store_const", const="measured", help="only rows of records"
    )
    extent = rows.add_mutually_exclusive_group()
    extent.add_argument("--full-only", dest="extent", action="store_const", const="full", help="leave reduced runs out")
    extent.add_argument(
        "--reduced-only", dest="extent", action="store_const", const="reduced", help="only reduced runs"
    )
    rows.add_argument(
        "--compare",
        nargs=2,
        metavar=("A", "B"),
        help="compare two architectures metric by metric; a pattern stands for one per seed",
    )
    order = parser.add_argument_group("order rows")
    order.add_argument("--sort", metavar="COLUMN", help="best first, such as top1_error; missing values last")
    direction = order.add_mutually_exclusive_group()
    direction.add_argument("--ascending", dest="descending", action="store_false", default=None)
    direction.add_argument("--descending", dest="descending", action="store_true", default=None)
    order.add_argument(
        "--group", nargs="+", metavar="COLUMN", help="columns that define groups, or none (default: protocol)"
    )
    latency = "add the latency in a runtime on one device (a name or a pattern)"
    order.add_argument("--latency", nargs=2, metavar=("RUNTIME", "DEVICE"), help=latency)
    order.add_argument("--wide", action="store_true", help="show best seed and difference for every metric")


def run(arguments: argparse.Namespace) -> int:
    choice = {name: getattr(arguments, name) for name in CHOICE}
    what = {"results": arguments.results, "study": arguments.study, "form": arguments.format, "out": arguments.out}
    sys.stdout.write(api.table(arguments.task, notice=notice, **what, **choice))
    return 0
