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


def add_results(parser: argparse.ArgumentParser) -> None:
    """Where the record is that a checkpoint's digest is compared with, if there is one."""
    parser.add_argument(
        "--results",
        type=Path,
        default=Path("results"),
        metavar="DIR",
        help="where the run's record is, whose digest of the checkpoint must be the file's (default: results)",
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
