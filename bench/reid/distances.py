"""Distances between features, in blocks whose numbers depend on nothing but the features.

How a matrix product rounds depends on its shape. Every product here is of `BLOCK` queries, the last ones filled up with
zeros, so a distance is the same bit for bit however many queries are asked for at once, and so is a ranking.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Metric = Literal["euclidean", "cosine"]

#: Queries of one matrix product: of MSMT17's gallery, 84 MB of distances.
BLOCK = 256


def distance_blocks(queries: Tensor, gallery: Tensor, metric: Metric) -> Iterator[Tensor]:
    """Distances of all queries, rising like the metric, as one `(BLOCK, N_gallery)` after another; the last is shorter.

    Euclidean distances come squared, which keeps their order and makes no two of them equal; cosine distance is 1 less
    the cosine of the angle. A block is the caller's to change.

    Args:
        queries, gallery: features `(N_query, D)` and `(N_gallery, D)`.

    Raises:
        FloatingPointError: a feature is not finite.
    """
    for features in (queries, gallery):
        if not bool(torch.isfinite(features).all()):
            raise FloatingPointError("a feature is not finite: the network has diverged")
    product = _products(gallery, metric)
    for rows in queries.split(BLOCK):
        padded = rows.new_zeros(BLOCK, rows.shape[1])
        padded[: len(rows)] = rows
        yield product(padded)[: len(rows)]


def _products(gallery: Tensor, metric: Metric) -> Callable[[Tensor], Tensor]:
    if metric == "cosine":
        directions = F.normalize(gallery).t()
        return lambda rows: torch.mm(F.normalize(rows), directions).neg_().add_(1)
    squares = gallery.square().sum(dim=1)

    def euclidean(rows: Tensor) -> Tensor:
        block = torch.addmm(squares, rows, gallery.t(), alpha=-2)
        return block.add_(rows.square().sum(dim=1, keepdim=True)).clamp_(min=0)

    return euclidean
