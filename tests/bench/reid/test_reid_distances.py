"""Distances against torchreid's, and the same bit for bit however they are asked for."""

from __future__ import annotations

import pytest
import torch

from bench.reid.distances import BLOCK, Metric, distance_blocks
from bench.reid.torchreid_compat import import_torchreid


def all_distances(queries: torch.Tensor, gallery: torch.Tensor, metric: Metric) -> torch.Tensor:
    return torch.cat(list(distance_blocks(queries, gallery, metric)))


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_distances_are_torchreids(metric: Metric) -> None:
    torch.manual_seed(0)
    queries, gallery = torch.randn(BLOCK + 3, 12).double(), torch.randn(40, 12).double()
    theirs = import_torchreid("metrics").compute_distance_matrix(queries, gallery, metric)
    blocks = list(distance_blocks(queries, gallery, metric))
    assert [len(block) for block in blocks] == [BLOCK, 3]
    torch.testing.assert_close(torch.cat(blocks), theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_a_distance_does_not_depend_on_the_queries_beside_it(metric: Metric) -> None:
    torch.manual_seed(0)
    queries, gallery = torch.randn(BLOCK + 60, 70), torch.randn(500, 70)
    together = all_distances(queries, gallery, metric)
    for count in (1, 2, 7, 100, BLOCK):
        assert torch.equal(all_distances(queries[:count], gallery, metric), together[:count])


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_the_distance_of_an_image_to_itself_is_not_below_zero(metric: Metric) -> None:
    torch.manual_seed(0)
    features = torch.randn(50, 64) * 100
    distances = all_distances(features, features, metric)
    assert float(distances.min()) >= (0 if metric == "euclidean" else -1e-6)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_features_that_are_not_finite_are_refused(metric: Metric) -> None:
    features = torch.tensor([[0.0], [float("nan")]])
    with pytest.raises(FloatingPointError, match="diverged"):
        all_distances(features, torch.ones(1, 1), metric)
    with pytest.raises(FloatingPointError, match="diverged"):
        all_distances(torch.ones(1, 1), features, metric)
