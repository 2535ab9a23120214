"""Execution settings: how a search is computed, in no key and in no record."""

from __future__ import annotations

import torch

from bench.searches.task import search_settings, settings_of
from bench.tasks.registry import load_protocol
from search.loop.ownership import owner_of
from search.training.execution import gpu_settings


def test_they_are_in_no_record_no_key_and_no_reason() -> None:
    _, plain = load_protocol("search/pc_darts_cifar10")
    options = ("execution.graph=off", "execution.arithmetic=stacked", "execution.tf32=False")
    _, other = load_protocol("search/pc_darts_cifar10", (*options, "execution.cudnn_benchmark=True"))
    assert settings_of(other).execution.graph == "off"
    assert plain.recorded == other.recorded
    assert "execution" not in plain.recorded
    assert owner_of(settings_of(plain), [0, 0]) == owner_of(settings_of(other), [0, 0])
    counts = {"images": 50_000, "classes": 10}
    assert plain.reasons(False, counts) == other.reasons(False, counts)


def test_a_gpu_s_settings_are_restored() -> None:
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before, deterministic = (cudnn.allow_tf32, cudnn.benchmark, matmul.allow_tf32), cudnn.deterministic
    with gpu_settings(tf32=not before[0], cudnn_benchmark=not before[1]):
        assert (cudnn.allow_tf32, cudnn.benchmark, matmul.allow_tf32) == (not before[0], not before[1], before[2])
        assert cudnn.deterministic
    assert (cudnn.allow_tf32, cudnn.benchmark, matmul.allow_tf32) == before
    assert cudnn.deterministic == deterministic


def test_defaults() -> None:
    execution = search_settings("search/pc_darts_cifar10").execution
    assert (execution.graph, execution.arithmetic, execution.tf32, execution.cudnn_benchmark) == (
        "auto",
        None,
        True,
        False,
    )
