from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn

from backbones.cells import Cell, path_masks
from backbones.genotype import Edge, Genotype

NORMAL: tuple[Edge, ...] = (
    *(("sep_conv_3x3", 1), ("skip_connect", 0)),
    *(("max_pool_3x3", 2), ("dil_conv_3x3", 0)),
    *(("avg_pool_3x3", 3), ("none", 1)),
)
REDUCE: tuple[Edge, ...] = (("skip_connect", 0), ("max_pool_3x3", 1), ("sep_conv_5x5", 2), ("skip_connect", 1))
GENOTYPE = Genotype(NORMAL, (4, 2), REDUCE, (3,))


def by_hand(cell: Cell, edges: tuple[Edge, ...], concat: tuple[int, ...], inputs: tuple[Tensor, Tensor]) -> Tensor:
    """The cell's definition: a node is the sum of its two edges, the output the concatenation."""
    nodes = {0: cell.preprocess0(inputs[0]), 1: cell.preprocess1(inputs[1])}
    for place, (_, source) in enumerate(edges):
        node = 2 + place // 2
        nodes[node] = nodes.get(node, 0) + cell.operations[place](nodes[source])
    return torch.cat([nodes[node] for node in concat], dim=1)


@pytest.mark.parametrize("size", [(8, 8), (9, 7)])
@pytest.mark.parametrize("reduction", [False, True])
@pytest.mark.parametrize("reduction_before", [False, True])
def test_wiring(reduction: bool, reduction_before: bool, size: tuple[int, int]) -> None:
    cell = Cell(GENOTYPE, 5, 7, 4, reduction, reduction_before).eval()
    double = tuple(2 * length - 1 for length in size) if reduction_before else size
    inputs = (torch.randn(2, 5, *double), torch.randn(2, 7, *size))
    out = cell(*inputs)
    edges, concat = (REDUCE, (3,)) if reduction else (NORMAL, (4, 2))
    expected_size = tuple((length + 1) // 2 for length in size) if reduction else size
    assert cell.out_channels == 4 * len(concat)
    assert out.shape == (2, cell.out_channels, *expected_size)
    torch.testing.assert_close(out, by_hand(cell, edges, concat, inputs))


def test_paths_are_dropped_for_whole_samples_and_the_others_scaled() -> None:
    torch.manual_seed(0)
    masks = path_masks(torch.tensor(0.25), 3, like=torch.empty(400, 5, 2, 2))
    assert masks.shape == (3, 400, 1, 1, 1)
    torch.testing.assert_close(masks.unique(), torch.tensor([0, 1 / 0.75]))
    # 400 draws of probability 1/4: 100 on average, standard deviation 8.7.
    assert all(65 < int((mask == 0).sum()) < 135 for mask in masks)
    # Each path on its own.
    assert not torch.equal(masks[0], masks[1])


def cell_of(operation: str) -> Cell:
    edges: tuple[Edge, ...] = ((operation, 0), (operation, 1))
    return Cell(Genotype(edges, (2,), edges, (2,)), 4, 4, 4, reduction=False, reduction_before=False)


def test_identity_edges_are_never_dropped() -> None:
    cell = cell_of("skip_connect").train()
    inputs = (torch.randn(8, 4, 4, 4), torch.randn(8, 4, 4, 4))
    expected = cell(*inputs)
    cell.drop_path_rate = 0.9
    assert torch.equal(cell(*inputs), expected)


def test_other_edges_are_dropped_each_on_its_own_in_training_only() -> None:
    torch.manual_seed(1)
    cell = cell_of("max_pool_3x3").train()
    inputs = (torch.randn(64, 4, 4, 4), torch.randn(64, 4, 4, 4))
    nodes = (cell.preprocess0(inputs[0]), cell.preprocess1(inputs[1]))
    first, second = (operation(node) for operation, node in zip(cell.operations, nodes, strict=True))
    cell.drop_path_rate = 0.5
    out = cell(*inputs)
    kinds = set()
    for sample in range(64):
        matches = [
            (a, b)
            for a, b in itertools.product((0, 2), repeat=2)
            if torch.allclose(out[sample], a * first[sample] + b * second[sample], atol=1e-5)
        ]
        assert matches
        kinds.update(matches)
    assert kinds == {(0, 0), (0, 2), (2, 0), (2, 2)}
    cell.eval()
    assert torch.equal(cell(*inputs), cell(*inputs))


def test_strided_skips_are_no_identity_and_are_dropped() -> None:
    edges: tuple[Edge, ...] = (("skip_connect", 0), ("skip_connect", 1))
    cell = Cell(Genotype(edges, (2,), edges, (2,)), 4, 4, 4, reduction=True, reduction_before=False).train()
    assert not any(isinstance(operation, nn.Identity) for operation in cell.operations)
    cell.drop_path_rate = 0.99
    torch.manual_seed(0)
    out = cell(torch.randn(32, 4, 4, 4), torch.randn(32, 4, 4, 4))
    assert int((out == 0).flatten(1).all(dim=1).sum()) > 20
