"""The discrete cell: a genotype's cell as a module, and drop-path."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from backbones.genotype import Genotype
from backbones.operations import FactorisedReduction, ReLUConvBN, build_operation


def drop_path(x: Tensor, rate: float) -> Tensor:
    """Drop whole samples with probability `rate` and scale the kept by `1 / (1 - rate)`, `(N, C, H, W)` in and out.

    Larsson et al., FractalNet (ICLR 2017), as DARTS' evaluation uses it: one mask a sample.
    """
    keep = 1.0 - rate
    mask = torch.empty((x.shape[0], 1, 1, 1), dtype=x.dtype, device=x.device).bernoulli_(keep)
    return x * (mask / keep)


class Cell(nn.Module):
    """One cell of an evaluation network.

    Takes the outputs of the two cells before it, `(N, C_0, H_0, W_0)` and `(N, C_1, H, W)`, and gives
    `(N, channels * len(concat), H', W')`, where a reduction cell halves height and width (rounded up).

    Args:
        c_before_last, c_last: channels of the two inputs.
        reduction: whether this is the genotype's reduction cell (its edges from the inputs have stride 2).
        reduction_before: whether the cell before was one, so that the first input is twice as high and wide.
    """

    def __init__(
        self,
        genotype: Genotype,
        c_before_last: int,
        c_last: int,
        channels: int,
        reduction: bool,
        reduction_before: bool,
    ) -> None:
        super().__init__()
        edges = genotype.reduce if reduction else genotype.normal
        self.concat = genotype.reduce_concat if reduction else genotype.normal_concat
        self.sources = tuple(source for _, source in edges)
        self.out_channels = channels * len(self.concat)
        self.drop_path_rate = 0.0
        self.preprocess0: nn.Module
        if reduction_before:
            self.preprocess0 = FactorisedReduction(c_before_last, channels)
        else:
            self.preprocess0 = ReLUConvBN(c_before_last, channels, 1, 1, 0)
        self.preprocess1 = ReLUConvBN(c_last, channels, 1, 1, 0)
        self.operations = nn.ModuleList(
            build_operation(operation, channels, stride=2 if reduction and source < 2 else 1)
            for operation, source in edges
        )

    def forward(self, before_last: Tensor, last: Tensor) -> Tensor:
        nodes = [self.preprocess0(before_last), self.preprocess1(last)]
        for first in range(0, len(self.sources), 2):
            nodes.append(self._edge(first, nodes) + self._edge(first + 1, nodes))
        return torch.cat([nodes[node] for node in self.concat], dim=1)

    def _edge(self, place: int, nodes: list[Tensor]) -> Tensor:
        operation = self.operations[place]
        out = operation(nodes[self.sources[place]])
        # Identity edges are never dropped, so that every node keeps an input (DARTS' evaluation).
        if self.training and self.drop_path_rate > 0 and not isinstance(operation, nn.Identity):
            out = drop_path(out, self.drop_path_rate)
        return out
