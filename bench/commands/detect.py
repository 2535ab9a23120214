"""draw what a trained detector finds in images"""

from __future__ import annotations

import argparse
from pathlib import Path

from bench import api
from bench.commands.options import add_results
from bench.console.visible import visible


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "checkpoint", type=Path, metavar="CHECKPOINT", help="the checkpoint.pth that a detection run left below work/"
    )
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="image files, or folders of them")
    add_results(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the pictures go")
    parser.add_argument(
        "--threshold", type=_share, default=0.3, metavar="S", help="the least score that is drawn (default: 0.3)"
    )


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no number from 0 to 1")
    return share


def run(arguments: argparse.Namespace) -> int:
    what = (arguments.checkpoint, arguments.images, arguments.out, arguments.threshold, arguments.results)
    for out, found in api.detect_in(*what):
        names = ", ".join(f"{name} {100 * score:.0f} %" for name, score in found[:5])
        more = f" and {len(found) - 5} more" if len(found) > 5 else ""
        print(visible(f"{out}: {names or 'nothing'}{more}"))
    return 0
