"""Place every part of a cell's picture. All lengths are in inches; y runs downwards.

A column holds the nodes of one depth, the longest path from the cell's inputs. Before each column of nodes is a column
of labels. An edge runs through its label. It is level in every column that it passes and bends only between columns, so
that it crosses neither a node nor another label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from backbones.drawing.layers import Columns, Link, orders, positions
from backbones.genotype import Edge

#: The size of the names and labels, in points.
FONT_SIZE = 9.0

#: The mean width of a character of DejaVu Sans, one of the widest sans-serif fonts.
_CHARACTER = 0.62 * FONT_SIZE / 72
_TEXT_ROOM = 0.07
_LABEL_HEIGHT = 0.18
_NODE = 0.34
#: Distance between the ends of two lines at the same node.
_PORT = 0.1
#: Space above and below a node, and above and below a label or a passing line.
_NODE_ROOM, _ROOM = 0.07, 0.04
#: Gap between two columns: the least, the most, and the gap for every inch that the steepest line rises.
_GAP, _WIDEST_GAP, _SLOPE = 0.35, 1.0, 0.55
_MARGIN = 0.12


@dataclass(frozen=True)
class Box:
    """A text and the rectangle reserved for it: middle, width and height."""

    text: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Line:
    """The line of an edge, or of a node to the output.

    Attributes:
        operation: the edge's operation; None for a line to the output.
        source: the node's index in `Layout.nodes`.
        target: the node's index in `Layout.nodes`.
        knots: the points that the line runs through; it is level at each.
        label: the box that interrupts the line on its last level part; None for a line to the output.
    """

    operation: str | None
    source: int
    target: int
    knots: tuple[tuple[float, float], ...]
    label: Box | None


@dataclass(frozen=True)
class Layout:
    """A cell's picture from (0, 0) to (width, height); nodes are the inputs, the intermediate nodes, the output."""

    width: float
    height: float
    nodes: tuple[Box, ...]
    lines: tuple[Line, ...]


def layout(edges: Sequence[Edge], concat: Sequence[int]) -> Layout:
    """Lay out a cell that is given as in a `Genotype`."""
    names = ["c_{k-2}", "c_{k-1}", *map(str, range(len(edges) // 2)), "c_{k}"]
    columns, chains = _chains(edges, concat)
    # The item before an edge's target is its label.
    texts = {**dict(enumerate(names)), **{chain[-2]: edge[0] for chain, edge in zip(chains, edges, strict=False)}}
    links = [link for chain in chains for link in pairwise(chain)]
    tried = [_place(order, links, chains, texts, len(names)) for order in orders(columns, links)]
    best = min(tried, key=lambda placed: placed.left_over)

    widths = {item: len(text) * _CHARACTER + 2 * _TEXT_ROOM for item, text in texts.items()}
    widths.update((node, max(_NODE, widths[node])) for node in range(len(names)))
    sides = _sides(best, links, widths)
    boxes = {
        item: Box(text, sum(sides[item]) / 2, best.middles[item], widths[item], best.heights[item])
        for item, text in texts.items()
    }
    lines = []
    for number, chain in enumerate(chains):
        source, target = boxes[chain[0]], boxes[chain[-1]]
        leaves, meets = best.ports[chain[0], chain[1]][0], best.ports[chain[-2], chain[-1]][1]
        passed = [(x, best.middles[item]) for item in chain[1:-1] for x in sides[item]]
        start = (source.x + source.width / 2, source.y + leaves)
        end = (target.x - target.width / 2, target.y + meets)
        operation, label = (edges[number][0], boxes[chain[-2]]) if number < len(edges) else (None, None)
        lines.append(Line(operation, chain[0], chain[-1], (start, *_bends(passed), end), label))
    return Layout(
        width=max(right for _, right in sides.values()) + _MARGIN,
        height=max(best.middles[item] + best.heights[item] / 2 for item in best.heights) + _MARGIN,
        nodes=tuple(boxes[node] for node in range(len(names))),
        lines=tuple(lines),
    )


def _chains(edges: Sequence[Edge], concat: Sequence[int]) -> tuple[Columns, list[list[int]]]:
    """List the items of every column, and the chain of items of every edge and of every line to the output.

    Items are numbered: the nodes as in a genotype, the output, then what lines pass between their ends.
    """
    depth = [0, 0]
    for first, second in zip(edges[::2], edges[1::2], strict=True):
        depth.append(1 + max(depth[first[1]], depth[second[1]]))
    # No column of labels is before the inputs, and none before the output.
    column_of = [2 * level for level in depth] + [2 * max(depth) + 1]
    columns: Columns = [[] for _ in range(column_of[-1] + 1)]
    for node, column in enumerate(column_of):
        columns[column].append(node)
    chains = []
    items = len(column_of)
    ends = [(source, index // 2 + 2) for index, (_, source) in enumerate(edges)]
    for source, target in [*ends, *((node, len(depth)) for node in concat)]:
        between = range(column_of[source] + 1, column_of[target])
        chains.append([source, *range(items, items + len(between)), target])
        for item, column in enumerate(between, start=items):
            columns[column].append(item)
        items += len(between)
    return columns, chains


class _Placed(NamedTuple):
    """An order with the heights and middles of its items, the ends of its links, and their distance from level."""

    order: Columns
    heights: dict[int, float]
    middles: list[float]
    ports: dict[Link, tuple[float, float]]
    left_over: float


def _place(
    order: Columns, links: Sequence[Link], chains: Sequence[Sequence[int]], texts: Mapping[int, str], nodes: int
) -> _Placed:
    """Place an order vertically, from `_MARGIN` downwards, with c_{k-2} above c_{k-1}."""
    if order[0].index(0) > order[0].index(1):
        order = [column[::-1] for column in order]
    row_of = {item: row for column in order for row, item in enumerate(column)}
    leaving: dict[int, list[int]] = {item: [] for item in row_of}
    meeting: dict[int, list[int]] = {item: [] for item in row_of}
    for left, right in links:
        leaving[left].append(right)
        meeting[right].append(left)

    def port(others: list[int], other: int) -> float:
        row = sorted(others, key=row_of.__getitem__).index(other)
        return (row - (len(others) - 1) / 2) * _PORT

    ports = {(left, right): (port(leaving[left], right), port(meeting[right], left)) for left, right in links}
    heights = {item: _LABEL_HEIGHT if item in texts else 0.0 for item in row_of}
    for node in range(nodes):
        heights[node] = max(_NODE, (max(len(leaving[node]), len(meeting[node])) + 1) * _PORT)
    halves = [heights[item] / 2 + (_NODE_ROOM if item < nodes else _ROOM) for item in range(len(row_of))]
    middles, left_over = positions(order, ports, [chain[1:-1] for chain in chains], halves, _ROOM / 2)
    top = min(middles[item] - heights[item] / 2 for item in row_of) - _MARGIN
    return _Placed(order, heights, [middle - top for middle in middles], ports, left_over)


def _sides(placed: _Placed, links: Sequence[Link], widths: Mapping[int, float]) -> dict[int, tuple[float, float]]:
    """Find the left and right side of every item's column; a steep link gets a wide gap."""
    rises = {item: 0.0 for column in placed.order for item in column}
    for left, right in links:
        rises[right] = max(rises[right], abs(placed.middles[left] - placed.middles[right]))
    sides = {}
    right_side = 0.0
    for number, column in enumerate(placed.order):
        gap = min(max(_GAP, _SLOPE * max(rises[item] for item in column)), _WIDEST_GAP) if number else _MARGIN
        left_side = right_side + gap
        right_side = left_side + max(widths.get(item, 0.0) for item in column)
        sides.update(dict.fromkeys(column, (left_side, right_side)))
    return sides


def _bends(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The ends of the level parts of a line."""
    return [
        point
        for number, point in enumerate(points)
        if not (0 < number < len(points) - 1 and points[number - 1][1] == point[1] == points[number + 1][1])
    ]
