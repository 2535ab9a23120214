"""Ranking a gallery for each query: the cumulative matching characteristic (CMC) and mean average precision (mAP).

Zheng et al., Scalable Person Re-identification: A Benchmark (ICCV 2015), as torchreid's `evaluate_rank` computes them
for Market-1501, without a Python loop: MSMT17 has 11,659 queries and 82,161 gallery images.

Per query, gallery images of the same identity from the same camera are left out, and so is junk (identity -1). All
others are ranked by rising distance; of equal distances the lower gallery index comes first. Distractors (Market-1501's
identity 0) are the identity of no query, so they only ever count as wrong. A query without a correct image left in the
gallery is left out of the means and counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from backbones.errors import InputError

#: The identity of gallery images that nobody scores (Market-1501: bad detections).
JUNK = -1

#: The ranks at which the CMC is reported.
RANKS = (1, 5, 10, 20)


@dataclass(frozen=True)
class Labels:
    """Who is on each of N images, and which camera took it: two integer tensors `(N,)`."""

    identities: Tensor
    cameras: Tensor

    def __getitem__(self, index: slice | Tensor) -> Labels:
        return Labels(self.identities[index], self.cameras[index])


@dataclass(frozen=True)
class Ranking:
    """The scores of a ranking.

    Attributes:
        cmc: rank k to the share (0 to 1) of scored queries with a correct image among the first k.
        mean_average_precision: the mean over scored queries (0 to 1).
        queries: how many queries were scored.
        queries_without_match: how many were left out because the gallery holds no correct image for them.
    """

    cmc: Mapping[int, float]
    mean_average_precision: float
    queries: int
    queries_without_match: int


def rank_features(
    query_features: Tensor,
    gallery_features: Tensor,
    query: Labels,
    gallery: Labels,
    ranks: Sequence[int] = RANKS,
    chunk: int = 128,
) -> Ranking:
    """Rank by Euclidean distance between features `(N_query, D)` and `(N_gallery, D)`, `chunk` queries at a time.

    Raises:
        FloatingPointError: a feature is not finite.
        InputError: no query has a correct image in the gallery.
    """
    for features in (query_features, gallery_features):
        if not bool(torch.isfinite(features).all()):
            raise FloatingPointError("a feature is not finite: the network has diverged")
    gallery_norms = gallery_features.square().sum(dim=1)

    def distances() -> Iterator[Tensor]:
        for rows in query_features.split(chunk):
            # Squared, and without the query's own norm: neither changes the order of a row.
            yield torch.addmm(gallery_norms, rows, gallery_features.t(), alpha=-2)

    return _rank(distances(), query, gallery, ranks)


def rank_distances(
    distances: Tensor, query: Labels, gallery: Labels, ranks: Sequence[int] = RANKS, chunk: int = 128
) -> Ranking:
    """Rank by distances `(N_query, N_gallery)`, `chunk` queries at a time."""
    return _rank(iter(distances.split(chunk)), query, gallery, ranks)


def _rank(chunks: Iterator[Tensor], query: Labels, gallery: Labels, ranks: Sequence[int]) -> Ranking:
    scored = gallery.identities != JUNK
    gallery = gallery[scored]
    first_hits, precisions = [], []
    start = 0
    for distances in chunks:
        rows = query[slice(start, start + len(distances))]
        start += len(distances)
        first_hit, precision = _score(distances[:, scored], rows, gallery)
        first_hits.append(first_hit)
        precisions.append(precision)
    first_hit, precision = torch.cat(first_hits), torch.cat(precisions)
    matched = first_hit > 0
    queries = int(matched.sum())
    if queries == 0:
        raise InputError(
            f"none of the {len(first_hit)} queries has an image of its identity from another camera in the gallery"
        )
    return Ranking(
        cmc={rank: int((matched & (first_hit <= rank)).sum()) / queries for rank in ranks},
        mean_average_precision=float(precision[matched].sum()) / queries,
        queries=queries,
        queries_without_match=len(first_hit) - queries,
    )


def _score(distances: Tensor, query: Labels, gallery: Labels) -> tuple[Tensor, Tensor]:
    """Per row of distances `(Q, G)`: the position (from 1) of the first correct image, or 0, and average precision."""
    if len(gallery.identities) == 0:
        return torch.zeros(len(distances), dtype=torch.long), torch.zeros(len(distances), dtype=torch.float64)
    order = distances.argsort(dim=1, stable=True)
    same_identity = gallery.identities[order] == query.identities[:, None]
    left_out = same_identity & (gallery.cameras[order] == query.cameras[:, None])
    correct = same_identity & ~left_out
    # Only the correct images matter from here on: some dozen of a row's thousands.
    row, column = correct.nonzero(as_tuple=True)
    position = (column + 1 - left_out.cumsum(dim=1)[row, column]).cpu()
    hit = correct.cumsum(dim=1)[row, column].cpu()
    row = row.cpu()
    first_hit = torch.zeros(len(distances), dtype=torch.long)
    first_hit[row[hit == 1]] = position[hit == 1]
    precision = torch.zeros(len(distances), dtype=torch.float64).index_add_(0, row, hit.double() / position.double())
    return first_hit, precision / correct.sum(dim=1).cpu().clamp(min=1)
