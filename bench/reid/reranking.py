"""k-reciprocal re-ranking: Zhong et al., Re-ranking Person Re-identification with k-reciprocal Encoding (CVPR 2017).

Two images are close if they are among each other's nearest neighbours and share such neighbours. All N = queries +
gallery images are compared with all others once, but only the k1 + 1 nearest of each are kept, and the sets of
reciprocal neighbours are sparse, so memory does not grow with N².
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.reid.distances import BLOCK, Metric, distance_blocks
from bench.reid.schema import ReidConfig

#: Chunk size, in images, that bounds the memory of comparing neighbours' neighbours.
_CHUNK = 1024


def protocol_distances(queries: Tensor, gallery: Tensor, config: ReidConfig) -> Iterator[Tensor]:
    """Compute the distances that a protocol ranks by, in blocks as `distance_blocks` does."""
    if config.rerank is None:
        return distance_blocks(queries, gallery, config.metric)
    how = config.rerank
    return reranked(queries, gallery, config.metric, how.k1, how.k2, how.weight)


def reranked(
    queries: Tensor, gallery: Tensor, metric: Metric, k1: int = 20, k2: int = 6, weight: float = 0.3
) -> Iterator[Tensor]:
    """Yield re-ranked distances of features `(N_query, D)` and `(N_gallery, D)`, in blocks as `distance_blocks` does.

    Args:
        k1: number of neighbours that must be reciprocal.
        k2: number of nearest images whose neighbourhoods are averaged; 1 averages nothing.
        weight: weight of the original distance (λ in Zhong et al. 2017); the Jaccard distance has the rest.
    """
    everything = torch.cat([queries, gallery])
    largest, nearest = _neighbours(everything, metric, min(k1 + 1, len(everything)))
    sets = _encode(everything, largest, nearest, metric, k1)
    if k2 > 1:
        sets = _expanded(sets, nearest[:, :k2])
    columns = sets.transposed()
    for start, block in zip(range(0, len(queries), BLOCK), distance_blocks(queries, gallery, metric), strict=True):
        original = _squared(block, metric) / largest[start : start + len(block), None]
        shared = _shared(sets, columns, start, len(block))[:, len(queries) :]
        yield (1 - shared / (2 - shared)) * (1 - weight) + original * weight


@dataclass(frozen=True)
class _Rows:
    """A sparse matrix `(N, N)` in rows: row i has the columns and values from `starts[i]` to `starts[i + 1]`."""

    starts: Tensor
    columns: Tensor
    values: Tensor

    @classmethod
    def of(cls, rows: Tensor, columns: Tensor, values: Tensor, size: int) -> _Rows:
        """Build the matrix from entries sorted by row."""
        starts = torch.zeros(size + 1, dtype=torch.long, device=rows.device)
        starts[1:] = torch.bincount(rows, minlength=size).cumsum(0)
        return cls(starts, columns, values)

    @property
    def rows(self) -> Tensor:
        counts = self.starts.diff()
        return torch.arange(len(counts), device=counts.device).repeat_interleave(counts)

    def entries(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return, for every entry of several rows, its index in `rows` and its index in `columns`."""
        counts = self.starts[rows + 1] - self.starts[rows]
        owner = torch.arange(len(rows), device=rows.device).repeat_interleave(counts)
        within = torch.arange(len(owner), device=rows.device) - (counts.cumsum(0) - counts)[owner]
        return owner, self.starts[rows][owner] + within

    def transposed(self) -> _Rows:
        order = self.columns.argsort(stable=True)
        return _Rows.of(self.columns[order], self.rows[order], self.values[order], len(self.starts) - 1)


def _squared(block: Tensor, metric: Metric) -> Tensor:
    # Zhong et al. compare squared distances; Euclidean ones are squared already.
    return block if metric == "euclidean" else block.square()


def _neighbours(everything: Tensor, metric: Metric, count: int) -> tuple[Tensor, Tensor]:
    """Return each image's largest squared distance `(N,)` and its nearest images `(N, count)`, including itself.

    Of equal distances the lower index comes first.
    """
    largest, nearest = [], []
    for block in distance_blocks(everything, everything, metric):
        squared = _squared(block, metric)
        largest.append(squared.max(dim=1).values)
        values = squared.topk(count, dim=1, largest=False).values
        # topk chooses arbitrarily among equal distances, so all up to the last one's are sorted here.
        row, column = (squared <= values[:, -1:]).nonzero(as_tuple=True)
        order = squared[row, column].argsort(stable=True)
        order = order[row[order].argsort(stable=True)]
        row, column = row[order], column[order]
        counts = torch.bincount(row, minlength=len(block))
        first = counts.cumsum(0) - counts
        nearest.append(column[first[:, None] + torch.arange(count, device=column.device)])
    return torch.cat(largest), torch.cat(nearest)


def _reciprocal(nearest: Tensor, images: Tensor) -> Tensor:
    """Return which neighbours `(n, k)` of the images `(n,)` have them as neighbours too."""
    return (nearest[nearest[images]] == images[:, None, None]).any(dim=2)


def _encode(everything: Tensor, largest: Tensor, nearest: Tensor, metric: Metric, k1: int) -> _Rows:
    """Compute each image's k-reciprocal set, expanded by its members' (Zhong et al. 2017), weighted by distance."""
    size = len(everything)
    # Half of k1, rounded to even like NumPy.
    half = nearest[:, : round(k1 / 2) + 1]
    all_rows, all_columns = [], []
    for images in torch.arange(size, device=nearest.device).split(_CHUNK):
        members = _reciprocal(nearest, images)
        row, place = members.nonzero(as_tuple=True)
        candidates = nearest[images][row, place]
        theirs = half[candidates]
        reciprocal = _reciprocal(half, candidates)
        own = torch.where(members, nearest[images], -1)[row]
        common = ((theirs[:, :, None] == own[:, None, :]).any(dim=2) & reciprocal).sum(dim=1)
        joins = (common > 2 / 3 * reciprocal.sum(dim=1))[:, None] & reciprocal
        more, where = joins.nonzero(as_tuple=True)
        pairs = torch.cat([row * size + candidates, row[more] * size + theirs[more, where]]).unique()
        all_rows.append(images[pairs // size])
        all_columns.append(pairs % size)
    rows, columns = torch.cat(all_rows), torch.cat(all_columns)
    weights = torch.exp(-_distances_of(everything, rows, columns, metric) / largest[rows])
    sums = torch.zeros(size, dtype=weights.dtype, device=weights.device).index_add_(0, rows, weights)
    return _Rows.of(rows, columns, weights / sums[rows], size)


def _distances_of(everything: Tensor, rows: Tensor, columns: Tensor, metric: Metric) -> Tensor:
    """Compute squared distances of pairs of images."""
    found = []
    for row, column in zip(rows.split(_CHUNK * 16), columns.split(_CHUNK * 16), strict=True):
        one, other = everything[row], everything[column]
        if metric == "euclidean":
            found.append((one - other).square().sum(dim=1))
        else:
            found.append((1 - torch.cosine_similarity(one, other)).square())
    return torch.cat(found)


def _expanded(sets: _Rows, nearest: Tensor) -> _Rows:
    """Average the rows of each image's nearest images (local query expansion)."""
    size, k2 = nearest.shape
    all_rows, all_columns, all_values = [], [], []
    for images in torch.arange(size, device=nearest.device).split(_CHUNK):
        owner, place = sets.entries(nearest[images].reshape(-1))
        keys, where = ((owner // k2) * size + sets.columns[place]).unique(return_inverse=True)
        values = sets.values.new_zeros(len(keys)).index_add_(0, where, sets.values[place] / k2)
        all_rows.append(images[keys // size])
        all_columns.append(keys % size)
        all_values.append(values)
    return _Rows.of(torch.cat(all_rows), torch.cat(all_columns), torch.cat(all_values), size)


def _shared(sets: _Rows, columns: _Rows, start: int, count: int) -> Tensor:
    """Sum the smaller weights of `count` rows from `start` with all rows, `(count, N)`."""
    size = len(sets.starts) - 1
    result = sets.values.new_zeros(count * size)
    row, place = sets.entries(torch.arange(start, start + count, device=sets.starts.device))
    owner, there = columns.entries(sets.columns[place])
    smaller = torch.minimum(sets.values[place][owner], columns.values[there])
    return result.index_add_(0, row[owner] * size + columns.columns[there], smaller).view(count, size)
