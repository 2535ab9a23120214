from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from backbones.operations import SEARCH_OPERATIONS
from search.derive import Architecture
from search.settings import Stage
from search.space import SearchSpace
from search.stages import append_epoch, mean_entropy, next_space, skip_dropout_rate

P_DARTS = [
    Stage(epochs=25, frozen_epochs=10, layers=5, channels=16),
    Stage(epochs=25, frozen_epochs=10, layers=11, channels=16, skip_dropout=0.4, keep=5),
    Stage(epochs=25, frozen_epochs=10, layers=17, channels=16, skip_dropout=0.7, keep=3),
]


@pytest.mark.parametrize(
    ("epoch", "rate"),
    [
        # Linear over the stage's 25 epochs while α is frozen: .4 * 24 / 25, .4 * 15 / 25.
        (0, 0.384),
        (9, 0.24),
        # Then .4 * exp(-.2 n).
        (10, 0.4),
        (11, 0.327492),
        (15, 0.147152),
        (24, 0.024324),
    ],
)
def test_skip_dropout_by_hand(epoch: int, rate: float) -> None:
    assert skip_dropout_rate(P_DARTS[1], epoch, 0.2) == pytest.approx(rate, abs=1e-6)


def test_skip_dropout_falls_in_both_parts_and_never_leaves_its_range() -> None:
    for stage in P_DARTS:
        rates = [skip_dropout_rate(stage, epoch, 0.2) for epoch in range(25)]
        assert all(0 <= rate <= stage.skip_dropout for rate in rates)
        for part in (rates[:10], rates[10:]):
            assert part == sorted(part, reverse=True)
        assert (len(set(rates[:10])) == 10) == (stage.skip_dropout > 0)


def architecture(space: SearchSpace, normal: list[list[float]], reduce: list[list[float]]) -> Architecture:
    return Architecture(
        alpha_normal=normal,
        alpha_reduce=reduce,
        operations_normal=[list(row) for row in space.normal],
        operations_reduce=[list(row) for row in space.reduce],
        nodes=space.nodes,
        rule="p-darts",
    )


def test_candidates_fall_from_8_to_5_to_3_edge_by_edge() -> None:
    space = SearchSpace.full(1, SEARCH_OPERATIONS)
    assert next_space(space, None, P_DARTS, 0) == space
    #         none max  avg  skip sep3 sep5 dil3 dil5
    first = [[8.0, 1.0, 2.0, 7.0, 6.0, 3.0, 5.0, 4.0], [0.0, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]]
    second = [[-1.0, -8.0, -7.0, -2.0, -6.0, -3.0, -5.0, -4.0]] * 2
    space = next_space(space, architecture(space, first, second), P_DARTS, 1)
    assert space.normal == (
        ("none", "skip_connect", "sep_conv_3x3", "dil_conv_3x3", "dil_conv_5x5"),
        ("max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5"),
    )
    assert space.reduce == (("none", "skip_connect", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"),) * 2
    # `none` is first of the first edge and goes nevertheless.
    first = [[9.0, 0.3, 0.1, 0.2, 0.4], [1.0, 5.0, 2.0, 4.0, 3.0]]
    second = [[9.0, 1.0, 2.0, 3.0, 4.0]] * 2
    space = next_space(space, architecture(space, first, second), P_DARTS, 2)
    assert space.normal == (
        ("skip_connect", "dil_conv_3x3", "dil_conv_5x5"),
        ("avg_pool_3x3", "sep_conv_3x3", "sep_conv_5x5"),
    )
    assert space.reduce == (("sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"),) * 2


def test_a_stage_that_keeps_all_changes_nothing() -> None:
    space = SearchSpace.full(1, SEARCH_OPERATIONS)
    stages = [P_DARTS[0], P_DARTS[0].model_copy(update={"keep": 8}), P_DARTS[2]]
    rows = [[0.0] * 8] * 2
    assert next_space(space, architecture(space, rows, rows), stages, 1) == space


def test_an_epochs_line_is_written_once(tmp_path: Path) -> None:
    """An interrupted epoch is run and logged again: its line, and any later, give way."""
    log = tmp_path / "epochs.jsonl"
    for epoch, run in [(1, "a"), (2, "a"), (3, "a"), (2, "b"), (2, "b"), (3, "b"), (10, "b")]:
        append_epoch(log, {"epoch": epoch, "run": run})
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert [(line["epoch"], line["run"]) for line in lines] == [(1, "a"), (2, "b"), (3, "b"), (10, "b")]
    assert [path.name for path in tmp_path.iterdir()] == ["epochs.jsonl"]


def test_mean_entropy() -> None:
    assert mean_entropy([[0.0] * 8] * 3) == pytest.approx(math.log(8))
    half = [[math.log(0.5), math.log(0.25), math.log(0.25)]]
    assert mean_entropy(half) == pytest.approx(1.5 * math.log(2))
    assert mean_entropy([*half, [1000.0, 1000.0, 1000.0]]) == pytest.approx((1.5 * math.log(2) + math.log(3)) / 2)


def test_mean_entropy_of_a_decided_edge_is_0() -> None:
    assert mean_entropy([[0.0, -2000.0]]) == 0
