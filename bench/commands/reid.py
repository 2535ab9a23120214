"""draw the images that a trained re-identifier ranks first"""

from __future__ import annotations

import argparse
from pathlib import Path

from bench import api
from bench.commands.options import COMPARED, add_results
from bench.console.arguments import positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    rank = verbs.add_parser("rank", help="scores of a checkpoint, and pictures of the nearest images of some queries")
    rank.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="the checkpoint.pth of a run")
    rank.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="a folder with query/ and bounding_box_test/, or a data root; default: that of the checkpoint's protocol",
    )
    add_results(rank, COMPARED)
    rank.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the pictures")
    rank.add_argument("--queries", type=positive, default=10, metavar="N", help="queries to draw (default: 10)")
    rank.add_argument("--length", type=positive, default=10, metavar="N", help="images of each query (default: 10)")
    rank.add_argument("--metric", choices=["euclidean", "cosine"], help="default: the protocol's")
    rank.add_argument("--rerank", action="store_true", help="k-reciprocal re-ranking (Zhong et al. 2017)")


def run(arguments: argparse.Namespace) -> int:
    out = arguments.out
    progress = api.Progress([f"{arguments.checkpoint}"])
    with progress.stage(0):
        ranked = api.rank_checkpoint(
            arguments.checkpoint,
            out,
            arguments.data,
            arguments.queries,
            arguments.length,
            arguments.metric,
            arguments.rerank,
            progress,
            arguments.results,
        )
    ranking = ranked.ranking
    scores = " · ".join(f"rank-{rank} {100 * share:.2f} %" for rank, share in ranking.cmc.items())
    print(f"{scores} · mAP {100 * ranking.mean_average_precision:.2f} %")
    without = f", {ranking.queries_without_match} left out without a match" if ranking.queries_without_match else ""
    print(f"{ranking.queries} queries{without} · {ranked.gallery} gallery images")
    print(f"{len(ranked.files)} pictures in {out}")
    return 0
