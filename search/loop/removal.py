"""Select a genotype by what the supernet loses without each candidate (DARTS-PT, Wang et al., ICLR 2021, algorithm 1).

Accuracy is measured as in the authors' code: each batch is normalised by its own statistics, since running statistics
are those of the whole supernet, and the weights of the other candidates stay as they are. Other than there, the images
are not augmented.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from backbones.files import write_text
from backbones.genotype import Genotype
from search.loop.bilevel import Bilevel
from search.training.epoch_lines import read_epochs
from search.training.parallel import from_main, is_main, wait_for_all

_CELLS = ("normal", "reduce")

#: A batch of images for α: uint8 `(N, 3, H, W)` and labels `(N,)`.
Images = tuple[Tensor, Tensor]


class Removals:
    """The decisions of a selection, made one after another and kept in a file.

    A step decides an edge's operation in the normal and then in the reduction cell, in random order; the last steps
    choose the two edges into each node that has more.

    Args:
        model: the trained supernet; decided edges are held in its weighting.
        batches: images for α; every decision is made on all of them.
        log: a line of JSON for each step: what was decided, and the accuracy in % without each choice.
        seed: of the order.
    """

    def __init__(self, model: Bilevel, batches: Sequence[Images], log: Path, seed: int) -> None:
        self.model = model
        self.batches = batches
        self.log = log
        self.space = model.supernet.space
        order = random.Random(seed)
        edges = {cell: order.sample(range(len(self.space.edges)), len(self.space.edges)) for cell in _CELLS}
        # Node 2 has two edges into it.
        wide = range(3, self.space.nodes + 2)
        nodes = {cell: order.sample(wide, len(wide)) for cell in _CELLS}
        self._edges = [{cell: edges[cell][step] for cell in _CELLS} for step in range(len(self.space.edges))]
        self._nodes = [{cell: nodes[cell][step] for cell in _CELLS} for step in range(len(wide))]
        self._operations: dict[str, dict[int, str]] = {cell: {} for cell in _CELLS}
        self._kept: dict[str, dict[int, list[int]]] = {cell: {} for cell in _CELLS}
        weighting = model.supernet.weighting
        for cell in _CELLS:
            alpha = getattr(model.supernet, f"alpha_{cell}")
            # At fixed addresses, since a replayed step reads them.
            weighting.held[cell] = (
                torch.zeros(len(alpha), 1, dtype=torch.bool, device=alpha.device),
                torch.zeros_like(alpha.detach()),
            )
            weighting.kept[cell] = torch.ones_like(alpha.detach()[:, 0])

    @property
    def steps(self) -> int:
        return len(self._edges) + len(self._nodes)

    def take(self, step: int) -> None:
        """Make the decisions of a step, from 0, or take them from the file."""
        known = {line["epoch"]: line for line in read_epochs(self.log)}
        line = known.get(step + 1)
        if line is None:
            line = {"epoch": step + 1}
            for cell in _CELLS:
                line[cell] = self._decide(step, cell)
                self._apply(cell, line[cell])
            # A process that came later would find the line below, and not take part in the decision.
            wait_for_all()
            if is_main():
                lines = [known[number] for number in sorted(known) if number <= step]
                write_text(self.log, "".join(json.dumps(each) + "\n" for each in [*lines, line]))
            return
        for cell in _CELLS:
            self._apply(cell, line[cell])

    def genotype(self) -> Genotype:
        """The genotype, after the last step."""
        cells = {}
        for cell in _CELLS:
            entries = []
            for target in range(2, self.space.nodes + 2):
                sources = self._kept[cell].get(target, [0, 1])
                entries += [(self._operations[cell][self._edge(source, target)], source) for source in sources]
            cells[cell] = tuple(entries)
        concat = tuple(range(2, self.space.nodes + 2))
        return Genotype(cells["normal"], concat, cells["reduce"], concat)

    def _edge(self, source: int, target: int) -> int:
        return self.space.edges.index((source, target))

    def _decide(self, step: int, cell: str) -> dict[str, Any]:
        if step < len(self._edges):
            return self._operation(cell, self._edges[step][cell])
        return self._two_edges(cell, self._nodes[step - len(self._edges)][cell])

    def _operation(self, cell: str, edge: int) -> dict[str, Any]:
        """Choose the operation without which accuracy is lowest; ties go to the first, and `none` is no choice."""
        names = getattr(self.space, cell)[edge]
        weights = self._weights(cell)[edge]
        without: dict[str, float] = {}
        for index, name in enumerate(names):
            if name != "none":
                rest = weights.clone()
                rest[index] = 0
                without[name] = self._accuracy(cell, {edge: rest})
        chosen = from_main(list(without).index(min(without, key=without.__getitem__)))
        return {"edge": edge, "without": without, "operation": list(without)[chosen]}

    def _two_edges(self, cell: str, node: int) -> dict[str, Any]:
        """Remove the edge without which accuracy is highest until two are left; ties go to the last edge."""
        sources = list(range(node))
        rounds: list[dict[str, float]] = []
        gone: list[int] = []
        while len(sources) > 2:
            without = {
                str(source): self._accuracy(cell, {}, [self._edge(each, node) for each in (*gone, source)])
                for source in sources
            }
            rounds.append(without)
            worst = max(range(len(sources)), key=lambda index: (without[str(sources[index])], index))
            gone.append(sources.pop(from_main(worst)))
        return {"node": node, "without": rounds, "sources": sources}

    def _apply(self, cell: str, decision: Mapping[str, Any]) -> None:
        held, values = self.model.supernet.weighting.held[cell]
        if "edge" in decision:
            edge, name = decision["edge"], decision["operation"]
            self._operations[cell][edge] = name
            held[edge] = True
            values[edge] = 0
            values[edge, getattr(self.space, cell)[edge].index(name)] = 1
            return
        node, sources = decision["node"], decision["sources"]
        self._kept[cell][node] = list(sources)
        for source in set(range(node)) - set(sources):
            self._remove(cell, self._edge(source, node))

    def _remove(self, cell: str, edge: int) -> None:
        weighting = self.model.supernet.weighting
        weighting.held[cell][0][edge] = True
        weighting.held[cell][1][edge] = 0
        weighting.kept[cell][edge] = 0

    @torch.no_grad()
    def _weights(self, cell: str) -> Tensor:
        """The weights of a cell's candidates, as evaluation has them."""
        supernet = self.model.supernet
        weights = supernet.weighting.relaxation.expected(getattr(supernet, f"alpha_{cell}"))
        held, values = supernet.weighting.held[cell]
        return torch.where(held, values, weights)

    @torch.no_grad()
    def _accuracy(self, cell: str, changed: Mapping[int, Tensor], removed: Sequence[int] = ()) -> float:
        """The supernet's accuracy in % with other weights on some edges of a cell, and some edges removed."""
        model = self.model
        weighting = model.supernet.weighting
        before = tuple(value.clone() for value in (*weighting.held[cell], weighting.kept[cell]))
        training, drops = model.training, model.supernet.drops_skips
        model.train()
        # The expected weights, but the batches' own statistics.
        weighting.eval()
        model.supernet.drops_skips = False
        try:
            for edge, row in changed.items():
                weighting.held[cell][0][edge] = True
                weighting.held[cell][1][edge] = row
            for edge in removed:
                self._remove(cell, edge)
            copies = {name: buffer.clone() for name, buffer in model.supernet.named_buffers()}
            correct = sum(
                (model.evaluated(images.to(model.device), copies).argmax(dim=1).cpu() == labels.cpu()).sum()
                for images, labels in self.batches
            )
            return 100.0 * int(correct) / sum(len(labels) for _, labels in self.batches)
        finally:
            for value, old in zip((*weighting.held[cell], weighting.kept[cell]), before, strict=True):
                value.copy_(old)
            model.train(training)
            model.supernet.drops_skips = drops
