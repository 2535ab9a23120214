"""draw the detections of a trained detector in images"""

from __future__ import annotations

import argparse
from pathlib import Path

from bench import api
from bench.commands.options import COMPARED, add_results
from bench.console.visible import visible


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "checkpoint", type=Path, metavar="CHECKPOINT", help="the checkpoint.pth of a detection run, below work/"
    )
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="image files, or folders of them")
    add_results(parser, COMPARED)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the pictures")
    parser.add_argument("--threshold", type=_share, default=0.3, metavar="S", help="least score to draw (default: 0.3)")


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 1 (got {text[:40]!r})")
    return share


def run(arguments: argparse.Namespace) -> int:
    what = (arguments.checkpoint, arguments.images, arguments.out, arguments.threshold, arguments.results)
    for out, found in api.detect_in(*what):
        names = ", ".join(f"{name} {100 * score:.0f} %" for name, score in found[:5])
        more = f" and {len(found) - 5} more" if len(found) > 5 else ""
        print(visible(f"{out}: {names or 'nothing'}{more}"))
    return 0
