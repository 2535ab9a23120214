"""write or check a submission file for COCO's evaluation server (test-dev2017)"""

from __future__ import annotations

import argparse
from pathlib import Path

from bench import api
from bench.commands.options import COMPARED, add_config_options, add_results


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    export = verbs.add_parser("export", help="detect in the images of test-dev2017 and write the file and its archive")
    export.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="the checkpoint.pth of a run")
    add_results(export, COMPARED)
    export.add_argument("--out", type=Path, required=True, metavar="DIR")
    check = verbs.add_parser("check", help="check a submission file against image_info_test-dev2017.json")
    check.add_argument("file", type=Path, metavar="FILE")
    for verb in (export, check):
        verb.add_argument("--on", required=True, metavar="PROTOCOL", help="such as detection/coco_ssd320")
        add_config_options(verb)


def run(arguments: argparse.Namespace) -> int:
    protocol = api.load_test_dev(arguments.on, arguments.cfg_options)
    if arguments.verb == "check":
        print(api.check_test_dev(protocol, arguments.file))
        return 0
    api.confirm_recorded(arguments.checkpoint, arguments.results)
    progress = api.Progress([f"test-dev of {protocol.name}"])
    with progress.stage(0):
        submission = api.export_test_dev(protocol, None, arguments.checkpoint, arguments.out, progress)
    print(submission)
    return 0
