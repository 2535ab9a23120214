"""verify every record, and the training curves beside them"""

from __future__ import annotations

import argparse
import sys

from bench import api
from bench.commands.options import add_results
from bench.console.visible import visible

#: Exit code if a record is broken; the command itself has succeeded.
BROKEN = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    check = verbs.add_parser("check", help="read every record; exit code 1 if any is broken")
    add_results(check)


def run(arguments: argparse.Namespace) -> int:
    report = api.check_records(arguments.results)
    for line in report.broken:
        print(f"broken: {visible(line)}")
    for line in report.notes:
        print(f"note: {visible(line)}", file=sys.stderr)
    print(f"{report.sound} sound, {len(report.broken)} broken")
    return BROKEN if report.broken else 0
