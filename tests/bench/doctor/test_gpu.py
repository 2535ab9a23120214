"""The pieces of `wildnas doctor --gpu`, on the CPU at a tiny size."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from bench.commands.cli import main
from bench.doctor import gpu
from bench.doctor.gpu import Finding, agreement, examine, graph_agreement
from bench.searches.task import search_settings
from bench.tasks.architectures import NamedArchitecture
from bench.tasks.contract import Protocol, Speed
from bench.tasks.registry import get_task
from search.settings import SearchSettings
from tests.search.loop.recorded import Recorded

CPU = torch.device("cpu")


@pytest.fixture
def settings() -> SearchSettings:
    options = ("proxy.image_size=8", "nodes=2", "stages.0.layers=3", "stages.0.channels=8")
    return search_settings("search/pc_darts_cifar10", options)


def test_the_networks_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """With made numbers, since the networks take minutes on a CPU; their names and protocols are resolved."""
    asked = []

    def speed(self: Any, protocol: Protocol, architecture: NamedArchitecture, batch: int, repetitions: int) -> Speed:
        asked.append((architecture.name, protocol.name, batch))
        return Speed(batch, [2.0, 1.0, 3.0], [5.0])

    for name in ("classification", "detection", "reid"):
        monkeypatch.setattr(type(get_task(name)), "speed", speed)
    rows = gpu.network_rates(3)
    assert asked == list(gpu.NETWORKS)
    assert [(row.value, row.unit) for row in rows] == [(2.0, "images/s"), (5.0, "images/s")] * 3


def test_all_rows(settings: SearchSettings) -> None:
    rows = examine(CPU, settings, batch=4, repetitions=1, capture=Recorded)
    units = [row.unit for row in rows]
    # Two arithmetics, two precisions, outputs and gradients; a graph; four forms, each with its memory.
    assert units.count("relative") == 9
    assert units.count("ms") == units.count("bytes") == 4
    assert all(math.isfinite(row.value) for row in rows)
    assert all(row.sound is (True if row.unit == "relative" else None) for row in rows if "bf16" not in row.what)


def test_fp32_differs_by_rounding_and_bf16_by_more(settings: SearchSettings) -> None:
    fp32, bf16 = (
        agreement(CPU, settings.model_copy(update={"precision": precision}), 16) for precision in ("fp32", "bf16")
    )
    assert all(row.value < 1e-3 for row in fp32)
    for one, other in zip(fp32, bf16, strict=True):
        assert one.value < other.value


def test_a_wrong_arithmetic_is_seen(settings: SearchSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    real = gpu.SuperNet._mixture

    def wrong(self: gpu.SuperNet, cell: str) -> tuple[torch.Tensor, torch.Tensor]:
        weights, shares = real(self, cell)
        return weights.flip(0) if self.arithmetic == "stacked" else weights, shares

    monkeypatch.setattr(gpu.SuperNet, "_mixture", wrong)
    sound = {row.what: row.sound for row in agreement(CPU, settings, 8)}
    assert [known for what, known in sound.items() if what.startswith("moments")] == [True, True]
    assert [known for what, known in sound.items() if what.startswith("stacked")] == [False, False]


def test_a_replay_of_the_wrong_batch_is_seen(settings: SearchSettings) -> None:
    class Stale(Recorded):
        def capture(self, call):  # type: ignore[no-untyped-def]
            kept = call()
            return lambda: kept

    (right,) = graph_agreement(CPU, settings, 4, Recorded)
    assert right == Finding("graph against eager after 20 steps", 0.0, "relative", True)
    (wrong,) = graph_agreement(CPU, settings, 4, Stale)
    assert wrong.sound is False


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--gpu"]) == 2
    assert "there is no GPU" in capsys.readouterr().err
