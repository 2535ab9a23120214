"""write a network as an ONNX file or an exported program, verified against PyTorch"""

from __future__ import annotations

import argparse
from pathlib import Path

from bench import api
from bench.commands.options import COMPARED, add_results
from bench.console.arguments import positive
from bench.console.visible import visible

#: As `bench.export.writing` has it.
DYNAMIC = "dynamic"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "network", metavar="ARCH|CHECKPOINT", help="an architecture, as for evaluate, or the checkpoint.pth of a run"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument("--format", choices=["onnx", "torch-export"], default="onnx")
    parser.add_argument("--weights", metavar="NAME|FILE", help="of ARCH, as for evaluate (default: random weights)")
    parser.add_argument("--as", choices=["backbone", "classifier"], default="backbone", dest="kind", help="of ARCH")
    parser.add_argument("--size", type=positive, metavar="N", help="height and width (default: the network's own)")
    parser.add_argument("--batch", type=_batch, default=1, metavar="N|dynamic", help="number of images (default: 1)")
    parser.add_argument("--channels", type=positive, default=48, metavar="N", help="of cells (default: 48)")
    parser.add_argument("--layers", type=positive, default=14, metavar="N", help="of cells (default: 14)")
    parser.add_argument(
        "--classes", type=positive, metavar="N", help="of a classifier (default: the weights', or 1000)"
    )
    parser.add_argument("--raw", action="store_true", help="boxes and scores of a detector before NMS")
    add_results(parser, COMPARED)


def _batch(text: str) -> int | str:
    try:
        return text if text == DYNAMIC else positive(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}, or {DYNAMIC}") from error


def run(arguments: argparse.Namespace) -> int:
    keys = ("kind", "weights", "size", "channels", "layers", "classes", "raw", "results")
    done = api.export_network(
        arguments.network,
        arguments.out,
        arguments.format,
        arguments.batch,
        api.Wanted(**{key: getattr(arguments, key) for key in keys}),
    )
    for difference in done.differences:
        print(difference)
    shape = f"{done.about['input_shape']} to {done.about['outputs']}"
    print(visible(f"{done.file}: {done.about['input']} {shape}"))
    return 0
