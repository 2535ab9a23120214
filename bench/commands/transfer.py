"""report how well each proxy predicts the downstream metrics, what trusting it loses, and the uncertainty"""

from __future__ import annotations

import argparse
import sys

from bench import api
from bench.commands.options import add_read_results, notice

FORMATS = ("markdown", "latex", "csv", "html", "json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=FORMATS, default="markdown")
    add_read_results(parser)
    parser.add_argument("--full-only", action="store_true", help="leave reduced runs out")
    for option, what in (("proxy", "proxies"), ("on", "downstream metrics")):
        parser.add_argument(
            f"--{option}",
            nargs="+",
            metavar="PATTERN",
            help=f"only {what} of matching protocols; patterns have *, ? and […]",
        )


def run(arguments: argparse.Namespace) -> int:
    text = api.transfer(
        results=arguments.results,
        study=arguments.study,
        form=arguments.format,
        full_only=arguments.full_only,
        proxy=arguments.proxy,
        on=arguments.on,
        notice=notice,
    )
    sys.stdout.write(text)
    return 0
