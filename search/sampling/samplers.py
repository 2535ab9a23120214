"""Which genotype is tried next, by those that were tried before."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, model_validator

from backbones.genotype import Edge, Genotype
from search.configs import Schema

#: The parts of a genotype that mutate.
_CELLS = ("normal", "reduce")


@dataclass(frozen=True)
class Tried:
    """A genotype and its accuracy in %."""

    genotype: Genotype
    accuracy: float


def best_of(tried: Sequence[Tried]) -> Tried:
    """The most accurate; of equal ones the first."""
    return max(tried, key=lambda each: each.accuracy)


class RandomSampler(Schema):
    """Draw every genotype uniformly (Li & Talwalkar, UAI 2019)."""

    type: Literal["random"]

    def proposed(
        self, history: Sequence[Tried], nodes: int, operations: Sequence[str], draw: random.Random
    ) -> Genotype:
        """Draw the next genotype, whatever was tried before."""
        return Genotype.drawn(draw, nodes, operations)


class Evolution(Schema):
    """Regularised evolution: the youngest `population` live, whatever their accuracy (Real et al., AAAI 2019, alg. 1).

    Of `sample` members, drawn with replacement, the most accurate has a child: one input or one operation of it, with
    equal probability, is replaced by another; with probability `identity` nothing is.
    """

    type: Literal["evolution"]
    population: int = Field(ge=1)
    sample: int = Field(ge=1)
    identity: float = Field(default=0.05, ge=0, lt=1)

    @model_validator(mode="after")
    def _can_sample(self) -> Evolution:
        if self.sample > self.population:
            raise ValueError(f"sample={self.sample} is larger than population={self.population}")
        return self

    def proposed(
        self, history: Sequence[Tried], nodes: int, operations: Sequence[str], draw: random.Random
    ) -> Genotype:
        if len(history) < self.population:
            return Genotype.drawn(draw, nodes, operations)
        alive = history[-self.population :]
        parent = best_of([draw.choice(alive) for _ in range(self.sample)]).genotype
        return parent if draw.random() < self.identity else mutated(parent, operations, draw)


Sampler = Annotated[RandomSampler | Evolution, Field(discriminator="type")]


def mutated(parent: Genotype, operations: Sequence[str], draw: random.Random) -> Genotype:
    """Replace an input (hidden-state mutation) or an operation of one cell, drawn uniformly, by another one.

    The two inputs of a node remain different. Node 2, which can have no others than it has, mutates in its operations
    only.
    """
    names = [name for name in operations if name != "none"]
    name = draw.choice(_CELLS)
    edges: list[Edge] = list(getattr(parent, name))
    if draw.random() < 0.5 and len(edges) > 2:
        place = draw.randrange(2, len(edges))
        operation, source = edges[place]
        taken = {source, edges[place ^ 1][1]}
        edges[place] = (operation, draw.choice([other for other in range(place // 2 + 2) if other not in taken]))
    else:
        place = draw.randrange(len(edges))
        operation, source = edges[place]
        edges[place] = (draw.choice([other for other in names if other != operation] or names), source)
    cells = {cell: getattr(parent, cell) for cell in _CELLS} | {name: tuple(edges)}
    return Genotype(cells["normal"], parent.normal_concat, cells["reduce"], parent.reduce_concat)
