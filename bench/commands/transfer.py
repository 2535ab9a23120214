"""say which proxy predicts what is downstream, how much trusting it loses, and how sure that is"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench import api
from bench.commands.options import notice

FORMATS = ("markdown", "latex", "csv", "html", "json")


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
    text = api.transfer(
        results=arguments.results,
        form=arguments.format,
        full_only=arguments.full_only,
        proxy=arguments.proxy,
        on=arguments.on,
        notice=notice,
    )
    sys.stdout.write(text)
    return 0
