"""draw what a trained re-identifier ranks first"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.commands.options import add_results
from bench.console.arguments import positive

if TYPE_CHECKING:
    from bench.reid.listing import Listing
    from bench.reid.schema import ReidConfig


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    rank = verbs.add_parser("rank", help="scores of a checkpoint, and pictures of the nearest images of some queries")
    rank.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="the checkpoint.pth that a run left")
    rank.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="a folder with query/ and bounding_box_test/, or a data root; default: that of the checkpoint's protocol",
    )
    add_results(rank)
    rank.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the pictures go")
    rank.add_argument("--queries", type=positive, default=10, metavar="N", help="so many are drawn (default: 10)")
    rank.add_argument("--length", type=positive, default=10, metavar="N", help="images of each list (default: 10)")
    rank.add_argument("--metric", choices=["euclidean", "cosine"], help="default: the protocol's")
    rank.add_argument("--rerank", action="store_true", help="k-reciprocal re-ranking (Zhong et al. 2017)")
    rank.set_defaults(verb_run=_rank)


def run(arguments: argparse.Namespace) -> int:
    code: int = arguments.verb_run(arguments)
    return code


def _rank(arguments: argparse.Namespace) -> int:
    from bench.console.progress import Progress
    from bench.records.digests import confirm_recorded
    from bench.reid.checkpoints import load_pcb
    from bench.reid.pictures import save_pictures
    from bench.reid.ranked_lists import rank_listing
    from bench.reid.schema import Reranking

    confirm_recorded(arguments.checkpoint, arguments.results)
    pcb, config = load_pcb(arguments.checkpoint)
    changes: dict[str, Any] = {"metric": arguments.metric} if arguments.metric else {}
    if arguments.rerank:
        changes["rerank"] = config.rerank or Reranking()
    config = config.model_copy(update=changes)
    listing = _listing(arguments.data, config)
    progress = Progress([f"{arguments.checkpoint} · {listing.folder.name}"])
    with progress.stage(0):
        ranking, lists = rank_listing(pcb, config, listing, arguments.queries, arguments.length, progress)
        files = save_pictures(lists, arguments.out)
    scores = " · ".join(f"rank-{rank} {100 * share:.2f} %" for rank, share in ranking.cmc.items())
    print(f"{scores} · mAP {100 * ranking.mean_average_precision:.2f} %")
    without = f", {ranking.queries_without_match} left out without a match" if ranking.queries_without_match else ""
    print(f"{ranking.queries} queries{without} · {len(listing.gallery)} gallery images")
    print(f"{len(files)} pictures in {arguments.out}")
    return 0


def _listing(data: Path | None, config: ReidConfig) -> Listing:
    from bench.digits.embedded import ensure_embedded
    from bench.reid.layout import read_layout
    from bench.reid.market import QUERY, read_test_folders

    if data is None:
        ensure_embedded(config.embedded)
        return read_layout(config.dataset, Path(config.data_root), config.limit, config.queries)
    return read_test_folders(data) if (data / QUERY).is_dir() else read_layout(config.dataset, data)
