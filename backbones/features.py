"""The evaluation network as a multi-scale feature extractor, for detection and re-identification."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from backbones.cpu.channels_last import laid_out
from backbones.errors import InputError
from backbones.networks import CifarStem, cells_of, imagenet_stem, reduction_places, stack_cells
from backbones.operations import unstride
from backbones.settings import PartlyFrozen, check_settings, check_size
from backbones.zoo import GenotypeLike


class CellBackbone(PartlyFrozen):
    """The evaluation network without its classifier: `(N, 3, H, W)` to one map per stride, `(N, C_s, H / s, W / s)`.

    Parameters are named as in `ImageNetNetwork` (or `CifarNetwork`), so that its weights load unchanged.
    The map of a stride is the output of the last cell at that stride: of 14 cells, cells 3, 8 and 13.

    Args:
        genotype: the two cells, also as a zoo name or a literal.
        channels: the initial width C (papers: 48). The maps at strides 8, 16, 32 have `4 * C`, `8 * C`, `16 * C`
            channels for genotypes that concatenate four nodes.
        layers: the number of cells, at least 3.
        stem: `imagenet` (strides 4, 8, 16, 32 can be asked for) or `cifar` (strides 1, 2, 4).
        out_strides: strides of the maps to return, in rising order.
        last_stride: 1 leaves out the last halving (PCB's finer map, Sun et al. 2018). The last map then has the size
            of the one before; `out_strides` still names it by its stride in the unchanged network.
        drop_path: drop-path rate in training.
        frozen_stages: number of frozen parts, from the input on: 1 the stem, 2 also the cells of the first stage, up
            to 4.
        norm_eval: freeze all BatchNorm statistics, in training too.
        checkpointing: recompute each cell in the backward pass to save memory.

    Raises:
        InputError: a stride that this stem does not have, too few layers, or a setting out of its range.
    """

    #: False computes in the layout of the input, as `CifarNetwork.channels_last`.
    channels_last = True

    def __init__(
        self,
        genotype: GenotypeLike,
        channels: int = 48,
        layers: int = 14,
        stem: str = "imagenet",
        out_strides: Sequence[int] = (8, 16, 32),
        last_stride: int = 2,
        drop_path: float = 0.0,
        frozen_stages: int = 0,
        norm_eval: bool = False,
        checkpointing: bool = False,
    ) -> None:
        super().__init__()
        # Each of the three stages needs a cell.
        check_size(channels, layers, least_layers=3)
        check_settings(out_strides, last_stride, frozen_stages, drop_path)
        self.stem_name = stem
        if stem == "imagenet":
            self.stem0, self.stem1 = imagenet_stem(channels)
            self.cells = stack_cells(genotype, channels, layers, channels, channels, reduction_before=True)
            first_stride = 8
        elif stem == "cifar":
            self.stem = CifarStem(channels)
            self.cells = stack_cells(genotype, channels, layers, 3 * channels, 3 * channels, reduction_before=False)
            first_stride = 1
        else:
            raise InputError(f"stem={stem!r}: expected 'imagenet' or 'cifar'")

        stack = cells_of(self.cells)
        first, second = reduction_places(layers)
        #: Stride to the index of the cell that gives its map; -1 is the first half of the ImageNet stem.
        self._taps = {first_stride: first - 1, 2 * first_stride: second - 1, 4 * first_stride: layers - 1}
        if stem == "imagenet":
            self._taps[4] = -1
        self.out_strides = tuple(out_strides)
        if any(stride not in self._taps for stride in self.out_strides):
            raise InputError(f"out_strides={self.out_strides}: expected rising strides out of {sorted(self._taps)}")
        #: Channels of each returned map, in the order of `out_strides`.
        self.feature_channels = tuple(
            channels if self._taps[stride] < 0 else stack[self._taps[stride]].out_channels
            for stride in self.out_strides
        )
        if last_stride == 1:
            # Its preprocessing keeps its stride: with 3 or 4 layers it reads the map before the first reduction.
            unstride(stack[second].operations)
            if second + 1 < layers:
                unstride(stack[second + 1].preprocess0)
        for cell in stack:
            cell.drop_path_rate = drop_path
        # Cells behind the deepest map would get no gradient.
        self.cells = self.cells[: self._taps[self.out_strides[-1]] + 1]
        self.norm_eval = norm_eval
        self.checkpointing = checkpointing
        stages = [(0, first), (first, second), (second, layers)]
        self._frozen: list[nn.Module] = []
        if frozen_stages:
            self._frozen += [self.stem0, self.stem1] if stem == "imagenet" else [self.stem]
            self._frozen += [cell for start, end in stages[: frozen_stages - 1] for cell in self.cells[start:end]]
        for module in self._frozen:
            module.requires_grad_(False)
        self.train()

    def is_spare(self, name: str) -> bool:
        """Whether an entry belongs to a part of the classification network that this backbone leaves out."""
        part, _, index = name.partition(".")
        behind = part == "cells" and int(index.partition(".")[0]) >= len(self.cells)
        return behind or part in ("classifier", "auxiliary_head")

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        x = laid_out(x) if self.channels_last else x
        maps: dict[int, Tensor] = {}
        if self.stem_name == "imagenet":
            before_last = maps[-1] = self.stem0(x)
            last = self.stem1(before_last)
        else:
            before_last = last = self.stem(x)
        for layer, cell in enumerate(self.cells):
            if self.checkpointing and self.training:
                out = checkpoint(cell, before_last, last, use_reentrant=False, context_fn=partial(_contexts, cell))
            else:
                out = cell(before_last, last)
            before_last, last = last, out
            maps[layer] = out
        return tuple(maps[self._taps[stride]] for stride in self.out_strides)


def _contexts(cell: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """The contexts of a checkpointed cell: for its forward pass, and for its recomputation."""
    return nullcontext(), _statistics_kept(cell)


@contextmanager
def _statistics_kept(module: nn.Module) -> Iterator[None]:
    """Keep the running statistics of every BatchNorm, so that a recomputed batch is not counted twice."""
    norms = [part for part in module.modules() if isinstance(part, _BatchNorm)]
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    try:
        for norm in norms:
            norm.momentum, norm.num_batches_tracked = 0.0, None
        yield
    finally:
        for norm, (momentum, batches) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, batches
