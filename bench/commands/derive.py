"""derive a genotype again from a finished search's architecture.json"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from bench import api
from bench.console.arguments import whole

RULES = (
    "An edge keeps its operation of the largest weight other than 'none', a node its two edges of the largest weights: "
    "softmax(alpha) by the rules darts and p-darts, times softmax(beta) over the edges into the node by pc-darts. A "
    "restriction to M sets the weight of the normal cell's weakest skip connection to 0 and builds the cell again, "
    "until there are M at most. Ties go to the operation that stands first among the edge's candidates and to the edge "
    "from the earlier node; of equally weak skip connections the one that stands last goes first. The genotype is "
    "printed as JSON; genotypes.json, beside architecture.json, has those of all M."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = RULES
    parser.add_argument("file", type=Path, metavar="ARCHITECTURE_JSON", help="what a search left in its folder")
    parser.add_argument(
        "--max-skips",
        type=whole,
        metavar="M",
        help="keep at most M skip connections in the normal cell (default: the search's own restriction, if any)",
    )


def run(arguments: argparse.Namespace) -> int:
    print(json.dumps(api.derive_file(arguments.file, arguments.max_skips).to_json()))
    return 0
