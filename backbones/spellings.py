"""The ways in which programs of the DARTS family spell a genotype, brought to the one of DARTS itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backbones.errors import InputError
from backbones.literal import FIELDS


def as_darts_spells(content: Any, where: str) -> Any:
    """The content as DARTS' four fields; what is spelled in none of these ways is left as it is, for the strict reader.

    - Fields that are none of DARTS' and empty (`connectN=None`) are left out.
    - Edges nested by node, `[((op, 0), (op, 1)), …]`, are put in one list (AutoDL).
    - A third number of an edge that has a decimal point is a weight, and left out; a whole one is the node that the
      edge leads to, and must be the one that it has by its place.

    Raises:
        InputError: a recurrent cell, a node of other than two edges, or one that an edge does not lead to.
    """
    if isinstance(content, Mapping) and isinstance(content.get("genotype"), Mapping):
        content = content["genotype"]
    if not isinstance(content, Mapping):
        return content
    kept = {key: value for key, value in content.items() if key in FIELDS or not _is_empty(value)}
    if "recurrent" in kept:
        raise InputError(
            f"{where}: is a recurrent cell (DARTS' for language models); only convolutional cells are read, which have "
            f"{', '.join(FIELDS)}"
        )
    for cell in ("normal", "reduce"):
        edges = kept.get(cell)
        if isinstance(edges, (list, tuple)):
            flat = _flat(edges, f"{where}: {cell}")
            kept[cell] = [_pair(edge, place, f"{where}: {cell}[{place}]") for place, edge in enumerate(flat)]
    return kept


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, (str, list, tuple, Mapping)) and not value)


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _flat(edges: Any, where: str) -> list[Any]:
    if not edges or not all(_is_list(node) and node and all(map(_is_list, node)) for node in edges):
        return list(edges)
    for place, node in enumerate(edges):
        if len(node) != 2:
            raise InputError(
                f"{where}: node {place + 2} has {len(node)} edges; every intermediate node takes two in a cell of DARTS"
            )
    return [edge for node in edges for edge in node]


def _pair(edge: Any, place: int, where: str) -> Any:
    if not (_is_list(edge) and len(edge) == 3):
        return edge
    operation, source, third = edge
    if type(third) is int and third != place // 2 + 2:
        raise InputError(
            f"{where}: leads to node {str(third)[:20]}, but by its place it is one of node {place // 2 + 2}'s two edges"
        )
    return [operation, source] if type(third) in (int, float) else edge
