"""Lay out a graph in layers (Sugiyama et al., 1981): few crossings first, then short and level links.

Items, numbered from 0, are in columns; a link joins items of neighbouring columns. Positions run downwards.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from itertools import pairwise

#: The left item and the right one.
Link = tuple[int, int]
Columns = list[list[int]]

#: Random starts of the search for an order. For 7 nodes, twice as many rarely find a better one.
_STARTS = 200
_SWEEPS = 8
#: Orders with the fewest crossings that are kept; the caller takes the one with the shortest links.
_FINALISTS = 4
#: Rounds of balancing all columns.
_ROUNDS = 400
#: The distance from level below which a chain's links do not pull harder.
_NEARLY_LEVEL = 0.02


def orders(columns: Sequence[Sequence[int]], links: Sequence[Link]) -> list[Columns]:
    """Find the orders of items in their columns with the fewest crossings; the result is deterministic."""
    before: dict[int, list[int]] = {item: [] for column in columns for item in column}
    after: dict[int, list[int]] = {item: [] for column in columns for item in column}
    for left, right in links:
        before[right].append(left)
        after[left].append(right)
    chance = random.Random(0)
    found: dict[tuple[tuple[int, ...], ...], int] = {}
    # A cell of 32 nodes has 2,000 items; it gets few starts to limit the time.
    for _ in range(min(_STARTS, 20_000 // len(before))):
        order = [chance.sample(column, len(column)) for column in columns]
        row_of = {item: row for column in order for row, item in enumerate(column)}
        for _ in range(_SWEEPS):
            _sort_by_neighbours(order, before, row_of)
            _sort_by_neighbours(order[::-1], after, row_of)
        _swap(order, (before, after), row_of)
        found[tuple(map(tuple, order))] = sum(
            _crossings(upper, lower, after, row_of)
            for column in order
            for row, upper in enumerate(column)
            for lower in column[row + 1 :]
        )
    fewest = min(found.values())
    best = [order for order, count in found.items() if count == fewest]
    return [[list(column) for column in order] for order in best[:_FINALISTS]]


def positions(
    order: Columns,
    ports: Mapping[Link, tuple[float, float]],
    chains: Sequence[Sequence[int]],
    halves: Sequence[float],
    slack: float,
) -> tuple[list[float], float]:
    """Find the middles of all items that make links, above all chains, most level, and how far from level they are.

    Args:
        order: the items of every column from top to bottom.
        ports: the ends of every link, relative to the middles of its left and right item.
        chains: linked items, one in each of successive columns.
        halves: half the height of every item; neighbours in a column do not overlap.
        slack: by how much items may overlap for a chain to become level.
    """
    chained = {link for chain in chains for link in pairwise(chain)}
    pulls: list[list[tuple[int, float, bool]]] = [[] for _ in halves]
    for (left, right), (leaves, meets) in ports.items():
        pulls[left].append((right, meets - leaves, (left, right) in chained))
        pulls[right].append((left, leaves - meets, (left, right) in chained))
    middles = [0.0] * len(halves)
    for turn in range(_ROUNDS):
        for column in order if turn % 2 == 0 else order[::-1]:
            wanted, weights = [], []
            for item in column:
                total = weight_of_all = 0.0
                for other, shift, in_chain in pulls[item]:
                    aim = middles[other] + shift
                    # Least absolute values in a chain, so that one bend is preferred to many; else least squares.
                    weight = 4 / (abs(aim - middles[item]) + _NEARLY_LEVEL) if in_chain else 1.0
                    total += weight * aim
                    weight_of_all += weight
                wanted.append(total / weight_of_all if weight_of_all else middles[item])
                weights.append(weight_of_all or 1.0)
            apart = _apart(wanted, weights, [halves[item] for item in column])
            for item, middle in zip(column, apart, strict=True):
                middles[item] = middle
    _level(chains, order, middles, [half - slack for half in halves])
    steps = (
        abs(middles[left] + leaves - middles[right] - meets) * (4 if (left, right) in chained else 1)
        for (left, right), (leaves, meets) in ports.items()
    )
    return middles, sum(steps)


def _sort_by_neighbours(order: Columns, neighbours: dict[int, list[int]], row_of: dict[int, int]) -> None:
    """Sort every column by the mean row of its items' neighbours on one side."""
    for column in order:
        neighbour_rows = {item: [row_of[other] for other in neighbours[item]] or [row_of[item]] for item in column}
        means = {item: sum(rows) / len(rows) for item, rows in neighbour_rows.items()}
        column.sort(key=means.__getitem__)
        row_of.update((item, row) for row, item in enumerate(column))


def _swap(order: Columns, sides: Sequence[dict[int, list[int]]], row_of: dict[int, int]) -> None:
    """Exchange neighbours in a column as long as that removes crossings."""
    changed = True
    while changed:
        changed = False
        for column in order:
            for row in range(len(column) - 1):
                upper, lower = column[row : row + 2]
                now = sum(_crossings(upper, lower, side, row_of) for side in sides)
                if now and sum(_crossings(lower, upper, side, row_of) for side in sides) < now:
                    column[row : row + 2] = lower, upper
                    row_of[upper], row_of[lower] = row + 1, row
                    changed = True


def _crossings(upper: int, lower: int, neighbours: dict[int, list[int]], row_of: dict[int, int]) -> int:
    return sum(row_of[one] > row_of[other] for one in neighbours[upper] for other in neighbours[lower])


def _apart(wanted: Sequence[float], weights: Sequence[float], halves: Sequence[float]) -> list[float]:
    """Find the middles nearest to the wanted ones, in the same order, without overlaps.

    After subtracting the heights above each item, this is isotonic regression: pool adjacent violators.
    """
    above = [2 * sum(halves[:row]) + half for row, half in enumerate(halves)]
    pools: list[tuple[float, float, int]] = []
    for middle, weight, offset in zip(wanted, weights, above, strict=True):
        pool = (middle - offset, weight, 1)
        while pools and pools[-1][0] > pool[0]:
            level, other, count = pools.pop()
            both = other + pool[1]
            pool = ((level * other + pool[0] * pool[1]) / both, both, count + pool[2])
        pools.append(pool)
    levels = [level for level, _, count in pools for _ in range(count)]
    return [level + offset for level, offset in zip(levels, above, strict=True)]


def _level(chains: Sequence[Sequence[int]], order: Columns, middles: list[float], halves: Sequence[float]) -> None:
    """Move the longest parts of every chain to one level, if there is room."""
    above = {lower: upper for column in order for upper, lower in pairwise(column)}
    below = {upper: lower for lower, upper in above.items()}

    def level(chain: Sequence[int]) -> None:
        for length in range(len(chain), 1, -1):
            for start in range(len(chain) - length + 1):
                part = chain[start : start + length]
                upper = [(item, above[item]) for item in part if item in above]
                lower = [(item, below[item]) for item in part if item in below]
                top = max((middles[other] + halves[other] + halves[item] for item, other in upper), default=-math.inf)
                bottom = min((middles[other] - halves[other] - halves[item] for item, other in lower), default=math.inf)
                if top <= bottom:
                    middle = min(max(sum(middles[item] for item in part) / length, top), bottom)
                    for item in part:
                        middles[item] = middle
                    level(chain[:start])
                    level(chain[start + length :])
                    return

    for chain in chains:
        level(chain)
