"""Killed at 20 random moments, the digits pipeline ends with the records of an undisturbed run."""

from __future__ import annotations

from pathlib import Path

from bench.pipeline.survival import compare, survive
from tests.bench.pipeline.miniature import STAGES, write_configs


def test_twenty_kills_change_no_record(on_mini_digits: Path) -> None:
    pipeline = write_configs(on_mini_digits, epochs=2)
    survival = survive(["run", str(pipeline)], on_mini_digits, kills=20, seed=0)
    assert survival.differences == []
    assert survival.kills == 20
    assert len(list((on_mini_digits / "undisturbed/results/records").rglob("seed*.json"))) == STAGES
    assert list((on_mini_digits / "killed1/results/failed").rglob("*.json")) == []


def test_differences_are_found() -> None:
    record = {"metrics": {"top1_error": {"value": 1.0}}, "key": "a"}
    other = {"metrics": {"top1_error": {"value": 1.0000000000000002}}, "key": "a"}
    assert compare({"x": record}, {"x": record}) == []
    assert compare({"x": record}, {}) == ["x: is missing"]
    assert compare({}, {"x": record}) == ["x: is too many"]
    (difference,) = compare({"x": record}, {"x": other})
    assert difference.startswith("x: metrics: ")
