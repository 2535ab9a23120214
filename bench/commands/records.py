"""verify every record, and the training curves beside them"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench import api
from bench.console.visible import visible

#: The exit code where something is broken: the command has done its work, and the user has made no mistake.
BROKEN = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    check = verbs.add_parser("check", help="read every record; exit code 1 if any is broken")
    check.add_argument("--results", type=Path, default=Path("results"), metavar="DIR", help="where the records are")


def run(arguments: argparse.Namespace) -> int:
    report = api.check_records(arguments.results)
    for line in report.broken:
        print(f"broken: {visible(line)}")
    for line in report.notes:
        print(f"note: {visible(line)}", file=sys.stderr)
    print(f"{report.sound} sound, {len(report.broken)} broken")
    return BROKEN if report.broken else 0
