"""say which proxy predicts what is downstream, how much trusting it loses, and how sure that is"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench.commands.reading import read_records

if TYPE_CHECKING:
    from bench.records.record import Record
    from bench.statistics.answers import Answer

FORMATS = ("markdown", "csv", "json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=FORMATS, default="markdown")
    parser.add_argument("--results", type=Path, default=Path("results"), metavar="DIR", help="where the records are")
    parser.add_argument("--full-only", action="store_true", help="leave reduced runs out")
    for option, what in (("proxy", "proxies"), ("on", "downstream metrics")):
        parser.add_argument(
            f"--{option}",
            nargs="+",
            metavar="PATTERN",
            help=f"only {what} whose protocol fits; patterns have *, ? and […]",
        )


def run(arguments: argparse.Namespace) -> int:
    from fnmatch import fnmatchcase

    from backbones.errors import InputError
    from bench.records.sections import many_objects
    from bench.statistics.answers import answers
    from bench.statistics.measurements import measurements
    from bench.statistics.transfer import as_frame, pairs

    with many_objects():
        records = [each for each in read_records(arguments.results) if not (arguments.full_only and each.reduced)]
    if not records:
        raise InputError(f"{arguments.results}: holds no {'full ' if arguments.full_only else ''}record yet")
    found = pairs(measurements(records))
    for option, side in (("proxy", "proxy"), ("on", "downstream")):
        patterns = getattr(arguments, option)
        if patterns:
            known = sorted({getattr(pair, side).protocol for pair in found})
            kept = {name for name in known if any(fnmatchcase(name, pattern) for pattern in patterns)}
            if not kept:
                raise InputError(f"--{option} {' '.join(patterns)}: fits none of {', '.join(known) or 'no protocols'}")
            found = [pair for pair in found if getattr(pair, side).protocol in kept]
    if not found:
        raise InputError(
            f"{arguments.results}: no two architectures have both a proxy's number and one downstream of it; "
            "`wildnas evaluate ARCH ARCH --on zerocost/digits classification/digits` makes some"
        )
    if arguments.format == "csv":
        as_frame(found).to_csv(sys.stdout, index=False)
    elif arguments.format == "json":
        print(as_frame(found).to_json(orient="records", indent=1, force_ascii=False))
    else:
        print("\n\n".join(_markdown(answer) for answer in answers(found)))
    _tell_holes(records)
    return 0


def _markdown(answer: Answer) -> str:
    import pandas as pd

    from bench.statistics.answers import HEADS, cells

    table = pd.DataFrame([cells(pair) for pair in answer.pairs], columns=list(HEADS))
    heads = [f"{head} ({answer.downstream.unit})" if head.startswith(("Regret", "of ")) else head for head in HEADS]
    sides = ["left", *["right"] * (len(HEADS) - 2), "left"]
    text = table.to_markdown(index=False, headers=heads, colalign=sides, disable_numparse=True)
    return "\n".join([f"### {answer.title}", "", *answer.lines, "", text])


def _tell_holes(records: list[Record]) -> None:
    from bench.zerocost.holes import hole_lines

    for line in hole_lines(records):
        print(f"wildnas: {line}", file=sys.stderr)
