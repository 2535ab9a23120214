"""What a file from outside may hold: each bound at its last value, and one beyond it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from bench.records import bounds
from bench.records.bounds import confirm_bounded, confirm_config, confirm_environment, confirm_record


def nested(levels: int) -> Any:
    """Lists in dictionaries in lists …"""
    value: Any = 1
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


@pytest.mark.parametrize(
    ("within", "beyond", "said"),
    [
        (nested(32), nested(33), "expected at most 32 levels of nesting"),
        (10**18, 10**18 + 1, r"expected a number of at most 1e\+18"),
        (-(10**18), -(10**18) - 1, "expected a number of at most"),
        (1e100, 1.1e100, "expected a number of at most"),
        ("x" * 20_000, "x" * 20_001, r"expected a text of at most 20,000 characters \(got 20,001\)"),
        ({"x" * 300: 1}, {"x" * 301: 1}, r"expected a text of at most 300 characters \(got 301\)"),
        (
            {"name": "x" * 500},
            {"name": "x" * 501},
            r"key 'name': expected a text of at most 500 characters",
        ),
        # Of a list, each is what the list is called.
        ({"name": ["x" * 500]}, {"name": ["x" * 501]}, r"key 'name\.0': expected a text of at most 500 characters"),
        (
            {"a": {"title": 501 * "x"}},
            {"a": {"name": 501 * "x"}},
            r"key 'a\.name': expected a text of at most 500",
        ),
        ("ä\ud7ff\ue000", "\ud800", "holds an unpaired surrogate"),
        ("plain", "and \udfff", "holds an unpaired surrogate"),
        ({"ä": 1}, {"\udbff": 1}, "holds an unpaired surrogate"),
        (0.5, math.nan, r"expected a finite number \(got nan\)"),
        (-0.5, math.inf, r"expected a finite number \(got inf\)"),
        ({"a": [True, None]}, {"a": [True, -math.inf]}, r"key 'a\.1': expected a finite number \(got -inf\)"),
    ],
)
def test_a_bound_is_passed_by_the_next_value(within: Any, beyond: Any, said: str) -> None:
    confirm_bounded(within)
    with pytest.raises(ValueError, match=said):
        confirm_bounded(beyond)
    with pytest.raises(ValueError, match=r"expected|than|half|finite"):
        confirm_record({"config": beyond})


@pytest.mark.parametrize(
    ("plain", "looked_at"),
    [
        ({"a": [1, {"b": -2.5}, None, True]}, {"a": [1, {"b": math.nan}]}),
        (10**18, 10**18 + 1),
        (-(10**18), -(10**18) - 1),
        ({"title": "x" * 500}, {"title": "x" * 501}),
        ({"a": "x"}, {"a": "ä"}),
        ({"x" * 300: 1}, {"x" * 301: 1}),
        ({"x": 1}, {"ä": 1}),
        (nested(32), nested(33)),
    ],
)
def test_what_is_far_below_all_bounds_is_looked_at_no_closer(
    plain: Any, looked_at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Key by key, ten thousand records take seconds."""
    asked: list[Any] = []
    monkeypatch.setattr(bounds, "_confirm", lambda content, *more: asked.append(content))
    confirm_bounded(plain)
    assert asked == []
    confirm_bounded(looked_at)
    assert len(asked) == 1


def test_where_a_value_stands_is_told() -> None:
    with pytest.raises(ValueError, match=r"^key 'metrics\.top1\.value': "):
        confirm_bounded({"top1": {"value": 1e101}}, "metrics")
    with pytest.raises(ValueError, match=r"^key 'a\.2\.b': "):
        confirm_bounded({"a": [1, 2, {"b": 1e101}]})
    with pytest.raises(ValueError, match=r"^key 'x{120}': "):
        confirm_bounded({"x" * 130: 1e101})
    # What it is called counts for its length, too.
    with pytest.raises(ValueError, match=r"^key 'a\.name': expected a text of at most 500 characters"):
        confirm_bounded("x" * 501, "a.name")


def test_holes_are_no_numbers_where_there_may_be_some() -> None:
    confirm_bounded([1.0, math.nan, {"a": math.inf}], holes=True)
    with pytest.raises(ValueError, match="at most"):
        confirm_bounded([1e101], holes=True)


@pytest.mark.parametrize("key", ["macs_limit", "input_size", "parts", "limit"])
def test_what_tables_compute_with_is_a_number(key: str) -> None:
    for value in (None, 3):
        confirm_config({key: value, "other": "text"})
        confirm_record({"config": {key: value}})
    for wrong in ("3", True, [3], *([] if key == "macs_limit" else [3.5])):
        with pytest.raises(ValueError, match=f"^key 'config.{key}': expected a number or null"):
            confirm_config({key: wrong})
        with pytest.raises(ValueError, match=key):
            confirm_record({"config": {key: wrong}})
    confirm_config({"macs_limit": 6e8})
    # What is no mapping is refused elsewhere.
    confirm_config([key])
    confirm_config(None)


def test_processes_are_a_number_of_at_least_one() -> None:
    for environment in ({"processes": 1}, {"processes": 8}, {}, None, []):
        confirm_environment(environment)
    for wrong in (0, -1, True, 1.0, "1", None):
        with pytest.raises(ValueError, match=r"^key 'environment\.processes': expected a whole number, 1 or more"):
            confirm_environment({"processes": wrong})
        with pytest.raises(ValueError, match="processes"):
            confirm_record({"environment": {"processes": wrong}})


def test_how_large_files_may_be() -> None:
    assert bounds.LARGEST_RECORD == 16 * 1024 * 1024
    assert bounds.LARGEST_CURVE == 64 * 1024 * 1024
    assert bounds.MOST_EPOCHS == 20_000
