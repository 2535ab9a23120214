"""make the embedded digits, or check a protocol's data"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench import api
from bench.commands.options import add_config_options, add_data, notice
from bench.console.arguments import whole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    digits = verbs.add_parser("digits", help="write the embedded digits as three data sets in the real formats")
    digits.add_argument("--out", type=Path, metavar="DIR", help="default: $WILDNAS_DIGITS, or work/digits")
    digits.add_argument("--seed", type=whole, default=0)
    digits.add_argument("--study", action="store_true", help="those of pipelines/digits_study, with more test images")
    check = verbs.add_parser("check", help="check the data of a protocol without training")
    check.add_argument("protocol", metavar="PROTOCOL")
    add_data(check)
    check.add_argument("--work-dir", type=Path, default=Path("work"), metavar="DIR", help="folder for converted data")
    add_config_options(check)


def run(arguments: argparse.Namespace) -> int:
    if arguments.verb == "digits":
        print(api.make_digits(arguments.out, arguments.seed, "digits_study" if arguments.study else "digits"))
        return 0
    report = api.check_data(
        arguments.protocol, arguments.cfg_options, arguments.data, arguments.work_dir, notice=notice
    )
    for name, count in report.counts.items():
        print(f"{count:>9,}  {name}")
    print(report.fingerprint, file=sys.stderr)
    return 0
