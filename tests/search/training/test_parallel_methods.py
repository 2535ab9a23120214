"""Each method in two processes on the CPU, through gloo: one architecture in both, also after a resume."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from search.settings import SearchSettings
from tests.search.methods.made import METHODS
from tests.search.training.processes import run_in_two_processes

WORKER = Path(__file__).with_name("replicas_methods.py")


#: Two edges of three operations.
SMALL = {"nodes": 1, "operations": ["none", "skip_connect", "sep_conv_3x3"]}

#: What searches have besides the parts of `METHODS`.
OTHERS: dict[str, dict[str, Any]] = {
    "curvature": {"architecture": {"stop": {"type": "curvature", "window": 1, "lag": 1, "ratio": 1.01}}},
    "perturbation": {"selection": {"type": "perturbation", "tune_epochs": 1}},
}

SEARCHES = [*(name for name in METHODS if name != "darts"), *OTHERS, "evolution"]


@pytest.fixture(scope="module")
def states(
    tiny_search: Callable[..., SearchSettings], made_once: Callable[[str, Callable[[Path], None]], Path]
) -> list[dict[str, dict[str, Any]]]:
    stage = {"epochs": 2, "frozen_epochs": 0, "layers": 3, "channels": 4}
    plain = tiny_search(stages=[stage], max_skips=None, rule="darts").model_dump(mode="json") | SMALL
    parts = {name: {"architecture": own} for name, own in METHODS.items() if name != "darts"} | OTHERS
    searches = {
        name: {**plain, **own, "architecture": {"lr": 0.01, **own.get("architecture", {})}}
        for name, own in parts.items()
    }
    shared = {key: plain[key] for key in ("task", "method", "proxy", "batch_size", "weights")}
    searches["evolution"] = {
        **{**shared, **SMALL, "epochs": 2, "layers": 3, "channels": 4, "candidates": 3},
        "sampler": {"type": "evolution", "population": 2, "sample": 2},
    }
    folder = made_once("methods", lambda folder: run_in_two_processes(WORKER, json.dumps(searches), folder))
    return [torch.load(folder / f"rank{rank}.pth", weights_only=True) for rank in (0, 1)]


@pytest.mark.parametrize("name", SEARCHES)
def test_both_processes_have_one_model(name: str, states: list[dict[str, dict[str, Any]]]) -> None:
    """After every epoch, bit for bit, although each has drawn samples of its own; and the same result."""
    one, other = (state[name] for state in states)
    assert one["epochs"]
    assert (one["genotype"], one["accuracy"]) == (other["genotype"], other["accuracy"])
    for first, second in zip(one["epochs"], other["epochs"], strict=True):
        assert all(torch.equal(value, second[key]) for key, value in first.items())
    moved = [key for key in one["epochs"][0] if "alpha" in key]
    assert all(not torch.equal(one["epochs"][0][key], one["epochs"][-1][key]) for key in moved)


@pytest.mark.parametrize("name", SEARCHES)
def test_a_resumed_search_ends_alike(name: str, states: list[dict[str, dict[str, Any]]]) -> None:
    assert all(state[f"{name} resumed"] is True for state in states)
