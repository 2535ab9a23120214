"""Options that several commands share, and what is read off them."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from bench.console.visible import visible


def add_places(parser: argparse.ArgumentParser, replaces: bool = True) -> None:
    """Where results go.

    Args:
        replaces: whether moving the record of a different run aside is to be asked for.
    """
    parser.add_argument("--results", type=Path, default=Path("results"), metavar="DIR", help="records and tables")
    parser.add_argument("--work-dir", type=Path, default=Path("work"), metavar="DIR", help="logs and checkpoints")
    if replaces:
        parser.add_argument(
            "--replace", action="store_true", help="move the record of a different run aside instead of refusing"
        )


def places_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """The folders as `bench.api.evaluate` takes them."""
    places = {"results": arguments.results, "work": arguments.work_dir}
    return places | ({"replace": arguments.replace} if "replace" in arguments else {})


def add_launcher(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        "--launcher",
        choices=["none", "pytorch"],
        default="none",
        help=f"pytorch: {what} over several processes, which torchrun has started (one a GPU)",
    )


def is_first(arguments: argparse.Namespace) -> bool:
    """Whether this process prints: of those that torchrun has started, the first."""
    return arguments.launcher == "none" or os.environ.get("RANK", "0") == "0"


def add_results(parser: argparse.ArgumentParser) -> None:
    """Where the record is that a checkpoint's digest is compared with, if there is one."""
    parser.add_argument(
        "--results",
        type=Path,
        default=Path("results"),
        metavar="DIR",
        help="where the run's record is, whose digest of the checkpoint must be the file's (default: results)",
    )


def add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="your own data in the place of the protocol's (docs/your-own-data.md)",
    )


def add_config_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        default=[],
        metavar="K=V",
        help="change keys of the config; a changed protocol's run is marked as reduced",
    )


def notice(text: str) -> None:
    """Tell of what is left out, on standard error."""
    print(f"wildnas: {visible(' '.join(text.split()))}", file=sys.stderr)
