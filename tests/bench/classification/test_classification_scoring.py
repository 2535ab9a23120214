"""Errors are counted by the rank of the right class."""

from __future__ import annotations

import pytest
import torch

from bench.classification.model import count_errors
from bench.classification.scoring import ErrorMetric, errors


def test_errors_are_counted_by_the_rank_of_the_right_class() -> None:
    metric = ErrorMetric()
    ascending = torch.arange(10.0).repeat(5, 1)
    metric.process(None, [count_errors(ascending, torch.tensor([9, 8, 5, 4, 0]))])
    # A constant output is right by nothing but chance, and counts as wrong.
    metric.process(None, [count_errors(torch.zeros(1, 10), torch.tensor([0]))])
    expected = {"top1_error": pytest.approx(100 * 5 / 6), "top5_error": pytest.approx(100 * 3 / 6)}
    assert metric.evaluate(6) == expected
    # The next evaluation begins anew.
    metric.process(None, [count_errors(ascending[:1], torch.tensor([9]))])
    assert metric.evaluate(1) == {"top1_error": 0.0, "top5_error": 0.0}


@pytest.mark.parametrize("broken", [torch.nan, torch.inf])
def test_a_diverged_classifier_is_no_success(broken: float) -> None:
    logits = torch.zeros(2, 10)
    logits[1, 3] = broken
    with pytest.raises(FloatingPointError, match=r"1 of 2 images are not finite: it has diverged"):
        errors([count_errors(logits, torch.tensor([3, 3]))])
