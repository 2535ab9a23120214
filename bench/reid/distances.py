"""Distances between features, in blocks of queries.

The rounding of a matrix product depends on its shape. Every product here has `BLOCK` queries, the last one padded with
zeros, so that distances and rankings are bit for bit the same for any number of queries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Metric = Literal["euclidean", "cosine"]

#: Queries of one matrix product; with MSMT17's gallery this gives 84 MB of distances.
BLOCK = 256


def distance_blocks(queries: Tensor, gallery: Tensor, metric: Metric) -> Iterator[Tensor]:
    """Yield the distances of all queries in blocks `(BLOCK, N_gallery)`; the last is shorter.

    Euclidean distances are squared, which keeps their order; cosine distance is 1 minus the cosine of the angle. The
    caller may change a block.

    Args:
        queries, gallery: features `(N_query, D)` and `(N_gallery, D)`.

    Raises:
        FloatingPointError: a feature is not finite.
    """
    for features in (queries, gallery):
        if not bool(torch.isfinite(features).all()):
            raise FloatingPointError("a feature is not finite: the network has diverged; try a lower learning rate")
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
