"""The ranking against a plain one, against torchreid's, and its rules one by one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from backbones.errors import InputError
from bench.reid.distances import BLOCK, Metric, distance_blocks
from bench.reid.listing import JUNK
from bench.reid.ranking import RANKS, Labels, Ranking, rank_blocks, ties_at_once
from bench.reid.torchreid_compat import import_torchreid


def rank_distances(
    distances: torch.Tensor, query: Labels, gallery: Labels, ranks: Sequence[int] = RANKS, chunk: int = 256
) -> Ranking:
    """Rank by distances `(N_query, N_gallery)`, `chunk` queries at a time; they are not changed."""
    return rank_blocks((rows.clone() for rows in distances.split(chunk)), query, gallery, ranks)


def rank_features(
    queries: Tensor, images: Tensor, query: Labels, gallery: Labels, metric: Metric = "euclidean"
) -> Ranking:
    return rank_blocks(distance_blocks(queries, images, metric), query, gallery)


def labels(identities: list[int], cameras: list[int]) -> Labels:
    return Labels(torch.tensor(identities), torch.tensor(cameras))


def plain_ranking(distances: Tensor, query: Labels, gallery: Labels) -> Ranking | None:
    """The definition, one image after the other."""
    hits = dict.fromkeys(RANKS, 0)
    precisions = []
    for row, who, where in zip(distances.tolist(), query.identities.tolist(), query.cameras.tolist(), strict=True):
        correct = position = 0
        first, precision = None, 0.0
        candidates = zip(row, range(len(row)), gallery.identities.tolist(), gallery.cameras.tolist(), strict=True)
        for _, _, identity, camera in sorted(candidates):
            if identity == JUNK or (identity == who and camera == where):
                continue
            position += 1
            if identity == who:
                correct += 1
                precision += correct / position
                first = first or position
        if first is not None:
            precisions.append(precision / correct)
            for rank in RANKS:
                hits[rank] += first <= rank
    if not precisions:
        return None
    scored = len(precisions)
    cmc = {rank: count / scored for rank, count in hits.items()}
    return Ranking(cmc, sum(precisions) / scored, scored, len(distances) - scored)


@st.composite
def rankings(draw: st.DrawFn) -> tuple[Tensor, Labels, Labels]:
    """Few identities, cameras and distances, so that junk, ties and queries without a match are common."""
    queries, images = draw(st.integers(1, 9)), draw(st.integers(1, 30))

    def numbers(low: int, high: int, size: int) -> list[int]:
        return draw(st.lists(st.integers(low, high), min_size=size, max_size=size))

    distances = torch.tensor(numbers(0, 6, queries * images), dtype=torch.float32).view(queries, images)
    query = labels(numbers(1, 4, queries), numbers(0, 2, queries))
    return distances, query, labels(numbers(-1, 4, images), numbers(0, 2, images))


@settings(deadline=None, max_examples=200)
@given(rankings(), st.integers(1, 10))
def test_the_ranking_is_the_plain_one(case: tuple[Tensor, Labels, Labels], chunk: int) -> None:
    expected = plain_ranking(*case)
    if expected is None:
        with pytest.raises(InputError, match="from another camera"):
            rank_distances(*case, chunk=chunk)
        return
    found = rank_distances(*case, chunk=chunk)
    assert (found.cmc, found.queries, found.queries_without_match) == (
        expected.cmc,
        expected.queries,
        expected.queries_without_match,
    )
    assert found.mean_average_precision == pytest.approx(expected.mean_average_precision, abs=1e-9)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_the_ranking_is_torchreids_where_distances_differ(seed: int) -> None:
    rng = np.random.default_rng(seed)
    queries, images = int(rng.integers(1, 20)), int(rng.integers(40, 120))
    distances = rng.permutation(queries * images).reshape(queries, images).astype(np.float32)
    who, where = rng.integers(1, 6, queries), rng.integers(0, 3, queries)
    gallery_who, gallery_where = rng.integers(0, 6, images), rng.integers(0, 3, images)
    evaluate = import_torchreid("metrics").evaluate_rank
    # At rank 20 torchreid fails where fewer than 20 images of a gallery are left after those of the same camera.
    cmc, mean = evaluate(distances, who, gallery_who, where, gallery_where, max_rank=20, use_cython=False)
    found = rank_distances(
        torch.from_numpy(distances),
        Labels(torch.from_numpy(who), torch.from_numpy(where)),
        Labels(torch.from_numpy(gallery_who), torch.from_numpy(gallery_where)),
    )
    assert found.mean_average_precision == pytest.approx(mean, abs=1e-9)
    # torchreid's CMC is single precision.
    assert {rank: np.float32(share) for rank, share in found.cmc.items()} == {rank: cmc[rank - 1] for rank in RANKS}


def test_of_equal_distances_the_lower_index_comes_first() -> None:
    query, distances = labels([1], [0]), torch.zeros(1, 4)
    found = rank_distances(distances, query, labels([2, 1, 3, 1], [1, 1, 1, 1]))
    assert found.cmc == {1: 0, 5: 1, 10: 1, 20: 1}
    assert found.mean_average_precision == pytest.approx((1 / 2 + 2 / 4) / 2)


def test_same_camera_and_junk_are_left_out_and_distractors_count_as_wrong() -> None:
    # By distance: the same camera, junk, a distractor, the correct image.
    found = rank_distances(torch.tensor([[0.0, 1, 2, 3]]), labels([7], [0]), labels([7, JUNK, 0, 7], [0, 1, 1, 1]))
    assert found.mean_average_precision == 0.5
    assert found.cmc[1] == 0


def test_queries_without_a_correct_image_are_left_out_and_counted() -> None:
    found = rank_distances(torch.tensor([[0.0, 1], [1, 0]]), labels([1, 2], [0, 0]), labels([1, 2], [1, 0]))
    assert (found.queries, found.queries_without_match) == (1, 1)
    assert found.mean_average_precision == 1


def test_a_gallery_of_junk_only_is_refused() -> None:
    with pytest.raises(InputError, match="none of the 1 queries"):
        rank_distances(torch.zeros(1, 2), labels([1], [0]), labels([JUNK, JUNK], [1, 1]))


def made(queries: int, images: int, dimensions: int, seed: int = 0) -> tuple[Tensor, Tensor, Labels, Labels]:
    """Features of whole numbers, so that many distances are equal, of a few identities, distractors and junk."""
    draw = torch.Generator().manual_seed(seed)

    def numbers(low: int, high: int, *size: int) -> Tensor:
        return torch.randint(low, high, size, generator=draw)

    query = Labels(numbers(1, 9, queries), numbers(0, 3, queries))
    gallery = Labels(numbers(-1, 9, images), numbers(0, 3, images))
    return numbers(-3, 4, queries, dimensions).float(), numbers(-3, 4, images, dimensions).float(), query, gallery


def test_features_are_ranked_by_euclidean_distance() -> None:
    # Small whole numbers: every sum is exact.
    queries, images, query, gallery = made(7, 40, 5)
    squared = (queries[:, None] - images[None]).square().sum(dim=2)
    assert rank_features(queries, images, query, gallery) == rank_distances(squared, query, gallery)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_features_are_ranked_as_torchreid_ranks_them(metric: Metric) -> None:
    _, _, query, gallery = made(BLOCK + 44, 400, 1)
    kept = gallery.identities != JUNK
    draw = torch.Generator().manual_seed(1)
    queries, images = (torch.randn(count, 16, generator=draw, dtype=torch.float64) for count in (BLOCK + 44, 400))
    metrics = import_torchreid("metrics")
    labels = [
        each.numpy() for each in (query.identities, gallery.identities[kept], query.cameras, gallery.cameras[kept])
    ]
    distances = metrics.compute_distance_matrix(queries, images[kept], metric).numpy()
    cmc, mean = metrics.evaluate_rank(distances, *labels, max_rank=20, use_cython=False)
    found = rank_features(queries, images, query, gallery, metric)
    assert found.mean_average_precision == pytest.approx(mean, abs=1e-9)
    assert {rank: np.float32(share) for rank, share in found.cmc.items()} == {rank: cmc[rank - 1] for rank in RANKS}


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_ties_come_out_the_same_however_many_queries_are_ranked_at_once(metric: Metric) -> None:
    queries, images, query, gallery = made(BLOCK + 100, 300, 3)
    together = rank_features(queries, images, query, gallery, metric)
    distances = torch.cat(list(distance_blocks(queries, images, metric)))
    assert len(distances[0].unique()) < 150
    for chunk in (1, 7, 100, BLOCK, 1000):
        assert rank_distances(distances, query, gallery, chunk=chunk) == together
    assert rank_features(queries, images, query, gallery, metric) == together
    # Of noise, whose products round.
    queries, images = torch.randn(queries.shape), torch.randn(images.shape)
    together = rank_features(queries, images, query, gallery, metric)
    distances = torch.cat(
        [*distance_blocks(queries[:99], images, metric), *distance_blocks(queries[99:], images, metric)]
    )
    assert rank_distances(distances, query, gallery, chunk=99) == together


def test_distances_are_left_as_they_are() -> None:
    queries, images, query, gallery = made(9, 40, 5)
    (distances,) = distance_blocks(queries, images, "euclidean")
    before = distances.clone()
    rank_distances(distances, query, gallery)
    assert torch.equal(distances, before)


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_distances_that_are_not_finite_are_refused(broken: float) -> None:
    with pytest.raises(FloatingPointError, match="diverged"):
        rank_distances(torch.tensor([[1.0, broken]]), labels([1], [0]), labels([1, 1], [1, 1]))


def test_a_gpus_way_to_count_ties_counts_the_same() -> None:
    draw = torch.Generator().manual_seed(0)
    block = torch.randint(4, (50, 700), generator=draw).float()
    rows, columns = (torch.randint(size, (30_000,), generator=draw) for size in block.shape)
    # By definition, in pieces: 30,000 rows are more than are compared at once.
    expected = [
        int((block[row, :column] == block[row, column]).sum()) for row, column in zip(rows, columns, strict=True)
    ]
    assert ties_at_once(block, rows, columns).tolist() == expected
