"""Keys of a pipeline's config: defaults, bounds and what goes together."""

from __future__ import annotations

from typing import Any

import pytest

from bench.pipeline.settings import (
    ByMultiplyAdds,
    Expected,
    PipelinePart,
    PipelineSettings,
    Reference,
    Resources,
    SearchEntry,
)

REFERENCE = {"hours": 1, "epochs": 2, "images": 3, "macs": 5.0, "source": "me"}


@pytest.mark.parametrize(
    ("schema", "least", "key", "taken", "refused"),
    [
        (SearchEntry, {"protocol": "x"}, "seeds", ([0], [2**32 - 1], None), ([], [-1], [2**32])),
        (SearchEntry, {"protocol": "x"}, "max_skips", ([0], []), ([-1],)),
        (SearchEntry, {"protocol": "x"}, "after_stages", ([1], []), ([0],)),
        (SearchEntry, {"protocol": "x"}, "select", ("all", "random", None), ("worst",)),
        (PipelinePart, {}, "seeds", ([0], [2**32 - 1]), ([], [-1], [2**32])),
        (PipelinePart, {}, "retrain_seeds", ([], [0], [2**32 - 1]), ([-1], [2**32])),
        (PipelinePart, {}, "random_baselines", (0, 9), (-1,)),
        (Expected, {"source": "me"}, "hours", (1e-9,), (0, -1)),
        (Expected, {"source": "me", "hours": 1}, "device", ("GPU", "CPU"), ("TPU",)),
        (Reference, REFERENCE, "hours", (1e-9,), (0,)),
        (Reference, REFERENCE, "epochs", (1,), (0,)),
        (Reference, REFERENCE, "images", (1,), (0,)),
        (Reference, REFERENCE, "macs", (1e-9,), (0,)),
        (Resources, {}, "processes", (1, 8), (0,)),
        (Resources, {}, "cpus", (0.1,), (0, -1)),
        (Resources, {}, "gpus", (0, 0.5, None), (-0.1,)),
    ],
)
def test_a_key_has_its_bounds(schema: Any, least: dict[str, Any], key: str, taken: Any, refused: Any) -> None:
    for value in taken:
        assert getattr(schema.model_validate({**least, key: value}), key) == value
    for value in refused:
        with pytest.raises(ValueError, match=key):
            schema.model_validate({**least, key: value})


def test_what_a_pipeline_does_not_say() -> None:
    found = PipelineSettings.model_validate({"task": "pipeline"}).model_dump()
    assert found == {
        "task": "pipeline",
        "searches": [],
        "seeds": [0],
        "select": "all",
        "selection_protocol": None,
        "baselines": [],
        "random_baselines": 0,
        "retrain": [],
        "transfers": [],
        "retrain_seeds": [],
        "parts": [],
        "options": {},
        "expected": {},
        "resources": {},
        "by_multiply_adds": None,
    }
    assert Resources().model_dump() == {"processes": 1, "cpus": 1, "gpus": None}
    entry = {"options": {}, "seeds": None, "select": None, "max_skips": [], "after_stages": []}
    assert SearchEntry(protocol="x").model_dump() == {"protocol": "x", **entry}
    assert Expected(hours=1, source="me").device == Reference(**REFERENCE).device == "GPU"
    assert ByMultiplyAdds().model_dump() == {"separable": None, "dense": None, "searches": {}}
    # A backward pass has about twice the multiply-adds of a forward pass.
    assert Reference(**REFERENCE).total == 3 * 2 * 3 * 5


def test_a_name_stands_for_an_entry_and_one_for_a_list() -> None:
    part = PipelinePart.model_validate(
        {"searches": ["s", {"protocol": "t"}], "baselines": ["A"], "transfers": ["x"], "retrain": "r"}
    )
    assert [entry.protocol for entry in part.searches] == ["s", "t"]
    assert (part.baselines[0].architecture, part.baselines[0].weights) == ("A", None)
    assert (part.transfers[0].protocol, part.transfers[0].weights) == ("x", None)
    assert part.retrain == ["r"]
    assert PipelinePart.model_validate({"retrain": ["r", "q"]}).retrain == ["r", "q"]
    for key in ("searches", "baselines", "transfers", "retrain"):
        with pytest.raises(ValueError, match=key):
            PipelinePart.model_validate({key: 3})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"select": "best"}, "selection_protocol is missing: select='best' needs it"),
        ({"searches": [{"protocol": "s", "select": "best"}]}, "selection_protocol is missing"),
        ({"transfers": [{"protocol": "x", "weights": "r"}]}, "transfers: weights='r' of 'x' is not in 'retrain'"),
        (
            {"transfers": ["x"], "retrain": ["r", "q"]},
            r"'x' could start from several of 'retrain'; write dict\(protocol='x', weights='q'\)",
        ),
        (
            {"options": {"classify": {}}},
            "'classify': no such task; expected one of search, classification, detection, r",
        ),
        ({"by_multiply_adds": {"searches": {"a": "b"}}}, "by_multiply_adds.searches: 'a': 'b' has no hours in"),
    ],
)
def test_keys_that_do_not_go_together_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        PipelineSettings.model_validate({"task": "pipeline", **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"select": "best", "selection_protocol": "p"},
        {"select": "random", "searches": [{"protocol": "s", "select": "all"}]},
        {"transfers": [{"protocol": "x", "weights": "q"}], "retrain": ["r", "q"]},
        {"transfers": ["x"], "retrain": ["r"]},
        {"transfers": ["x"]},
        {"options": {task: {} for task in ("search", "classification", "detection", "reid", "zerocost")}},
        {"by_multiply_adds": {"searches": {"a": "b"}}, "expected": {"b": {"hours": 1, "source": "me"}}},
    ],
)
def test_keys_that_go_together_are_taken(changes: dict[str, Any]) -> None:
    PipelineSettings.model_validate({"task": "pipeline", **changes})
