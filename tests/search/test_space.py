from __future__ import annotations

import numpy as np
import pytest

from backbones.errors import InputError
from backbones.operations import SEARCH_OPERATIONS
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
    pruned = space.pruned(2, normal, reduce, last=False)
    assert pruned.normal == (("none", "sep_conv_3x3"), ("none", "max_pool_3x3"))
    # Ties go to the operation that stands first.
    assert pruned.reduce == (("skip_connect", "sep_conv_3x3"), ("none", "max_pool_3x3"))
    last = space.pruned(2, normal, reduce, last=True)
    assert last.normal == (("skip_connect", "sep_conv_3x3"), ("max_pool_3x3", "sep_conv_3x3"))
    assert last.reduce == (("skip_connect", "sep_conv_3x3"), ("max_pool_3x3", "skip_connect"))


def test_pruning_to_more_than_there_is() -> None:
    space = SearchSpace.full(1, OPERATIONS)
    alpha = np.zeros((2, 4))
    assert space.pruned(4, alpha, alpha, last=False) == space
    with pytest.raises(InputError, match="keep=4"):
        space.pruned(4, alpha, alpha, last=True)


ROW = ("none", "skip_connect")


@pytest.mark.parametrize(
    ("normal", "named"),
    [
        ((ROW,), "1 edges"),
        ((ROW, ("skip_connect",)), "equally many"),
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
    drawn = space.drawn(3, seed=7, last=True)
    assert drawn == space.drawn(3, seed=7, last=True)
    assert drawn != space.drawn(3, seed=8, last=True)
    # Edge by edge, and cell by cell.
    assert drawn.normal != drawn.reduce
    assert len(set(drawn.normal)) > 1
    for row in (*drawn.normal, *drawn.reduce):
        assert len(row) == 3
        assert "none" not in row
        assert sorted(row, key=SEARCH_OPERATIONS.index) == list(row)
    with pytest.raises(InputError, match="keep=8"):
        space.drawn(8, seed=0, last=True)
    assert space.drawn(8, seed=0, last=False) == space


def test_a_drawn_space_is_uniform() -> None:
    """Each of the 7 operations is on 3 / 7 of the edges, each of the 8 on 3 / 8."""
    space = SearchSpace.full(4, SEARCH_OPERATIONS)
    for last, share in ((True, 3 / 7), (False, 3 / 8)):
        spaces = [space.drawn(3, seed, last) for seed in range(200)]
        rows = [row for drawn in spaces for row in (*drawn.normal, *drawn.reduce)]
        for name in SEARCH_OPERATIONS:
            found = sum(name in row for row in rows) / len(rows)
            assert found == pytest.approx(0 if last and name == "none" else share, abs=0.03)


def test_what_is_drawn_has_been_left_before() -> None:
    rows = (("none", "skip_connect", "sep_conv_3x3"), ("none", "skip_connect", "max_pool_3x3"))
    space = SearchSpace(1, rows, rows)
    drawn = space.drawn(2, seed=0, last=True)
    assert drawn.normal == (("skip_connect", "sep_conv_3x3"), ("skip_connect", "max_pool_3x3"))
