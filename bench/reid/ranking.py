"""Ranking a gallery for each query: the cumulative matching characteristic (CMC) and mean average precision (mAP).

Zheng et al., Scalable Person Re-identification: A Benchmark (ICCV 2015), as torchreid's `evaluate_rank` computes them
for Market-1501, without a Python loop: MSMT17 has 11,659 queries and 82,161 gallery images.

For each query, gallery images of the same identity from the same camera and junk (identity -1) are left out. All others
are ranked by increasing distance; of equal distances the lower gallery index comes first. Distractors (Market-1501's
identity 0) match no query, so they count as wrong. A query without a correct image left in the gallery is counted, but
not part of the means.

Both scores follow from the positions of the correct images, a few dozen in a row of thousands. A position is the number
of images before it plus one, which is looked up in the sorted distances. Only the values of a row are sorted, not the
indices; images of equal distance are compared by index. This is exact and takes a tenth of the time of a stable sort.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from backbones.errors import InputError
from bench.reid.listing import JUNK

#: The ranks at which the CMC is reported.
RANKS = (1, 5, 10, 20)

#: Chunk size, in distances, that bounds the memory of comparing equal distances.
_COMPARED = 1 << 24


@dataclass(frozen=True)
class Labels:
    """Identities and cameras of N images: two integer tensors `(N,)`."""

    identities: Tensor
    cameras: Tensor

    def __getitem__(self, index: slice | Tensor) -> Labels:
        return Labels(self.identities[index], self.cameras[index])

    def to(self, device: torch.device | str) -> Labels:
        return Labels(self.identities.to(device), self.cameras.to(device))

    def __len__(self) -> int:
        return len(self.identities)


@dataclass(frozen=True)
class Ranking:
    """The scores of a ranking.

    Attributes:
        cmc: by rank k, the share (0 to 1) of scored queries with a correct image among the first k.
        mean_average_precision: the mean over scored queries (0 to 1).
        queries: number of scored queries.
        queries_without_match: number of queries without a correct image in the gallery, which are not scored.
    """

    cmc: Mapping[int, float]
    mean_average_precision: float
    queries: int
    queries_without_match: int


def rank_blocks(blocks: Iterable[Tensor], query: Labels, gallery: Labels, ranks: Sequence[int] = RANKS) -> Ranking:
    """Rank by blocks of distances `(some queries, N_gallery)`, as of `distance_blocks`; the blocks are changed.

    Raises:
        FloatingPointError: a distance is not finite.
        InputError: no query has a correct image in the gallery.
    """
    same = _SameIdentity(gallery)
    first_hits, precisions = [], []
    start = 0
    for block in blocks:
        rows = query[slice(start, start + len(block))]
        start += len(block)
        first_hit, precision = _score(block, rows, gallery, same)
        first_hits.append(first_hit)
        precisions.append(precision)
    first_hit, precision = torch.cat(first_hits), torch.cat(precisions)
    matched = first_hit > 0
    queries = int(matched.sum())
    if queries == 0:
        raise InputError(
            f"none of the {len(first_hit)} queries has an image of its identity from another camera in the gallery; "
            "expected at least one"
        )
    return Ranking(
        cmc={rank: int((matched & (first_hit <= rank)).sum()) / queries for rank in ranks},
        mean_average_precision=float(precision[matched].sum()) / queries,
        queries=queries,
        queries_without_match=len(first_hit) - queries,
    )


class _SameIdentity:
    """An index of the gallery by identity, to find the images of a query's identity quickly."""

    def __init__(self, gallery: Labels) -> None:
        self.identities, self.order = gallery.identities.sort(stable=True)
        self.junk = (gallery.identities == JUNK).nonzero()[:, 0]

    def pairs(self, identities: Tensor) -> tuple[Tensor, Tensor]:
        """Return row and gallery index of every pair of the same identity, sorted by row, then by index."""
        first = torch.searchsorted(self.identities, identities)
        counts = torch.searchsorted(self.identities, identities, right=True) - first
        rows = torch.arange(len(identities), device=identities.device).repeat_interleave(counts)
        within = torch.arange(len(rows), device=rows.device) - (counts.cumsum(0) - counts)[rows]
        return rows, self.order[first[rows] + within]


def _score(block: Tensor, query: Labels, gallery: Labels, same: _SameIdentity) -> tuple[Tensor, Tensor]:
    """Return, for each row of distances `(Q, G)`, the first correct position (from 1, or 0) and average precision."""
    rows, columns = same.pairs(query.identities)
    left_out = query.cameras[rows] == gallery.cameras[columns]
    # Left-out images come last.
    block.index_fill_(1, same.junk, torch.inf)
    block[rows[left_out], columns[left_out]] = torch.inf
    rows, columns = rows[~left_out], columns[~left_out]
    counts = torch.bincount(rows, minlength=len(block))
    if len(rows) == 0:
        return torch.zeros(len(block), dtype=torch.long), torch.zeros(len(block), dtype=torch.float64)
    # A matrix with each row's correct images in its first columns.
    slot = torch.arange(len(rows), device=rows.device) - (counts.cumsum(0) - counts)[rows]
    positions = block.new_full((len(block), int(counts.max())), torch.inf, dtype=torch.float64)
    positions[rows, slot] = _positions(block, rows, columns, slot, positions.shape).double()
    positions = positions.sort(dim=1).values.cpu()
    hits = torch.arange(1, positions.shape[1] + 1, dtype=torch.float64)
    first_hit = torch.where(counts.cpu() > 0, positions[:, 0], 0).long()
    # Not `sum`, whose rounding depends on the width of the matrix, and so on the other queries of the block.
    return first_hit, (hits / positions).cumsum(dim=1)[:, -1] / counts.cpu().clamp(min=1)


def _positions(block: Tensor, rows: Tensor, columns: Tensor, slot: Tensor, shape: torch.Size) -> Tensor:
    """Return the positions, from 1, of images given by row and column in their rows of a block."""
    ordered = _sorted_rows(block)
    values = block[rows, columns]
    if not bool(torch.isfinite(values).all()) or bool(torch.isnan(ordered[:, -1]).any()):
        raise FloatingPointError("a distance is not finite: the network has diverged; try a lower learning rate")
    asked = values.new_zeros(shape)
    asked[rows, slot] = values
    before = torch.searchsorted(ordered, asked)[rows, slot]
    equal = torch.searchsorted(ordered, asked, right=True)[rows, slot] - before
    tied = (equal > 1).nonzero()[:, 0]
    before[tied] += _ties_before(block, rows[tied], columns[tied])
    return before + 1


def _ties_before(block: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Count, for each given image, the images in its row with the same distance and a lower index."""
    if block.is_cuda:
        return ties_at_once(block, rows, columns)
    # On a CPU a pass over one row at a time is faster than copying all rows.
    values = block.numpy()
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    counts = [np.count_nonzero(values[row, :column] == values[row, column]) for row, column in pairs]
    return torch.tensor(counts, dtype=torch.long)


def ties_at_once(block: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Count the same as `_ties_before`, by chunks of images."""
    indices = torch.arange(block.shape[1], device=block.device)
    found = [columns.new_zeros(0)]
    chunk = max(1, _COMPARED // block.shape[1])
    for row, column in zip(rows.split(chunk), columns.split(chunk), strict=True):
        ties = (block[row] == block[row, column][:, None]) & (indices < column[:, None])
        found.append(ties.sum(dim=1))
    return torch.cat(found)


def _sorted_rows(block: Tensor) -> Tensor:
    """Sort the values of each row in increasing order; NaN comes last."""
    if block.is_cuda:
        return block.sort(dim=1).values
    # NumPy sorts values with vector instructions, ten times as fast as torch, which sorts indices too.
    ordered = block.numpy().copy()
    threads = torch.get_num_threads()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda rows: rows.sort(axis=1), np.array_split(ordered, threads)))
    return torch.from_numpy(ordered)
