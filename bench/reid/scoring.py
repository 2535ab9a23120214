"""Rank features by a protocol's distance."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from bench.reid.distances import distance_blocks
from bench.reid.ranking import Labels, Ranking, rank_blocks
from bench.reid.reranking import reranked
from bench.reid.schema import ReidConfig


def score(queries: Tensor, gallery_features: Tensor, query: Labels, gallery: Labels, config: ReidConfig) -> Ranking:
    """Rank features `(N_query, D)` and `(N_gallery, D)` by the protocol's distance, with its re-ranking if any."""
    return rank_blocks(protocol_distances(queries, gallery_features, config), query, gallery)


def protocol_distances(queries: Tensor, gallery: Tensor, config: ReidConfig) -> Iterator[Tensor]:
    """Compute the distances that a protocol ranks by, in blocks as `distance_blocks` does."""
    if config.rerank is None:
        return distance_blocks(queries, gallery, config.metric)
    how = config.rerank
    return reranked(queries, gallery, config.metric, how.k1, how.k2, how.weight)
