"""Convert the spellings of a genotype in programs of the DARTS family to DARTS' own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backbones.errors import InputError
from backbones.literal import FIELDS


def as_darts_spells(content: Any, where: str) -> Any:
    """Convert the content to DARTS' four fields; any other spelling is left unchanged.

    - Empty fields that DARTS does not have (`connectN=None`) are left out.
    - Edges nested by node, `[((op, 0), (op, 1)), …]`, are put in one list (AutoDL).
    - A third entry of an edge is left out: a floating-point number is a weight, a whole number the edge's target,
      which must agree with the edge's index.

    Raises:
        InputError: the cell is recurrent, a node has other than two edges, or a target does not agree.
    """
    if isinstance(content, Mapping) and isinstance(content.get("genotype"), Mapping):
        content = content["genotype"]
    if not isinstance(content, Mapping):
        return content
    kept = {key: value for key, value in content.items() if key in FIELDS or not _is_empty(value)}
    if "recurrent" in kept:
        raise InputError(
            f"{where}: is a recurrent cell (DARTS' for language models); expected convolutional cells with "
            f"{', '.join(FIELDS)}"
        )
    for cell in ("normal", "reduce"):
        edges = kept.get(cell)
        if isinstance(edges, (list, tuple)):
            flat = _flat(edges, f"{where}: {cell}")
            kept[cell] = [_pair(edge, index, f"{where}: {cell}[{index}]") for index, edge in enumerate(flat)]
    return kept


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, (str, list, tuple, Mapping)) and not value)


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _flat(edges: Any, where: str) -> list[Any]:
    if not edges or not all(_is_list(node) and node and all(map(_is_list, node)) for node in edges):
        return list(edges)
    for index, node in enumerate(edges):
        if len(node) != 2:
            raise InputError(
                f"{where}: node {index + 2} has {len(node)} edges; every intermediate node takes two in a cell of DARTS"
            )
    return [edge for node in edges for edge in node]


def _pair(edge: Any, index: int, where: str) -> Any:
    if not (_is_list(edge) and len(edge) == 3):
        return edge
    operation, source, third = edge
    if type(third) is int and third != index // 2 + 2:
        raise InputError(
            f"{where}: leads to node {str(third)[:20]}; expected node {index // 2 + 2} by the edge's index"
        )
    return [operation, source] if type(third) in (int, float) else edge
