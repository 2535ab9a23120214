"""Options that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.runs.run import Places


def add_places(parser: argparse.ArgumentParser, replaces: bool = True) -> None:
    """Where results go.

    Args:
        replaces: whether moving the record of a different run aside is to be asked for.
    """
    parser.add_argument("--results", type=Path, default=Path("results"), metavar="DIR", help="records and tables")
    parser.add_argument("--work-dir", type=Path, default=Path("work"), metavar="DIR", help="logs and checkpoints")
    if not replaces:
        parser.set_defaults(replace=True)
        return
    parser.add_argument(
        "--replace", action="store_true", help="move the record of a different run aside instead of refusing"
    )


def places_of(arguments: argparse.Namespace) -> Places:
    from bench.runs.run import Places

    return Places(arguments.results, arguments.work_dir, arguments.replace)


def add_config_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        default=[],
        metavar="K=V",
        help="change keys of the config; a changed protocol's run is marked as reduced",
    )


#: NumPy's generators take no larger seed.
LARGEST = 2**32 - 1


def positive(text: str) -> int:
    """A count: a whole number, 1 or more."""
    number = whole(text)
    if number < 1:
        raise argparse.ArgumentTypeError("expected 1 or more")
    return number


def whole(text: str) -> int:
    """A seed or a limit: a whole number, 0 or more."""
    if not text.isdecimal() or len(text) > 10 or int(text) > LARGEST:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no whole number from 0 to {LARGEST}")
    return int(text)
