"""Draw the cells of every genotype in the tables."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from backbones import drawing
from backbones.genotype import Genotype
from backbones.zoo import own as own_zoo
from bench.report.theme import themed
from bench.tables.rows import Row


@dataclass
class Cells:
    """A genotype and its names; equal genotypes are drawn once."""

    genotype: Genotype
    names: dict[str, None] = field(default_factory=dict)

    @property
    def place(self) -> str:
        return cells_place(self.genotype.digest)

    @property
    def title(self) -> str:
        return " = ".join(self.names)

    @property
    def pictures(self) -> dict[str, str]:
        """An `<svg>` element of each cell, with a description in words."""
        found = {}
        for cell in ("normal", "reduce"):
            words = f"{'Normal' if cell == 'normal' else 'Reduction'} cell of {self.title}: {self._words(cell)}"
            picture = _picture(self.genotype, cell)
            found[cell] = re.sub("^<svg", f'<svg role="img" aria-label="{words}"', picture)
        return found

    def _words(self, cell: str) -> str:
        edges = getattr(self.genotype, cell)
        nodes = [edges[start : start + 2] for start in range(0, len(edges), 2)]
        return "; ".join(
            f"node {place} is {' + '.join(f'{name} of {_input(source)}' for name, source in node)}"
            for place, node in enumerate(nodes)
        )


# A layout takes a quarter of a second, and every report of a process draws the papers' cells.
@functools.lru_cache(maxsize=256)
def _picture(genotype: Genotype, cell: str) -> str:
    return themed(drawing.svg(genotype, cell))


def _input(source: int) -> str:
    return ("the cell before the last", "the last cell")[source] if source < 2 else f"node {source - 2}"


def cells_place(digest: str) -> str:
    """The id of a genotype's picture in the page."""
    return f"cells-{digest[:12]}"


def all_cells(rows: Iterable[Row]) -> list[Cells]:
    """The distinct genotypes of the rows, in order."""
    found: dict[str, Cells] = {}
    for row in rows:
        if row.digest is None:
            continue
        if row.published is not None:
            name = row.labels["zoo"]
            genotype = own_zoo.find(name)
        else:
            recorded = row.records[0].architecture
            assert recorded.genotype is not None
            name, genotype = recorded.name, Genotype.from_json(recorded.genotype, where="genotype")
        found.setdefault(row.digest, Cells(genotype)).names[name] = None
    return list(found.values())
