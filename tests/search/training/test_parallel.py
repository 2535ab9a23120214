"""Two processes on the CPU, through gloo: their models stay the same bit for bit."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch.func import functional_call
from torch.nn import functional as F

from backbones.errors import InputError
from search.loop import bilevel
from search.loop.momentum import MomentumSGD
from search.loop.second_order import unrolled_gradient
from search.settings import SearchSettings
from search.training import parallel
from tests.search.training.processes import run_in_two_processes

WORKER = Path(__file__).with_name("replicas.py")


@pytest.fixture(scope="module")
def settings(tiny_search: Callable[..., SearchSettings]) -> SearchSettings:
    """Two stages with skip dropout, second order, edge normalisation, α's gradient clipped and α carried over."""
    stages = [
        {"epochs": 2, "frozen_epochs": 1, "layers": 3, "channels": 4},
        {"epochs": 3, "frozen_epochs": 1, "layers": 3, "channels": 4, "keep": 3, "skip_dropout": 0.4},
    ]
    architecture = {"lr": 0.01, "clip_norm": 0.01}
    return tiny_search(
        stages=stages, order=2, edge_normalisation=True, architecture=architecture, initial_alpha="carried"
    )


@pytest.fixture(scope="module")
def folder(settings: SearchSettings, made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """What two processes have left."""
    return made_once("replicas", lambda folder: run_in_two_processes(WORKER, settings.model_dump_json(), folder))


@pytest.fixture(scope="module")
def states(folder: Path) -> list[dict[str, Any]]:
    return [torch.load(folder / f"rank{rank}.pth", weights_only=True) for rank in (0, 1)]


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_the_same_after_every_epoch(states: list[dict[str, Any]]) -> None:
    """α, β, weights and running statistics; α and β have moved in the epochs that are not frozen."""
    first, second = (state["epochs"] for state in states)
    assert len(first) == len(second) == 5
    assert all(equal(one, other) for one, other in zip(first, second, strict=True))
    for name in ("supernet.alpha_normal", "supernet.beta_reduce"):
        assert not torch.equal(first[0][name], first[1][name])


def test_running_statistics_are_the_mean(states: list[dict[str, Any]]) -> None:
    """Each process has normalised images of its own, in its own augmentation."""
    one, other = (state["before_averaging"] for state in states)
    names = [name for name in one if "running" in name]
    assert names
    for name in one:
        assert torch.equal(one[name], other[name]) == (name not in names)
        if name in names:
            torch.testing.assert_close(states[0]["epochs"][0][name], (one[name] + other[name]) / 2)


def test_each_process_draws_numbers_of_its_own(states: list[dict[str, Any]]) -> None:
    assert not torch.equal(states[0]["drawn"], states[1]["drawn"])


def test_nobody_goes_on_before_the_last(states: list[dict[str, Any]]) -> None:
    assert all(state["waited"] for state in states)


@pytest.mark.parametrize("order", [1, 2])
def test_the_gradient_is_the_same_in_both(states: list[dict[str, Any]], order: int) -> None:
    assert equal(states[0][f"gradient{order}"], states[1][f"gradient{order}"])


@pytest.fixture(scope="module")
def worker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("replicas", WORKER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_gradient_is_the_mean_of_the_half_batches(
    states: list[dict[str, Any]], settings: SearchSettings, worker: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bilevel, "prepare", worker.images_in_double)
    batch = worker.batch_of()
    halves = [
        worker.gradient_step(
            worker.bilevel_of(settings, 1), {name: value.chunk(2)[half] for name, value in batch.items()}
        )
        for half in (0, 1)
    ]
    found = states[0]["gradient1"]
    for name in ("alpha_normal", "alpha_reduce", "beta_normal", "beta_reduce", "loss_architecture"):
        torch.testing.assert_close(found[name], (halves[0][name] + halves[1][name]) / 2, rtol=1e-12, atol=1e-12)
        assert not torch.equal(halves[0][name], halves[1][name])


def test_the_second_order_gradient_is_that_of_the_mean_loss(
    states: list[dict[str, Any]], settings: SearchSettings, worker: ModuleType
) -> None:
    """Through the step that all processes make together, not the mean of two processes' own."""
    net = worker.bilevel_of(settings, 2).supernet
    architecture = net.architecture_parameters()
    weights = {name: value for name, value in net.named_parameters() if name not in architecture}
    batch = worker.batch_of()

    def loss(half: str, values: Sequence[torch.Tensor]) -> torch.Tensor:
        named = dict(zip(weights, values, strict=True))
        parts = zip(*(batch[f"{half}_{kind}"].chunk(2) for kind in ("images", "labels")), strict=True)
        return sum(
            F.cross_entropy(functional_call(net, named, worker.images_in_double(images, None, True)), labels) / 2
            for images, labels in parts
        )

    _, expected = unrolled_gradient(
        lambda values: loss("weight", values),
        lambda values: loss("architecture", values),
        list(weights.values()),
        list(architecture.values()),
        MomentumSGD(weights.values(), lr=0.1, momentum=0.0, weight_decay=0.0),
    )
    for name, gradient in zip(architecture, expected, strict=True):
        torch.testing.assert_close(states[0]["gradient2"][name], gradient, rtol=1e-9, atol=1e-9)


def test_resumed_in_two_processes(states: list[dict[str, Any]]) -> None:
    """Stopped in the second epoch of the second stage, and gone on from there: the same bits."""
    for state in states:
        assert state["same"]
        assert len(state["resumed_epochs"]) == 2
        for one, other in zip(state["resumed_epochs"], state["epochs"][-2:], strict=True):
            assert equal(one, other)


def test_only_the_first_process_writes(folder: Path) -> None:
    stage = folder / "whole" / "stage2"
    assert [path.name for path in stage.glob("*.partial")] == []
    assert len(list(stage.glob("*/vis_data/scalars.json"))) == 1
    assert json.loads((folder / "whole" / "search.json").read_text(encoding="utf-8"))["processes"] == 2
    lines = (stage / "epochs.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3]


def test_alone_nothing_is_done() -> None:
    tensors = [torch.ones(2), torch.zeros(3)]
    assert all(one is other for one, other in zip(parallel.average(tensors), tensors, strict=True))
    assert (parallel.rank(), parallel.world_size(), parallel.is_main()) == (0, 1, True)
    with parallel.process_group("none"), parallel.main_first():
        assert parallel.world_size() == 1


def test_a_launcher_that_did_not_launch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    with (
        pytest.raises(
            InputError, match="RANK is not set; start with: torchrun --nproc-per-node N -m bench … --launcher"
        ),
        parallel.process_group("pytorch"),
    ):
        pass
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match=r"2 processes.* use launcher pytorch"), parallel.process_group("none"):
        pass
