"""The ranking against a plain one, against torchreid's, and its rules one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from backbones.errors import InputError
from bench.reid.ranking import JUNK, RANKS, Labels, Ranking, rank_distances, rank_features
from bench.reid.torchreid_compat import import_torchreid


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


@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_features_are_ranked_by_euclidean_distance(chunk: int) -> None:
    # Small whole numbers: every sum is exact, in whatever order a chunk adds.
    torch.manual_seed(0)
    queries, images = torch.randint(-3, 4, (7, 5)).float(), torch.randint(-3, 4, (40, 5)).float()
    query = Labels(torch.randint(1, 5, (7,)), torch.randint(0, 2, (7,)))
    gallery = Labels(torch.randint(0, 5, (40,)), torch.randint(0, 2, (40,)))
    squared = (queries[:, None] - images[None]).square().sum(dim=2)
    assert rank_features(queries, images, query, gallery, chunk=chunk) == rank_distances(squared, query, gallery)


def test_features_that_are_not_finite_are_refused() -> None:
    features = torch.tensor([[0.0], [float("nan")]])
    with pytest.raises(FloatingPointError, match="diverged"):
        rank_features(features, torch.ones(1, 1), labels([1, 1], [0, 0]), labels([1], [1]))
