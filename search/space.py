"""The search space: the candidate operations of every edge of the two cells."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backbones.errors import InputError
from backbones.genotype import OPERATIONS

#: Names of the candidates of each edge.
Candidates = tuple[tuple[str, ...], ...]


def edge_sources(nodes: int) -> tuple[tuple[int, int], ...]:
    """The edges `(source, target)` of a cell in DARTS order: all edges into node 2, then into node 3, …

    Nodes 0 and 1 are the cell's inputs; `nodes` counts the intermediate nodes (PC-DARTS' N is `nodes + 2`).
    """
    return tuple((source, target) for target in range(2, nodes + 2) for source in range(target))


@dataclass(frozen=True)
class CellRows:
    """The operations on every edge of both cells; all edges of a cell have the same number."""

    nodes: int
    normal: Candidates
    reduce: Candidates

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        return edge_sources(self.nodes)


@dataclass(frozen=True)
class SearchSpace(CellRows):
    """The candidates of every edge; all edges of a cell have the same number, in rising order of `OPERATIONS`."""

    def __post_init__(self) -> None:
        for cell in ("normal", "reduce"):
            rows = getattr(self, cell)
            if len(rows) != len(edge_sources(self.nodes)):
                raise InputError(f"{cell}: {len(rows)} edges; {self.nodes} nodes have {len(edge_sources(self.nodes))}")
            if len({len(row) for row in rows}) != 1:
                raise InputError(f"{cell}: expected the same number of candidate operations on all edges")
            unknown = [name for row in rows for name in row if name not in OPERATIONS]
            if unknown:
                raise InputError(f"{cell}: unknown operation {unknown[0]!r}; known: {', '.join(OPERATIONS)}")
            if any(len(set(row)) < len(row) for row in rows):
                raise InputError(f"{cell}: an edge names an operation twice")
            if any(not set(row) - {"none"} for row in rows):
                raise InputError(f"{cell}: an edge has no candidate besides 'none'")

    @classmethod
    def full(cls, nodes: int, operations: Sequence[str]) -> SearchSpace:
        """Make the space in which every edge has all operations."""
        rows = (tuple(operations),) * len(edge_sources(nodes))
        return cls(nodes, rows, rows)

    def pruned(self, keep: int, alpha_normal: NDArray[np.float64], alpha_reduce: NDArray[np.float64]) -> SearchSpace:
        """Keep on every edge the `keep` candidates of the largest softmax(α) (P-DARTS 4.3.1).

        `none` competes like any other candidate, since the paper drops any operations "assigned with a lower weight".
        If `none` is left in the last stage, `derive` leaves it out.

        Args:
            alpha_normal, alpha_reduce: raw parameters, `(edges, candidates)`.

        Raises:
            InputError: an edge has fewer than `keep` candidates, or keeps `none` alone.
        """
        return SearchSpace(self.nodes, _prune(self.normal, alpha_normal, keep), _prune(self.reduce, alpha_reduce, keep))

    def drawn(self, keep: int, seed: int) -> SearchSpace:
        """Keep on every edge `keep` candidates, drawn uniformly by seed (P-DARTS 5.2.2, "randomly sampled").

        Raises:
            InputError: an edge has fewer than `keep` candidates, or keeps `none` alone.
        """
        draw = random.Random(seed)
        return SearchSpace(self.nodes, _draw(self.normal, keep, draw), _draw(self.reduce, keep, draw))


def _check(names: tuple[str, ...], keep: int) -> None:
    if keep > len(names):
        raise InputError(f"keep={keep}: an edge has only {len(names)} candidates left to keep")


def _draw(rows: Candidates, keep: int, draw: random.Random) -> Candidates:
    drawn = []
    for names in rows:
        _check(names, keep)
        drawn.append(tuple(names[index] for index in sorted(draw.sample(range(len(names)), keep))))
    return tuple(drawn)


def _prune(rows: Candidates, alpha: NDArray[np.float64], keep: int) -> Candidates:
    pruned = []
    for names, scores in zip(rows, alpha, strict=True):
        _check(names, keep)
        # Raw parameters rank like their softmax. Ties go to the first operation.
        best = sorted(range(len(names)), key=lambda index: (-scores[index], index))[:keep]
        pruned.append(tuple(names[index] for index in sorted(best)))
    return tuple(pruned)
