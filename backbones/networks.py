"""The papers' evaluation networks: a CIFAR or ImageNet stem, a stack of cells, a classifier."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from backbones.cells import Cell
from backbones.cpu.batchnorm import BatchNorm2d
from backbones.cpu.channels_last import laid_out
from backbones.settings import check_size
from backbones.zoo import GenotypeLike, genotype_of


class CifarStem(nn.Sequential):
    """3x3 convolution to `3 * channels`, `(N, 3, H, W)` to `(N, 3 * channels, H, W)`."""

    stride = 1

    def __init__(self, channels: int) -> None:
        super().__init__(nn.Conv2d(3, 3 * channels, 3, padding=1, bias=False), BatchNorm2d(3 * channels))


def imagenet_stem(channels: int) -> tuple[nn.Sequential, nn.Sequential]:
    """The ImageNet stem: three 3x3 convolutions of stride 2 (PC-DARTS 4.3), 224 x 224 down to 28 x 28.

    The first two give stride 4, the third stride 8; the first cell reads both maps.
    """
    first = nn.Sequential(
        nn.Conv2d(3, channels // 2, 3, stride=2, padding=1, bias=False),
        BatchNorm2d(channels // 2),
        nn.ReLU(inplace=True),
        nn.Conv2d(channels // 2, channels, 3, stride=2, padding=1, bias=False),
        BatchNorm2d(channels),
    )
    second = nn.Sequential(
        # Not in place: its input is also a backbone's map of stride 4.
        nn.ReLU(inplace=False),
        nn.Conv2d(channels, channels, 3, stride=2, padding=1, bias=False),
        BatchNorm2d(channels),
    )
    return first, second


def reduction_places(layers: int) -> tuple[int, int]:
    """The indices of the two reduction cells, at one and two thirds of the depth (DARTS 3.1)."""
    return layers // 3, 2 * layers // 3


def stack_cells(
    genotype: GenotypeLike, channels: int, layers: int, c_before_last: int, c_last: int, reduction_before: bool
) -> nn.ModuleList:
    """Build `layers` cells; the width doubles at each of the two reduction cells."""
    genotype, cells = genotype_of(genotype), nn.ModuleList()
    for layer in range(layers):
        reduction = layer in reduction_places(layers)
        if reduction:
            channels *= 2
        cell = Cell(genotype, c_before_last, c_last, channels, reduction, reduction_before)
        cells.append(cell)
        reduction_before = reduction
        c_before_last, c_last = c_last, cell.out_channels
    return cells


def cells_of(stack: nn.ModuleList) -> list[Cell]:
    """The cells of a stack, with their type."""
    return [cast(Cell, cell) for cell in stack]


class _Network(nn.Module):
    """Base of the evaluation networks: cells, drop-path, classifier, auxiliary head behind the second reduction."""

    cells: nn.ModuleList
    #: Whether maps are put in the layout that is fastest on their device; False keeps the input's layout.
    channels_last = True

    def _add_heads(self, num_classes: int, auxiliary: bool, pool_stride: int, last_norm: bool) -> None:
        stack = cells_of(self.cells)
        self._auxiliary_index = reduction_places(len(stack))[1]
        width = stack[self._auxiliary_index].out_channels
        self.auxiliary_head = AuxiliaryHead(width, num_classes, pool_stride, last_norm) if auxiliary else None
        self.classifier = nn.Linear(stack[-1].out_channels, num_classes)

    @property
    def drop_path_rate(self) -> float:
        """Drop-path rate, at least 0 and below 1; a training sets it each epoch."""
        return cells_of(self.cells)[0].drop_path_rate

    @drop_path_rate.setter
    def drop_path_rate(self, rate: float) -> None:
        for cell in cells_of(self.cells):
            cell.drop_path_rate = rate

    def _classify(self, before_last: Tensor, last: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        auxiliary = None
        for layer, cell in enumerate(self.cells):
            before_last, last = last, cell(before_last, last)
            if layer == self._auxiliary_index and self.auxiliary_head is not None and self.training:
                auxiliary = self.auxiliary_head(last)
        # Global pooling; the original's fixed 7x7 pooling is the same at 224 x 224 only.
        logits = self.classifier(last.mean(dim=(2, 3)))
        return logits if auxiliary is None else (logits, auxiliary)


class CifarNetwork(_Network):
    """The CIFAR evaluation network (PC-DARTS 4.2: 20 cells, C=36): `(N, 3, H, W)` to logits `(N, num_classes)`.

    In training with an auxiliary head the result is `(logits, auxiliary logits)`.

    Raises:
        InputError: no cells, or an odd width.
    """

    def __init__(
        self,
        genotype: GenotypeLike,
        channels: int = 36,
        layers: int = 20,
        num_classes: int = 10,
        auxiliary: bool = True,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        check_size(channels, layers, least_layers=1)
        self.stem = CifarStem(channels)
        self.cells = stack_cells(genotype, channels, layers, 3 * channels, 3 * channels, reduction_before=False)
        self._add_heads(num_classes, auxiliary, pool_stride=3, last_norm=True)
        self.drop_path_rate = drop_path

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        x = self.stem(laid_out(x) if self.channels_last else x)
        return self._classify(x, x)


class ImageNetNetwork(_Network):
    """The ImageNet evaluation network (PC-DARTS 4.3: 14 cells, C=48): `(N, 3, H, W)` to logits `(N, num_classes)`.

    In training with an auxiliary head the result is `(logits, auxiliary logits)`.

    Raises:
        InputError: no cells, or an odd width.
    """

    def __init__(
        self,
        genotype: GenotypeLike,
        channels: int = 48,
        layers: int = 14,
        num_classes: int = 1000,
        auxiliary: bool = True,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        check_size(channels, layers, least_layers=1)
        self.stem0, self.stem1 = imagenet_stem(channels)
        self.cells = stack_cells(genotype, channels, layers, channels, channels, reduction_before=True)
        self._add_heads(num_classes, auxiliary, pool_stride=2, last_norm=False)
        self.drop_path_rate = drop_path

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        before_last = self.stem0(laid_out(x) if self.channels_last else x)
        return self._classify(before_last, self.stem1(before_last))


class AuxiliaryHead(nn.Module):
    """The auxiliary classifier behind the second reduction (Szegedy et al. 2015): `(N, C, H, W)` to `(N, classes)`.

    The original pools 5x5 windows of an 8x8 map (CIFAR) or a 7x7 map (ImageNet) to 2x2, then convolves to 1x1. Maps of
    other sizes are first pooled to 8x8 or 7x7, so that any input size works. The original's ImageNet head has no
    BatchNorm behind the 2x2 convolution (1,260,776 parameters, not 1,262,312).
    """

    def __init__(self, c_in: int, num_classes: int, pool_stride: int, last_norm: bool) -> None:
        super().__init__()
        self.map_size = 5 + pool_stride
        self.resize = nn.AdaptiveAvgPool2d(self.map_size)
        layers: list[nn.Module] = [
            nn.ReLU(inplace=True),
            nn.AvgPool2d(5, stride=pool_stride, padding=0, count_include_pad=False),
            nn.Conv2d(c_in, 128, 1, bias=False),
            BatchNorm2d(128),
            nn.ReLU(inplace=True),
            nn.Conv2d(128, 768, 2, bias=False),
        ]
        if last_norm:
            layers.append(BatchNorm2d(768))
        layers.append(nn.ReLU(inplace=True))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(768, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-2:] != (self.map_size, self.map_size):
            x = self.resize(x)
        return self.classifier(self.features(x).flatten(1))
