"""Derive a genotype from architecture parameters, by the rules of DARTS, PC-DARTS and P-DARTS."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from backbones.errors import InputError
from backbones.files import read_json, write_text
from backbones.genotype import Edge, Genotype
from search.configs import Schema, parse
from search.space import SearchSpace, edge_sources

Rule = Literal["darts", "pc-darts", "p-darts"]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Architecture(Schema):
    """The content of `architecture.json`: a search's learned parameters and derivation rule.

    Rows of `alpha_*` and entries of `beta_*` are edges in DARTS order; values are raw, before softmax.
    """

    alpha_normal: list[list[Finite]]
    alpha_reduce: list[list[Finite]]
    beta_normal: list[Finite] | None = None
    beta_reduce: list[Finite] | None = None
    operations_normal: list[list[str]]
    operations_reduce: list[list[str]]
    nodes: int = Field(ge=1, le=30)
    rule: Rule
    max_skips: int | None = Field(default=None, ge=0)
    #: The candidates' weights that follow from α, where they are not its softmax.
    weights_normal: list[list[Finite]] | None = Field(default=None, exclude_if=lambda rows: rows is None)
    weights_reduce: list[list[Finite]] | None = Field(default=None, exclude_if=lambda rows: rows is None)
    #: Edges whose weight does not exceed it become `none` (FairDARTS).
    threshold: float | None = Field(default=None, ge=0, lt=1, exclude_if=lambda value: value is None)
    #: The genotype, where it does not follow from the weights.
    selected: dict[str, Any] | None = Field(default=None, exclude_if=lambda genotype: genotype is None)

    @model_validator(mode="after")
    def _shapes_fit(self) -> Architecture:
        edges = len(edge_sources(self.nodes))
        for cell in ("normal", "reduce"):
            for key in (f"alpha_{cell}", f"operations_{cell}"):
                if len(getattr(self, key)) != edges:
                    raise ValueError(f"{key}: {len(getattr(self, key))} edges; {self.nodes} nodes have {edges}")
            for edge, (row, names) in enumerate(
                zip(getattr(self, f"alpha_{cell}"), getattr(self, f"operations_{cell}"), strict=True)
            ):
                if len(row) != len(names):
                    raise ValueError(f"alpha_{cell}[{edge}]: {len(row)} values for {len(names)} operations")
            weights = getattr(self, f"weights_{cell}")
            if weights is not None and list(map(len, weights)) != list(map(len, getattr(self, f"alpha_{cell}"))):
                raise ValueError(f"weights_{cell}: expected as many values as alpha_{cell} has")
            beta = getattr(self, f"beta_{cell}")
            if beta is not None and len(beta) != edges:
                raise ValueError(f"beta_{cell}: {len(beta)} values; {self.nodes} nodes have {edges} edges")
            if self.rule == "pc-darts" and beta is None:
                raise ValueError(f"beta_{cell} is needed by rule 'pc-darts'")
        try:
            SearchSpace(
                self.nodes, tuple(map(tuple, self.operations_normal)), tuple(map(tuple, self.operations_reduce))
            )
        except InputError as error:
            raise ValueError(f"operations_{error}") from error
        if self.selected is not None:
            try:
                Genotype.from_json(self.selected, where="selected")
            except InputError as error:
                raise ValueError(str(error)) from error
        return self

    def save(self, file: Path) -> None:
        """Write the JSON file, whole or not at all."""
        write_text(file, self.model_dump_json(indent=1) + "\n")


def read_architecture(file: Path) -> Architecture:
    """Read `architecture.json`.

    Raises:
        InputError: the file is missing or not JSON, or a key is missing, unknown or does not fit; names file and key.
    """
    content = read_json(file)
    if not isinstance(content, dict):
        raise InputError(f"{file}: expected an object with alpha_normal, alpha_reduce, …")
    return parse(Architecture, content, str(file))


@dataclass(frozen=True)
class _Choice:
    """The best operation of an edge, and its score against other edges."""

    source: int
    operation: str
    score: float


def derive(architecture: Architecture, max_skips: int | None = None) -> Genotype:
    """Derive the genotype of learned architecture parameters.

    Every edge keeps its operation of the largest weight other than `none`. Every node keeps the two incoming edges with
    the largest scores. The score of an edge is softmax(α) of its operation (DARTS 2.4; P-DARTS 4.3.1), or the weight
    that another relaxation of α gives it, for rule `pc-darts` times softmax(β) over the edges into the node (PC-DARTS
    3.3). With a `threshold`, the weaker of the two becomes `none` if its score does not exceed it (FairDARTS). A
    genotype that was `selected` otherwise is taken as it is. `max_skips` restricts the skip connections
    of the normal cell (P-DARTS 4.3.2): while there are more, the weight of the weakest is set to 0 and the cell is
    derived again. The paper says "search for the M skip-connect operations with the largest architecture weights and
    set the weights of others to 0", which gives the same cell, because a skip connection that replaces another is never
    stronger.

    Ties go to the first operation among the candidates and to the edge from the earlier node. Of equally weak skip
    connections, the last is removed first. The two edges of a node are listed by rising source.

    Args:
        max_skips: overrides the architecture's own; None keeps it.

    Raises:
        InputError: the candidates do not allow the restriction.
    """
    limit = architecture.max_skips if max_skips is None else max_skips
    if architecture.selected is not None:
        selected = Genotype.from_json(architecture.selected)
        if limit is not None and selected.skip_count > limit:
            problem = "was not selected by its weights, so its skip connections cannot be restricted"
            raise InputError(f"max_skips={limit}: the genotype has {selected.skip_count} and {problem}")
        return selected
    normal = _weights(architecture, "normal")
    cell = _cell(architecture, "normal", normal)
    while limit is not None and sum(choice.operation == "skip_connect" for choice in cell) > limit:
        index = min(
            (index for index, choice in enumerate(cell) if choice.operation == "skip_connect"),
            key=lambda index: (cell[index].score, -index),
        )
        target = index // 2 + 2
        edge = edge_sources(architecture.nodes).index((cell[index].source, target))
        if cell[index].score < 0:
            raise InputError(
                f"max_skips={limit}: node {target} of the normal cell has no candidates left but skip connections, "
                "so it cannot be reached"
            )
        # Below 0, so that a softmax that has underflown to 0 is still larger.
        normal[edge][architecture.operations_normal[edge].index("skip_connect")] = -1.0
        cell = _cell(architecture, "normal", normal)
    concat = tuple(range(2, architecture.nodes + 2))
    return Genotype(
        normal=_entries(cell),
        normal_concat=concat,
        reduce=_entries(_cell(architecture, "reduce", _weights(architecture, "reduce"))),
        reduce_concat=concat,
    )


def save_genotypes(architecture: Architecture, file: Path) -> None:
    """Write `genotypes.json`: the genotype for every restriction M of the normal cell's skip connections.

    `{"default": 2, "max_skips": {"0": {"skip_count": 0, "genotype": {…}}, "1": …}}`. M runs from 0 to 8, or to the
    number of the normal cell's edges if that is larger. `default` is the search's own M, null without a restriction. An
    M that cannot be reached has `{"skip_count": null, "genotype": null, "reason": "…"}`.
    """
    entries = {str(limit): _entry(architecture, limit) for limit in range(max(8, 2 * architecture.nodes) + 1)}
    write_text(file, json.dumps({"default": architecture.max_skips, "max_skips": entries}, indent=1) + "\n")


def _entry(architecture: Architecture, limit: int) -> dict[str, Any]:
    try:
        genotype = derive(architecture, limit)
    except InputError as error:
        return {"skip_count": None, "genotype": None, "reason": str(error)}
    return {"skip_count": genotype.skip_count, "genotype": genotype.to_json()}


def _weights(architecture: Architecture, cell: str) -> list[list[float]]:
    """The weights of each edge's candidates, for rule `pc-darts` times softmax(β) over the edges into its node."""
    rows = candidate_weights(architecture, cell)
    if architecture.rule == "pc-darts":
        beta = getattr(architecture, f"beta_{cell}")
        first = 0
        for target in range(2, architecture.nodes + 2):
            for edge, share in enumerate(_softmax(beta[first : first + target]), start=first):
                rows[edge] = [weight * share for weight in rows[edge]]
            first += target
    return rows


def candidate_weights(architecture: Architecture, cell: str) -> list[list[float]]:
    """The weights that follow from α: its softmax, unless `weights_<cell>` has others."""
    given = getattr(architecture, f"weights_{cell}")
    if given is not None:
        return [list(row) for row in given]
    return [_softmax(row) for row in getattr(architecture, f"alpha_{cell}")]


def _softmax(values: Sequence[float]) -> list[float]:
    largest = max(values)
    powers = [math.exp(value - largest) for value in values]
    # An exact sum, so that edges with the same values in another order tie on every machine.
    total = math.fsum(powers)
    return [power / total for power in powers]


def _cell(architecture: Architecture, cell: str, weights: list[list[float]]) -> list[_Choice]:
    """Choose the two edges of every node, listed by rising source."""
    operations = getattr(architecture, f"operations_{cell}")
    chosen: list[_Choice] = []
    first = 0
    for target in range(2, architecture.nodes + 2):
        into = []
        for source in range(target):
            names, row = operations[first + source], weights[first + source]
            best = max(
                (index for index, name in enumerate(names) if name != "none"), key=lambda index: (row[index], -index)
            )
            into.append(_Choice(source, names[best], row[best]))
        two = sorted(into, key=lambda choice: (-choice.score, choice.source))[:2]
        if architecture.threshold is not None and two[1].score <= architecture.threshold:
            # The stronger one stays, since a genotype's nodes need an input.
            two[1] = _Choice(two[1].source, "none", two[1].score)
        chosen += sorted(two, key=lambda choice: choice.source)
        first += target
    return chosen


def _entries(cell: list[_Choice]) -> tuple[Edge, ...]:
    return tuple((choice.operation, choice.source) for choice in cell)


def derive_file(file: Path, max_skips: int | None = None) -> Genotype:
    """Derive the genotype of a finished search's `architecture.json`.

    Raises:
        InputError: as `read_architecture` and `derive`.
    """
    return derive(read_architecture(file), max_skips)
