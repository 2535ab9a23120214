"""The losses: sums over the parts, the triplet loss against its definition."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from bench.reid.engine import PcbLoss
from bench.reid.pcb import Parts
from bench.reid.schema import ReidConfig

IDENTITIES = torch.tensor([0, 0, 1, 1, 2, 2])


def config(**changes: object) -> ReidConfig:
    given = {"task": "reid", "dataset": "market1501", "data_root": "x", "parts": 1, **changes}
    return ReidConfig.model_validate(given)


def parts(count: int) -> Parts:
    draw = torch.Generator().manual_seed(0)
    return Parts(
        [torch.randn(6, 3, generator=draw) for _ in range(count)],
        [torch.randn(6, 5, generator=draw) for _ in range(count)],
    )


def triplet(vectors: Tensor, margin: float) -> float:
    """For each image the farthest of its identity and the nearest of another (Hermans et al. 2017), one by one."""
    losses = []
    for anchor, who in zip(vectors, IDENTITIES, strict=True):
        distances = [float((anchor - other).norm()) for other in vectors]
        same = max(d for d, other in zip(distances, IDENTITIES, strict=True) if other == who)
        different = min(d for d, other in zip(distances, IDENTITIES, strict=True) if other != who)
        losses.append(max(0.0, same - different + margin))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("smoothing", [False, True])
def test_cross_entropy_is_summed_over_the_parts(smoothing: bool) -> None:
    given = parts(3)
    terms = PcbLoss(config(label_smooth=smoothing))(given, IDENTITIES)
    rate = 0.1 if smoothing else 0.0
    expected = sum(float(F.cross_entropy(logits, IDENTITIES, label_smoothing=rate)) for logits in given.logits)
    assert set(terms) == {"softmax"}
    assert float(terms["softmax"]) == pytest.approx(expected)


def test_triplet_losses_are_added() -> None:
    given = parts(2)
    terms = PcbLoss(config(loss="softmax_triplet", margin=0.5, triplet_weight=2.0))(given, IDENTITIES)
    assert set(terms) == {"softmax", "triplet"}
    expected = 2 * sum(triplet(vectors, 0.5) for vectors in given.vectors)
    assert float(terms["triplet"]) == pytest.approx(expected, rel=1e-4)
