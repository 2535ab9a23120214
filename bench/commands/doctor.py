"""report what this machine can run, and what is missing"""

from __future__ import annotations

import argparse
import json
import sys

from bench import api


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--gpu", action="store_true", help="check results and speed of the GPU, in under five minutes")
    parser.add_argument("--json", action="store_true", help="with --gpu: print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    if arguments.gpu:
        return _gpu(arguments.json)
    rows = api.describe_machine()
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"{name:<{width}}  {value}")
    return 0


def _gpu(as_json: bool) -> int:
    """Check the GPU's results and speed; exit code 1 if a result is wrong."""
    from tabulate import tabulate

    found = api.examine_gpu(lambda doing: print(f"{doing} …", file=sys.stderr))
    if as_json:
        print(json.dumps(found))
    else:
        marks = {True: "as it should be", False: "TOO FAR APART", None: ""}
        rows = [[row["what"], f"{row['value']:.4g}", row["unit"], marks[row["sound"]]] for row in found["rows"]]
        print(f"{found['device']}; {found['seconds']:.0f} s")
        print(tabulate(rows, ["", "value", "unit", ""], tablefmt="github", disable_numparse=True))
    return 0 if found["sound"] else 1
