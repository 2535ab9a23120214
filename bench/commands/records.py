"""verify every record, and the training curves beside them"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

#: The exit code where something is broken: the command has done its work, and the user has made no mistake.
BROKEN = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    check = verbs.add_parser("check", help="read every record; exit code 1 if any is broken")
    check.add_argument("--results", type=Path, default=Path("results"), metavar="DIR", help="where the records are")


def run(arguments: argparse.Namespace) -> int:
    from backbones.errors import InputError
    from bench.console.visible import visible
    from bench.records.check import check_records
    from bench.records.store import RecordStore

    store = RecordStore(arguments.results)
    if not store.root.is_dir():
        raise InputError(f"{store.root}: no such folder")
    report = check_records(store)
    for line in report.broken:
        print(f"broken: {visible(line)}")
    for line in report.notes:
        print(f"note: {visible(line)}", file=sys.stderr)
    print(f"{report.sound} sound, {len(report.broken)} broken")
    return BROKEN if report.broken else 0
