"""The discrete cell: a genotype's cell as a module, and drop-path."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backbones.cpu.channels_last import runs_fast
from backbones.operations import FactorisedReduction, ReLUConvBN, ReLUFirst, build_operation
from backbones.zoo import GenotypeLike, genotype_of


def path_masks(rate: Tensor, paths: int, like: Tensor) -> Tensor:
    """Draw drop-path factors `(paths, N, 1, 1, 1)`: 0 with probability `rate`, else `1 / (1 - rate)`.

    Larsson et al., FractalNet (ICLR 2017). As in DARTS' evaluation, each sample is drawn separately.

    Args:
        rate: a tensor of shape `()`.
        like: `(N, C, H, W)`, a map that gives N, the type and the device.
    """
    keep = 1 - rate
    kept = torch.rand(paths, len(like), 1, 1, 1, device=like.device) < keep
    return (kept / keep).to(like.dtype)


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
        genotype: GenotypeLike,
        c_before_last: int,
        c_last: int,
        channels: int,
        reduction: bool,
        reduction_before: bool,
    ) -> None:
        super().__init__()
        genotype = genotype_of(genotype)
        edges = genotype.reduce if reduction else genotype.normal
        self.concat = genotype.reduce_concat if reduction else genotype.normal_concat
        self.sources = tuple(source for _, source in edges)
        self.out_channels = channels * len(self.concat)
        # A tensor, because torch.compile would recompile at every epoch for a Python number that changes.
        self._rate_on_device: Tensor
        self.register_buffer("_rate_on_device", torch.zeros(()), persistent=False)
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

    @property
    def drop_path_rate(self) -> float:
        """Drop-path rate, at least 0 and below 1; 0 draws no random numbers."""
        return self._rate

    @drop_path_rate.setter
    def drop_path_rate(self, rate: float) -> None:
        if not 0 <= rate < 1:
            raise ValueError(f"drop-path rate {rate}: expected 0 <= rate < 1")
        self._rate = float(rate)
        self._drops = rate > 0
        self._rate_on_device.fill_(rate)

    def forward(self, before_last: Tensor, last: Tensor) -> Tensor:
        nodes = [self.preprocess0(before_last), self.preprocess1(last)]
        masks: Sequence[Tensor | None] = [None] * len(self.sources)
        if self.training and self._drops:
            masks = path_masks(self._rate_on_device, len(self.sources), last).unbind()
        positives: dict[int, Tensor] = {}
        for first in range(0, len(self.sources), 2):
            total = None
            for index in (first, first + 1):
                out = self._edge(index, nodes, positives)
                # Identity edges are never dropped, so that every node keeps an input (DARTS' evaluation).
                mask = None if isinstance(self.operations[index], nn.Identity) else masks[index]
                total = _added(total, out, mask)
            nodes.append(total)
        return torch.cat([nodes[node] for node in self.concat], dim=1)

    def _edge(self, index: int, nodes: list[Tensor], positives: dict[int, Tensor]) -> Tensor:
        """Compute an edge's output; `positives` caches the ReLU of each node."""
        operation, source = self.operations[index], self.sources[index]
        node = nodes[source]
        if not (isinstance(operation, ReLUFirst) and runs_fast(node) and operation.may_share()):
            return operation(node)
        if source not in positives:
            positives[source] = F.relu(node)
        return operation(node, positives[source])


def _added(total: Tensor | None, out: Tensor, mask: Tensor | None) -> Tensor:
    if total is None:
        return out if mask is None else out * mask
    return total + out if mask is None else torch.addcmul(total, out, mask)
