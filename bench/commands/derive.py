"""derive a genotype again from a finished search's architecture.json"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from bench import api
from bench.console.arguments import whole

RULES = (
    "Each edge keeps its operation with the largest weight, except 'none'; each node keeps its two edges with the "
    "largest weights. The weight is softmax(alpha) by the rules darts and p-darts; the rule pc-darts multiplies it by "
    "softmax(beta) over the edges into the node. Searches by sigmoids or Dirichlet samples have other weights, and may "
    "have a threshold below which an edge becomes 'none'. A genotype that was selected by perturbation or by training "
    "is printed as it is. With a limit M, the weight of the normal cell's weakest skip connection is set to 0 and the "
    "cell is derived again, until it has at most M. Ties: the first of an edge's "
    "candidates wins, and the edge from the earlier node; of equally weak skip connections the last is removed first. "
    "The genotype is printed as JSON; genotypes.json in the same folder has the genotypes of all M."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = RULES
    parser.add_argument("file", type=Path, metavar="ARCHITECTURE_JSON", help="file in a search's folder")
    parser.add_argument(
        "--max-skips",
        type=whole,
        metavar="M",
        help="keep at most M skip connections in the normal cell (default: the search's own restriction, if any)",
    )


def run(arguments: argparse.Namespace) -> int:
    print(json.dumps(api.derive_file(arguments.file, arguments.max_skips).to_json()))
    return 0
