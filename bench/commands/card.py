"""write the model card of a record, with its files a folder ready to upload"""

from __future__ import annotations

import argparse
from pathlib import Path

from bench import api
from bench.commands.options import add_results
from bench.console.visible import visible


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("record", metavar="RECORD", help="such as detection/digits_ssd/PDARTS/seed0, or its file")
    parser.add_argument("--export", action="store_true", help="put checkpoint, ONNX file and record beside the card")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: below cards/ of the results folder")
    add_results(parser)
    parser.add_argument("--work-dir", type=Path, default=Path("work"), metavar="DIR", help="folder of the checkpoints")


def run(arguments: argparse.Namespace) -> int:
    for file in api.write_card(
        arguments.record, arguments.out, arguments.export, arguments.results, arguments.work_dir
    ):
        print(visible(str(file)))
    return 0
