"""The nearest gallery images of queries, as a trained PCB ranks them."""

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
from bench.reid.ranking import Labels, Ranking
from bench.reid.schema import ReidConfig
from bench.reid.scoring import protocol_distances, score
from search.data.reader import read_picture
from search.data.workers import plain_worker_errors
from search.training.progress import ProgressCallback


@dataclass(frozen=True)
class Ranked:
    """A gallery image in the list of a query, at a distance from it."""

    image: Image
    distance: float
    right: bool


@dataclass(frozen=True)
class RankedList:
    """A query and its nearest gallery images, in the order of `bench.reid.ranking`."""

    query: Image
    images: list[Ranked]


class _Images(Dataset[dict[str, Any]]):
    """Images as torchreid's data sets give them."""

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
        shown: so many queries, spread over those that the gallery has a correct image of, are listed.
        length: of each list.

    Raises:
        InputError: an image cannot be read, or no query has a correct image.
    """
    # torchreid announces its transforms on standard output.
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
        ranking = score(queries, features, query, gallery, config)
        unmatched = set(listing.unmatched())
        chosen = _spread([place for place, image in enumerate(listing.query) if image not in unmatched], shown)
        rows = _rows(queries, features, config, chosen)
    nearest = nearest_of(rows, query[torch.tensor(chosen, device=rows.device)], gallery, length)
    return ranking, [
        RankedList(listing.query[place], [_ranked(listing, place, index, row) for index in indices])
        for place, indices, row in zip(chosen, nearest, _shown(rows, config), strict=True)
    ]


def nearest_of(distances: Tensor, query: Labels, gallery: Labels, count: int) -> list[list[int]]:
    """For each row of distances `(Q, G)`, the gallery indices of the first images in the order of `bench.reid.ranking`.

    What is left out there is left out here: the same identity from the same camera, and junk. A row is shorter than
    `count` where the gallery has no more.
    """
    same = query.identities[:, None] == gallery.identities
    left_out = (same & (query.cameras[:, None] == gallery.cameras)) | (gallery.identities == JUNK)
    order = distances.masked_fill(left_out, torch.inf).sort(dim=1, stable=True).indices[:, :count]
    return [row[~missing[row]].tolist() for row, missing in zip(order, left_out, strict=True)]


def _rows(queries: Tensor, gallery: Tensor, config: ReidConfig, chosen: Sequence[int]) -> Tensor:
    """The distances of the chosen queries; re-ranked ones depend on all queries, so all are computed."""
    rows = []
    for number, block in enumerate(protocol_distances(queries, gallery, config)):
        rows += [block[place - number * BLOCK] for place in chosen if place // BLOCK == number]
    return torch.stack(rows)


def _shown(rows: Tensor, config: ReidConfig) -> Tensor:
    """Distances for the eye: Euclidean ones are ranked squared."""
    return rows.sqrt() if config.metric == "euclidean" and config.rerank is None else rows


def _ranked(listing: Listing, place: int, index: int, row: Tensor) -> Ranked:
    image = listing.gallery[index]
    return Ranked(image, float(row[index]), image[1] == listing.query[place][1])


def _spread(places: Sequence[int], count: int) -> list[int]:
    """So many of them, or all, evenly spread."""
    count = min(count, len(places))
    return [places[number * len(places) // count] for number in range(count)]
