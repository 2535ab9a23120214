"""Options that several commands share."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from bench.console.visible import visible


def add_places(parser: argparse.ArgumentParser, replaces: bool = True) -> None:
    """Add the folders of results; with `replaces`, the option to move a different run's record aside."""
    add_results(parser, "records and tables")
    parser.add_argument("--work-dir", type=Path, default=Path("work"), metavar="DIR", help="logs and checkpoints")
    if replaces:
        parser.add_argument(
            "--replace", action="store_true", help="move the record of a different run aside instead of refusing"
        )


def places_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Folders as arguments of `bench.api.evaluate`."""
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
    """Whether this process prints: the first of those that torchrun has started."""
    return arguments.launcher == "none" or os.environ.get("RANK", "0") == "0"


#: Help of `--results` where a checkpoint is read.
COMPARED = "folder with the run's record, whose digest the checkpoint must have (default: results)"


def add_results(parser: argparse._ActionsContainer, what: str = "folder of the records (default: results)") -> None:
    parser.add_argument("--results", type=Path, default=Path("results"), metavar="DIR", help=what)


def add_read_results(parser: argparse.ArgumentParser, what: str = "folder of the records (default: results)") -> None:
    """Add the folder of results to read, or the study in its place."""
    place = parser.add_mutually_exclusive_group()
    add_results(place, what)
    place.add_argument("--study", metavar="NAME", help="a study that ships with wildnas, or the folder of one")


def add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="your own data instead of the protocol's (docs/your-own-data.md)",
    )


def add_config_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        default=[],
        metavar="K=V",
        help="change keys of the config; a run of a changed protocol is marked as reduced",
    )


def notice(text: str) -> None:
    """Print a line to standard error."""
    print(f"wildnas: {visible(' '.join(text.split()))}", file=sys.stderr)
