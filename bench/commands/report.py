"""write one static page with the tables, plots and cells of all records and the papers' rows"""

from __future__ import annotations

import argparse
from pathlib import Path

from bench import api
from bench.commands.options import add_read_results, notice


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder of index.html (default: report/ in the results folder)"
    )
    add_read_results(parser)
    parser.add_argument("--full-only", action="store_true", help="leave reduced runs out")
    parser.add_argument("--title", default="Does it transfer?", metavar="TEXT")


def run(arguments: argparse.Namespace) -> int:
    results, out = arguments.results, arguments.out or arguments.results / "report"
    if arguments.study is not None:
        results = api.study_folder(arguments.study)
    progress = api.Progress([str(out / "index.html")])
    with progress.stage(0):
        file, problems = api.write_report(results, out, arguments.title, arguments.full_only, progress)
    if not any((results / "records").rglob("seed*.json")):
        notice(f"{results}: holds no record yet")
    for problem in problems:
        notice(f"left out: {problem}")
    print(file)
    return 0
