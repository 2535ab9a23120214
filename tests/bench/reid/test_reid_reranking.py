"""Re-ranking against torchreid's, which keeps whole matrices."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bench.reid import reranking
from bench.reid.distances import Metric
from bench.reid.reranking import reranked
from bench.reid.torchreid_compat import import_torchreid


def people(seed: int, queries: int = 20, images: int = 90) -> tuple[Tensor, Tensor]:
    """Features of twelve people, so that neighbours are reciprocal here and there."""
    draw = torch.Generator().manual_seed(seed)
    centres = torch.randn(12, 8, generator=draw, dtype=torch.float64)
    who = torch.randint(12, (queries + images,), generator=draw)
    features = centres[who] + 0.6 * torch.randn(queries + images, 8, generator=draw, dtype=torch.float64)
    return features[:queries], features[queries:]


def theirs(queries: Tensor, gallery: Tensor, metric: Metric, k1: int, k2: int, weight: float) -> Tensor:
    def distances(one: Tensor, other: Tensor) -> Tensor:
        if metric == "cosine":
            return import_torchreid("metrics").compute_distance_matrix(one, other, "cosine")
        # torchreid squares what it is given.
        return torch.cdist(one, other, compute_mode="donot_use_mm_for_euclid_dist")

    re_ranking = import_torchreid("utils").re_ranking
    pairs = ((queries, gallery), (queries, queries), (gallery, gallery))
    return torch.from_numpy(re_ranking(*(distances(*pair).numpy() for pair in pairs), k1, k2, weight))


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize(("k1", "k2", "weight"), [(20, 6, 0.3), (5, 1, 0.0), (7, 3, 0.5), (15, 2, 1.0)])
def test_it_is_torchreids(metric: Metric, k1: int, k2: int, weight: float) -> None:
    for seed in range(3):
        queries, gallery = people(seed)
        ours = torch.cat(list(reranked(queries, gallery, metric, k1, k2, weight)))
        # torchreid's is single precision.
        torch.testing.assert_close(ours.float(), theirs(queries, gallery, metric, k1, k2, weight), rtol=0, atol=2e-6)


def test_of_equal_neighbours_the_lower_index_is_nearer() -> None:
    from bench.reid.reranking import _neighbours

    features = torch.tensor([[0.0], [1.0], [-1.0], [1.0], [5.0]])
    largest, nearest = _neighbours(features, "euclidean", 3)
    assert nearest.tolist() == [[0, 1, 2], [1, 3, 0], [2, 0, 1], [1, 3, 0], [4, 1, 3]]
    assert largest.tolist() == [25, 16, 36, 16, 36]


def test_fewer_images_than_neighbours_will_do() -> None:
    queries, gallery = people(0, queries=2, images=5)
    (ours,) = reranked(queries, gallery, "euclidean")
    assert ours.shape == (2, 5)
    assert bool(torch.isfinite(ours).all())


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_chunks_change_nothing(metric: Metric, monkeypatch: pytest.MonkeyPatch) -> None:
    queries, gallery = people(0)
    whole = torch.cat(list(reranked(queries, gallery, metric)))
    monkeypatch.setattr(reranking, "_CHUNK", 7)
    assert torch.equal(torch.cat(list(reranked(queries, gallery, metric))), whole)


def test_what_is_not_said_is_zhong_s() -> None:
    queries, gallery = people(1)
    assert torch.equal(
        torch.cat(list(reranked(queries, gallery, "euclidean"))),
        torch.cat(list(reranked(queries, gallery, "euclidean", 20, 6, 0.3))),
    )
