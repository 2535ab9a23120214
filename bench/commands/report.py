"""write the tables, plots and cells of all records and the papers' rows as one static page"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="where index.html is written (default: report/ in the results folder)"
    )
    parser.add_argument("--results", type=Path, default=Path("results"), metavar="DIR", help="where the records are")
    parser.add_argument("--full-only", action="store_true", help="leave reduced runs out")
    parser.add_argument("--title", default="Does it transfer?", metavar="TEXT")


def run(arguments: argparse.Namespace) -> int:
    from bench.commands.reading import tell_left_out
    from bench.console.progress import Progress
    from bench.records.store import RecordStore, record_files
    from bench.report import write_report

    out = arguments.out or arguments.results / "report"
    progress = Progress([str(out / "index.html")])
    with progress.stage(0):
        file, problems = write_report(arguments.results, out, arguments.title, arguments.full_only, progress)
    if not record_files(RecordStore(arguments.results).root):
        print(f"wildnas: {arguments.results}: holds no record yet", file=sys.stderr)
    tell_left_out(problems)
    print(file)
    return 0
