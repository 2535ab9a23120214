"""derive a genotype again from a finished search's architecture.json"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from bench.commands.options import whole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="ARCHITECTURE_JSON")
    parser.add_argument(
        "--max-skips", type=whole, metavar="M", help="keep at most M skip connections in the normal cell"
    )


def run(arguments: argparse.Namespace) -> int:
    from search.derive import derive, read_architecture

    genotype = derive(read_architecture(arguments.file), arguments.max_skips)
    print(json.dumps(genotype.to_json()))
    return 0
