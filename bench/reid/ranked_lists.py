"""List the nearest gallery images of queries by a trained PCB."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from bench.reid.data_manager import test_transform
from bench.reid.distances import BLOCK
from bench.reid.engine import PcbEngine
from bench.reid.listing import JUNK, Image, Listing
from bench.reid.pcb import PCB
from bench.reid.ranking import Labels, Ranking, rank_blocks
from bench.reid.reranking import protocol_distances
from bench.reid.schema import ReidConfig
from search.data.reader import plain_worker_errors, read_picture
from search.training.progress import ProgressCallback


@dataclass(frozen=True)
class Ranked:
    """A gallery image in the list of a query, with its distance."""

    image: Image
    distance: float
    right: bool


@dataclass(frozen=True)
class RankedList:
    """A query and its nearest gallery images, in the order of `bench.reid.ranking`."""

    query: Image
    images: list[Ranked]


class _Images(Dataset[dict[str, Any]]):
    """Images in the form of torchreid's data sets."""

    def __init__(self, images: Sequence[Image], transform: Any) -> None:
        self.images = images
        self.transform = transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> dict[str, Any]:
        file, identity, camera = self.images[index]
        return {"img": self.transform(read_picture(file)), "pid": identity, "camid": camera}


def rank_listing(
    pcb: PCB, config: ReidConfig, listing: Listing, shown: int, length: int, progress: ProgressCallback
) -> tuple[Ranking, list[RankedList]]:
    """Rank the listing's gallery for its queries by a trained PCB.

    Args:
        shown: the number of listed queries, evenly spread over those with a correct image in the gallery.
        length: the length of each list.

    Raises:
        InputError: an image cannot be read, or no query has a correct image.
    """
    # torchreid prints its transforms.
    with contextlib.redirect_stdout(None):
        transform = test_transform(config)
    no_data = SimpleNamespace(train_loader=None, test_loader=None)
    pcb = pcb.cuda() if torch.cuda.is_available() else pcb
    engine = PcbEngine(no_data, pcb, config.model_copy(update={"epochs": 0}), progress=progress)
    engine.set_model_mode("eval")

    def loader(images: Sequence[Image]) -> DataLoader[dict[str, Any]]:
        return DataLoader(_Images(images, transform), config.test_batch_size, num_workers=config.workers)

    with torch.no_grad(), plain_worker_errors():
        queries, query = engine.extract(loader(listing.query), "queries", 0.0)
        features, gallery = engine.extract(loader(listing.gallery), "gallery", 0.5)
        progress(1.0, "ranking")
        ranking = rank_blocks(protocol_distances(queries, features, config), query, gallery)
        unmatched = set(listing.unmatched())
        chosen = _spread([index for index, image in enumerate(listing.query) if image not in unmatched], shown)
        rows = _rows(queries, features, config, chosen)
    nearest = nearest_of(rows, query[torch.tensor(chosen, device=rows.device)], gallery, length)
    if config.metric == "euclidean" and config.rerank is None:
        # They are ranked squared.
        rows = rows.sqrt()
    lists = []
    for number, indices, row in zip(chosen, nearest, rows, strict=True):
        asked = listing.query[number]
        images = [(listing.gallery[index], float(row[index])) for index in indices]
        lists.append(RankedList(asked, [Ranked(image, distance, image[1] == asked[1]) for image, distance in images]))
    return ranking, lists


def nearest_of(distances: Tensor, query: Labels, gallery: Labels, count: int) -> list[list[int]]:
    """Find the first gallery indices for each row of distances `(Q, G)`, in the order of `bench.reid.ranking`.

    Images of the same identity and camera and junk are left out, as there. A row is shorter than `count` if the gallery
    has no more images.
    """
    same = query.identities[:, None] == gallery.identities
    left_out = (same & (query.cameras[:, None] == gallery.cameras)) | (gallery.identities == JUNK)
    order = distances.masked_fill(left_out, torch.inf).sort(dim=1, stable=True).indices[:, :count]
    return [row[~missing[row]].tolist() for row, missing in zip(order, left_out, strict=True)]


def _rows(queries: Tensor, gallery: Tensor, config: ReidConfig, chosen: Sequence[int]) -> Tensor:
    """Compute the distances of the chosen queries; all queries are computed, since re-ranking depends on all."""
    rows = []
    for number, block in enumerate(protocol_distances(queries, gallery, config)):
        rows += [block[index - number * BLOCK] for index in chosen if index // BLOCK == number]
    return torch.stack(rows)


def _spread(indices: Sequence[int], count: int) -> list[int]:
    """Choose `count` indices, or all, evenly spread."""
    count = min(count, len(indices))
    return [indices[number * len(indices) // count] for number in range(count)]
