from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from backbones.genotype import SEARCH_OPERATIONS
from search.derive import Architecture
from search.loop.stages import build_supernet, carry_architecture, next_space, skip_dropout_rate
from search.settings import SearchSettings, Stage
from search.space import SearchSpace
from search.supernet import SuperNet

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
    assert next_space(space, None, P_DARTS, 0, seed=0) == space
    #         none max  avg  skip sep3 sep5 dil3 dil5
    first = [[8.0, 1.0, 2.0, 7.0, 6.0, 3.0, 5.0, 4.0], [0.0, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]]
    second = [[-1.0, -8.0, -7.0, -2.0, -6.0, -3.0, -5.0, -4.0]] * 2
    space = next_space(space, architecture(space, first, second), P_DARTS, 1, seed=0)
    assert space.normal == (
        ("none", "skip_connect", "sep_conv_3x3", "dil_conv_3x3", "dil_conv_5x5"),
        ("max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5"),
    )
    assert space.reduce == (("none", "skip_connect", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"),) * 2
    # `none` stays where it is among the best, into the last stage, too.
    first = [[9.0, 0.3, 0.1, 0.2, 0.4], [1.0, 5.0, 2.0, 4.0, 3.0]]
    second = [[-9.0, 1.0, 2.0, 3.0, 4.0], [2.5, 1.0, 2.0, 3.0, 4.0]]
    space = next_space(space, architecture(space, first, second), P_DARTS, 2, seed=0)
    assert space.normal == (
        ("none", "skip_connect", "dil_conv_5x5"),
        ("avg_pool_3x3", "sep_conv_3x3", "sep_conv_5x5"),
    )
    assert space.reduce == (
        ("sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"),
        ("none", "dil_conv_3x3", "dil_conv_5x5"),
    )


def test_a_stage_that_keeps_all_changes_nothing() -> None:
    space = SearchSpace.full(1, SEARCH_OPERATIONS)
    stages = [P_DARTS[0], P_DARTS[0].model_copy(update={"keep": 8}), P_DARTS[2]]
    rows = [[0.0] * 8] * 2
    assert next_space(space, architecture(space, rows, rows), stages, 1, seed=0) == space


def test_carried_alpha_is_that_of_the_candidates_that_are_left() -> None:
    """P-DARTS, footnote 1: "the weights of preserved operations should still sum to one", in the same proportions."""
    full = SearchSpace.full(1, ("none", "skip_connect", "sep_conv_3x3"))
    before = architecture(full, [[0.5, 1.0, 2.0], [3.0, 1.0, 0.25]], [[1.0, 2.0, 3.0], [0.0, -1.0, -2.0]])
    before = before.model_copy(update={"beta_normal": [0.5, -0.5], "beta_reduce": [1.0, 2.0]})
    space = full.pruned(2, np.array(before.alpha_normal), np.array(before.alpha_reduce))
    for normalised in (True, False):
        supernet = SuperNet(space, 4, 3, edge_normalisation=normalised)
        carry_architecture(supernet, before)
        assert supernet.alpha_normal.tolist() == [[1.0, 2.0], [3.0, 1.0]]
        assert supernet.alpha_reduce.tolist() == [[2.0, 3.0], [0.0, -1.0]]
        weights = torch.softmax(supernet.alpha_normal, dim=1)
        torch.testing.assert_close(weights.sum(dim=1), torch.ones(2))
        torch.testing.assert_close(weights[0, 1] / weights[0, 0], torch.tensor(math.e))
        if normalised:
            assert supernet.architecture_parameters()["beta_normal"].tolist() == [0.5, -0.5]
            assert supernet.architecture_parameters()["beta_reduce"].tolist() == [1.0, 2.0]
    assert all(value.requires_grad for value in supernet.architecture_parameters().values())


def test_every_stage_and_every_seed_of_a_random_space_draws_its_own() -> None:
    drawing = P_DARTS[1].model_copy(update={"keep_by": "random"})
    # Two that are not the last one, which draws by another rule.
    stages = [P_DARTS[0], drawing, drawing, drawing]
    space = SearchSpace.full(4, SEARCH_OPERATIONS)
    # Of one and the same space, so that only what is drawn can differ.
    drawn = {(seed, place): next_space(space, None, stages, place, seed) for seed in range(4) for place in range(4)}
    assert all(found == space for (_, place), found in drawn.items() if place == 0)
    spaces = [found for (_, place), found in drawn.items() if place]
    assert all(one != other for place, one in enumerate(spaces) for other in spaces[:place])
    assert all(len(row) == 5 for found in spaces for row in (*found.normal, *found.reduce))
    assert next_space(space, None, stages, 2, seed=3) == drawn[3, 2]


@pytest.mark.parametrize(
    ("size", "wanted", "chosen"),
    [
        (8, None, "stacked"),
        (8, "moments", "moments"),
        # The supernet chooses by its device.
        (9, None, None),
        (32, None, None),
        (32, "stacked", "stacked"),
    ],
)
def test_small_images_are_computed_in_few_operations(
    size: int, wanted: str | None, chosen: str | None, tiny_search: Callable[..., SearchSettings]
) -> None:
    proxy = tiny_search().proxy.model_dump() | {"image_size": size}
    settings = tiny_search(proxy=proxy, execution={"arithmetic": wanted})
    space = SearchSpace.full(1, SEARCH_OPERATIONS)
    assert build_supernet(SuperNet, settings, settings.stages[0], space, 2).arithmetic == chosen
