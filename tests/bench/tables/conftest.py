"""Records and rows that the tests of tables share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bench.records.record import Record


@pytest.fixture
def seeds_of(make_record: Callable[..., Record]) -> Callable[..., list[Record]]:
    """Records of one experiment, a seed for each of the given top-1 errors."""

    def make(*errors: float, **changes: Any) -> list[Record]:
        return [
            make_record(seed=seed, metrics={"top1_error": metric(error)}, **changes)
            for seed, error in enumerate(errors)
        ]

    return make


def metric(value: float, higher_is_better: bool = False) -> dict[str, Any]:
    return {"value": value, "unit": "%", "higher_is_better": higher_is_better}
