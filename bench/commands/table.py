"""print the comparison table of a task from all records"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", choices=("classification", "detection", "reid", "search"))
    parser.add_argument("--format", choices=("markdown", "csv", "json"), default="markdown")
    parser.add_argument("--protocol", nargs="+", metavar="PROTOCOL", help="only these protocols")
    parser.add_argument("--results", type=Path, default=Path("results"), metavar="DIR", help="where the records are")


def run(arguments: argparse.Namespace) -> int:
    from backbones.errors import InputError
    from bench.metrics import METRICS, TITLES
    from bench.records import RecordStore
    from bench.tables import build_table, render
    from search.configs import nearest

    records = []
    for record in RecordStore(arguments.results).read_all(arguments.task):
        if isinstance(record, InputError):
            print(f"wildnas: left out: {record}", file=sys.stderr)
        else:
            records.append(record)
    protocols = sorted({record.protocol for record in records})
    for name in arguments.protocol or ():
        if name not in protocols:
            raise InputError(f"--protocol {name}: no record of it; {nearest(name, protocols)}")
    if not records:
        raise InputError(f"{arguments.results}: holds no {arguments.task} record; `wildnas evaluate` makes some")
    chosen = [record for record in records if not arguments.protocol or record.protocol in arguments.protocol]
    table = build_table(TITLES[arguments.task], chosen, METRICS[arguments.task])
    sys.stdout.write(render(table, arguments.format))
    return 0
