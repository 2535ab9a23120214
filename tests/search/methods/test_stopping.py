from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from search.methods.stopping import Curvature, SkipCount, Stopping


def lines(*values: float) -> list[dict[str, Any]]:
    return [{"epoch": place, "eigenvalue": value} for place, value in enumerate(values, start=1)]


def test_the_windows_are_compared_epoch_by_epoch() -> None:
    """Windows of 3 around epochs 2 and 4: means 2 and 2.5, then 2.9."""
    rule = Curvature(type="curvature", window=3, lag=2, ratio=1.4)
    flat = lines(1.0, 2.0, 3.0, 2.0, 2.5)
    # Epoch 4 is the last whose window is complete; 2 its earlier one.
    assert rule.chosen(flat) is None
    assert rule.chosen([*flat, *lines(9.0)]) == 3
    assert rule.chosen(lines(1.0, 2.0, 3.0, 2.0, 3.71)) == 2
    assert rule.chosen(lines(1.0, 2.0, 3.0, 2.0, 3.39)) is None


def test_the_first_epochs_are_not_taken() -> None:
    rule = Curvature(type="curvature", window=1, lag=1, ratio=1.3, first=3)
    assert rule.chosen(lines(1.0, 2.0)) is None
    assert rule.chosen(lines(1.0, 2.0, 3.0)) is None
    assert rule.chosen(lines(1.0, 2.0, 3.0, 4.0)) == 3
    assert rule.chosen([]) is None


def test_nothing_is_compared_with_what_is_not_positive() -> None:
    rule = Curvature(type="curvature", window=1, lag=1, ratio=1.3)
    assert rule.chosen(lines(-2.0, -1.0)) is None
    assert rule.chosen(lines(0.0, 1.0)) is None
    assert rule.chosen(lines(0.1, 1.0)) == 1


def test_a_window_has_a_middle() -> None:
    with pytest.raises(ValueError, match="window=4: expected an odd number"):
        Curvature(type="curvature", window=4, ratio=1.3)


def test_skip_connections_are_counted_after_each_epoch() -> None:
    """DARTS+, criterion 1."""
    rule = TypeAdapter(Stopping).validate_python({"type": "skips", "most": 2})
    assert isinstance(rule, SkipCount)
    counts = [{"skip_count": count} for count in (0, 1, 1)]
    assert rule.chosen([]) is None
    assert rule.chosen(counts) is None
    assert rule.chosen([*counts, {"skip_count": 2}]) == 4
    assert rule.chosen([*counts, {"skip_count": 3}]) == 4
    later = rule.model_copy(update={"first": 5})
    assert later.chosen([*counts, {"skip_count": 3}]) is None
    assert later.chosen([*counts, *[{"skip_count": 3}] * 2]) == 5
