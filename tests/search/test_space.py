from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backbones.errors import InputError
from backbones.genotype import SEARCH_OPERATIONS
from search.space import SearchSpace, edge_sources


def test_edges_stand_in_darts_order() -> None:
    assert edge_sources(2) == ((0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
    # PC-DARTS: N = 6 with the two inputs is 14 edges; its Table 4's N = 5 and 7 are 9 and 20.
    assert [len(edge_sources(nodes)) for nodes in (3, 4, 5)] == [9, 14, 20]


def test_the_full_space_has_every_operation_on_every_edge() -> None:
    space = SearchSpace.full(4, SEARCH_OPERATIONS)
    assert space.normal == space.reduce == (SEARCH_OPERATIONS,) * 14
    assert space.edges == edge_sources(4)


OPERATIONS = ("none", "max_pool_3x3", "skip_connect", "sep_conv_3x3")


def test_pruning_keeps_the_largest_of_each_edge_in_their_order() -> None:
    space = SearchSpace.full(1, OPERATIONS)
    normal = np.array([[0.4, 0.1, 0.2, 0.3], [0.0, -1.0, -3.0, -2.0]])
    reduce = np.array([[0.1, 0.2, 0.3, 0.4], [5.0, 5.0, 5.0, 5.0]])
    pruned = space.pruned(2, normal, reduce)
    assert pruned.normal == (("none", "sep_conv_3x3"), ("none", "max_pool_3x3"))
    # Ties go to the operation that stands first.
    assert pruned.reduce == (("skip_connect", "sep_conv_3x3"), ("none", "max_pool_3x3"))


def dropped_by_the_original_rule(names: list[str], alpha: list[float], drop: int) -> list[str]:
    """P-DARTS 4.3.1: so many times, drop the candidate of the lowest weight, whatever it is."""
    powers = [math.exp(value) for value in alpha]
    weights = dict(zip(names, (power / sum(powers) for power in powers), strict=True))
    for _ in range(drop):
        del weights[min(weights, key=lambda name: weights[name])]
    return list(weights)


@st.composite
def alphas_of_two_cells(draw: st.DrawFn) -> list[list[list[float]]]:
    """α of both cells, `(cell, edge, candidate)`, without ties; `none` is ranked anywhere, from first to last."""
    cells = []
    for _ in range(2):
        rows = []
        for _ in range(14):
            others = draw(st.permutations(range(1, 8)))
            rank = draw(st.integers(0, 7))
            rows.append([rank + 0.5, *(float(value) for value in others)])
        cells.append([[value * 0.01 for value in row] for row in rows])
    return cells


@settings(max_examples=50, deadline=None)
@given(alphas_of_two_cells(), alphas_of_two_cells())
def test_pruning_is_the_original_rule_for_none_as_for_any_other(
    first: list[list[list[float]]], second: list[list[list[float]]]
) -> None:
    """8 candidates to 5 to 3, in both cells; the oracle knows nothing of last stages."""
    space = SearchSpace.full(4, SEARCH_OPERATIONS)
    for alphas, keep in ((first, 5), (second, 3)):
        values = [
            [[row[SEARCH_OPERATIONS.index(name)] for name in names] for row, names in zip(rows, cell, strict=True)]
            for rows, cell in zip(alphas, (space.normal, space.reduce), strict=True)
        ]
        expected = [
            tuple(
                tuple(dropped_by_the_original_rule(list(names), row, len(names) - keep))
                for row, names in zip(rows, cell, strict=True)
            )
            for rows, cell in zip(values, (space.normal, space.reduce), strict=True)
        ]
        space = space.pruned(keep, np.array(values[0]), np.array(values[1]))
        assert [space.normal, space.reduce] == expected


def test_pruning_to_more_than_there_is_or_to_none_alone() -> None:
    space = SearchSpace.full(1, OPERATIONS)
    alpha = np.array([[1.0, 0.0, 0.0, 0.0]] * 2)
    assert space.pruned(4, alpha, alpha) == space
    with pytest.raises(InputError, match="keep=5"):
        space.pruned(5, alpha, alpha)
    with pytest.raises(InputError, match="besides 'none'"):
        space.pruned(1, alpha, alpha)


ROW = ("none", "skip_connect")


@pytest.mark.parametrize(
    ("normal", "named"),
    [
        ((ROW,), "1 edges"),
        ((ROW, ("skip_connect",)), "expected the same number of candidate operations"),
        ((ROW, ("none", "sep_conv_3x4")), "'sep_conv_3x4'"),
        ((("none",), ("none",)), "besides 'none'"),
        (((), ()), "besides 'none'"),
        ((("none", "none"), ("none", "none")), "twice"),
    ],
)
def test_spaces_that_cannot_be_are_named(normal: tuple[tuple[str, ...], ...], named: str) -> None:
    for cells in ((normal, (ROW, ROW)), ((ROW, ROW), normal)):
        with pytest.raises(InputError) as caught:
            SearchSpace(1, *cells)
        assert named in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_drawn_space_is_the_seeds() -> None:
    space = SearchSpace.full(4, SEARCH_OPERATIONS)
    drawn = space.drawn(3, seed=7)
    assert drawn == space.drawn(3, seed=7)
    assert drawn != space.drawn(3, seed=8)
    # Edge by edge, and cell by cell.
    assert drawn.normal != drawn.reduce
    assert len(set(drawn.normal)) > 1
    for row in (*drawn.normal, *drawn.reduce):
        assert len(row) == 3
        assert sorted(row, key=SEARCH_OPERATIONS.index) == list(row)
    with pytest.raises(InputError, match="keep=9"):
        space.drawn(9, seed=0)
    assert space.drawn(8, seed=0) == space


def test_a_drawn_space_is_uniform() -> None:
    """Each of the 8 operations, `none` among them (P-DARTS 5.2.2: "from the full search space"), is on 3 / 8 of the
    edges."""
    space = SearchSpace.full(4, SEARCH_OPERATIONS)
    spaces = [space.drawn(3, seed) for seed in range(200)]
    rows = [row for drawn in spaces for row in (*drawn.normal, *drawn.reduce)]
    for name in SEARCH_OPERATIONS:
        assert sum(name in row for row in rows) / len(rows) == pytest.approx(3 / 8, abs=0.03)


def test_what_is_drawn_has_been_left_before() -> None:
    rows = (("none", "skip_connect", "sep_conv_3x3"), ("none", "skip_connect", "max_pool_3x3"))
    space = SearchSpace(1, rows, rows)
    for seed in range(10):
        drawn = space.drawn(2, seed)
        for before, after in zip((*rows, *rows), (*drawn.normal, *drawn.reduce), strict=True):
            assert len(after) == 2
            assert set(after) < set(before)


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("s1", None),
        ("s2", ("skip_connect", "sep_conv_3x3")),
        ("s3", ("none", "skip_connect", "sep_conv_3x3")),
        ("s4", ("sep_conv_3x3", "noise")),
    ],
)
def test_the_spaces_of_robust_darts(name: str, rows: tuple[str, ...] | None) -> None:
    """Zela et al., section 3: two candidates an edge in S1, which differ from edge to edge; one set in the others."""
    from bench.searches.task import search_settings

    space = search_settings(f"search/robust_darts_{name}_cifar10").space()
    for candidates in (space.normal, space.reduce):
        assert len(candidates) == 14
        if rows is not None:
            assert {tuple(sorted(each)) for each in candidates} == {tuple(sorted(rows))}
        else:
            assert {len(each) for each in candidates} == {2}
            assert len(set(candidates)) > 3
    assert (space.normal == space.reduce) == (rows is not None)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows[:13], "edges.normal: 13 edges; 4 nodes have 14"),
        (lambda rows: [*rows[:13], ["sep_conv_9x9", "none"]], "edges.normal: unknown operation 'sep_conv_9x9'"),
        (lambda rows: [*rows[:13], ["none"]], "the same number of candidate operations on all edges"),
    ],
)
def test_edges_that_make_no_space_are_refused(change: Callable[[Any], Any], said: str) -> None:
    from bench.searches.task import search_settings

    rows = [["none", "skip_connect"]] * 14
    options = (f"edges={{'normal': {change(rows)}, 'reduce': {rows}}}",)
    with pytest.raises(InputError, match=said):
        search_settings("search/darts_v1_cifar10", options)
