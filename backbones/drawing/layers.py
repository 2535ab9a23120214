"""The layered drawing of a graph (Sugiyama et al., 1981): few crossings first, then short and level links.

Items, numbered from 0, stand in columns; a link joins items of neighbouring columns. Positions run downwards.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from itertools import pairwise

#: The left item and the right one.
Link = tuple[int, int]
Columns = list[list[int]]

#: Random starts of the search for an order. Twice as many hardly ever find a better one for 7 nodes.
_STARTS = 200
_SWEEPS = 8
#: Orders with equally few crossings, of which the one with the shortest links is to be taken.
_FINALISTS = 4
#: Rounds of the balance of all columns.
_ROUNDS = 400
#: Nearer to level than this, a chain's links pull no harder.
_NEARLY_LEVEL = 0.02


def orders(columns: Sequence[Sequence[int]], links: Sequence[Link]) -> list[Columns]:
    """The orders of the items within their columns with the fewest crossings found; the same ones every time."""
    before: dict[int, list[int]] = {item: [] for column in columns for item in column}
    after: dict[int, list[int]] = {item: [] for column in columns for item in column}
    for left, right in links:
        before[right].append(left)
        after[left].append(right)
    chance = random.Random(0)
    found: dict[tuple[tuple[int, ...], ...], int] = {}
    # Of the 2,000 items of a cell of 32 nodes, a few starts must do.
    for _ in range(min(_STARTS, 20_000 // len(before))):
        order = [chance.sample(column, len(column)) for column in columns]
        place = {item: row for column in order for row, item in enumerate(column)}
        for _ in range(_SWEEPS):
            _sort_by_neighbours(order, before, place)
            _sort_by_neighbours(order[::-1], after, place)
        _swap(order, (before, after), place)
        found[tuple(map(tuple, order))] = sum(
            _crossings(upper, lower, after, place)
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
    """The middles of all items that make the links level, chains above all, and how far from level they remain.

    Args:
        order: the items of every column from top to bottom.
        ports: where every link leaves its left item and meets its right one, from their middles.
        chains: linked items, one in each of successive columns.
        halves: half the height of every item; neighbours in a column keep that far apart.
        slack: by how much an item may be reached into, so that a chain becomes quite level.
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
                    # Least absolute values in a chain, where one bend is better than many; else least squares.
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


def _sort_by_neighbours(order: Columns, neighbours: dict[int, list[int]], place: dict[int, int]) -> None:
    """Sort every column by the mean place of its items' neighbours on one side."""
    for column in order:
        places = {item: [place[other] for other in neighbours[item]] or [place[item]] for item in column}
        means = {item: sum(rows) / len(rows) for item, rows in places.items()}
        column.sort(key=means.__getitem__)
        place.update((item, row) for row, item in enumerate(column))


def _swap(order: Columns, sides: Sequence[dict[int, list[int]]], place: dict[int, int]) -> None:
    """Exchange items that stand one above the other as long as that takes crossings away."""
    changed = True
    while changed:
        changed = False
        for column in order:
            for row in range(len(column) - 1):
                upper, lower = column[row : row + 2]
                now = sum(_crossings(upper, lower, side, place) for side in sides)
                if now and sum(_crossings(lower, upper, side, place) for side in sides) < now:
                    column[row : row + 2] = lower, upper
                    place[upper], place[lower] = row + 1, row
                    changed = True


def _crossings(upper: int, lower: int, neighbours: dict[int, list[int]], place: dict[int, int]) -> int:
    return sum(place[one] > place[other] for one in neighbours[upper] for other in neighbours[lower])


def _apart(wanted: Sequence[float], weights: Sequence[float], halves: Sequence[float]) -> list[float]:
    """The middles nearest to the wanted ones, in the same order, at which no two items overlap.

    With the heights of the items above it taken off each, that is isotonic regression: pool adjacent violators.
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
    """Bring the longest parts of every chain for which there is room to one level."""
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
