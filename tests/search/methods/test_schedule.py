from __future__ import annotations

import pytest

from search.methods.schedule import Schedule


def test_a_linear_schedule_reaches_its_end_in_the_last_epoch() -> None:
    """GDAS: τ from 10 to 0.1."""
    schedule = Schedule(start=10.0, end=0.1)
    assert [schedule.at(epoch, 4) for epoch in range(4)] == pytest.approx([10.0, 6.7, 3.4, 0.1])
    assert (schedule.at(0, 4), schedule.at(3, 4)) == (10.0, 0.1)


def test_or_in_the_epoch_that_would_follow() -> None:
    """DARTS−: β from 1 to 0, which it would be in epoch 51."""
    schedule = Schedule(start=1.0, end=0.0, reached=False)
    assert [schedule.at(epoch, 50) for epoch in (0, 25, 49)] == pytest.approx([1.0, 0.5, 0.02])


def test_an_exponential_schedule_multiplies_by_one_factor() -> None:
    schedule = Schedule(start=8.0, end=1.0, shape="exponential")
    assert [schedule.at(epoch, 4) for epoch in range(4)] == pytest.approx([8.0, 4.0, 2.0, 1.0])
    with pytest.raises(ValueError, match="needs both above 0"):
        Schedule(start=1.0, end=0.0, shape="exponential")


@pytest.mark.parametrize("shape", ["linear", "exponential"])
def test_a_single_epoch_has_the_start(shape: str) -> None:
    assert Schedule(start=2.0, end=1.0, shape=shape).at(0, 1) == 2.0  # type: ignore[arg-type]


def test_zero() -> None:
    assert Schedule(start=0, end=0).is_zero
    assert not Schedule(start=0, end=0.1).is_zero
    assert not Schedule(start=0.1, end=0).is_zero
