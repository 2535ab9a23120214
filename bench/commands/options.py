"""Options that several commands share."""

from __future__ import annotations

import argparse
import sys
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


def add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="your own data in the place of the protocol's (docs/your-own-data.md)",
    )


def options_of(arguments: argparse.Namespace, protocol: str) -> list[str]:
    """The options of one protocol: those of `--data`, which is said to be what it was found to be, and the given ones.

    Raises:
        InputError: the folder is not laid out as any that the protocol's task knows.
    """
    if arguments.data is None:
        return list(arguments.cfg_options)
    from bench.tasks.registry import own_data

    found = own_data(protocol, arguments.data, arguments.work_dir)
    print(f"wildnas: {found.found}", file=sys.stderr)
    return [*found.options, *arguments.cfg_options]


def add_config_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        default=[],
        metavar="K=V",
        help="change keys of the config; a changed protocol's run is marked as reduced",
    )
