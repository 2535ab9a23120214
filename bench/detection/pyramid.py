"""The maps that SSD predicts from: the backbone's, and extra ones that halve the last down to 1x1.

Liu et al., SSD: Single Shot MultiBox Detector (ECCV 2016), section 2.2 and its Caffe code (`ssd_pascal.py`,
`ssd_coco.py`). Everything follows from the sizes and channels of the backbone's maps. For VGG's maps at 300 and 512
pixels the result is that of MMDetection's `ssd300_coco.py` and `ssd512_coco.py`, which write it out by hand.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from backbones.errors import InputError
from backbones.timm_backbone import TimmBackbone, confirm_size

#: SSD's widths of the extra maps; the last applies to all further ones.
EXTRA_CHANNELS = (512, 256)

#: SSD300 on COCO: anchors of the first map, the second and the last, in percent of the input size.
ANCHOR_PERCENTS = (7, 15, 90)


@dataclass(frozen=True)
class Pyramid:
    """All maps of an SSD, finest first, with the convolutions of the extra ones.

    Attributes:
        sizes: height and width of each map.
        channels: width of each map.
        taps: number of maps that are the backbone's.
        level_strides: stride of each extra map's 3x3 convolution.
        level_paddings: its padding.
        last_kernel: kernel of the last extra map's convolution: 3, or 4 where a 2x2 map ends at 1x1 as in SSD512.
        strides: pixels from one anchor to the next, on each map.
    """

    input_size: int
    sizes: tuple[int, ...]
    channels: tuple[int, ...]
    taps: int
    level_strides: tuple[int, ...]
    level_paddings: tuple[int, ...]
    last_kernel: int
    strides: tuple[float, ...]

    def neck(self) -> dict[str, Any]:
        """Return the arguments of MMDetection's `SSDNeck`."""
        return {
            "in_channels": self.channels[: self.taps],
            "out_channels": self.channels,
            "level_strides": self.level_strides,
            "level_paddings": self.level_paddings,
            "last_kernel_size": self.last_kernel,
        }

    def anchors(self, percents: Sequence[int] = ANCHOR_PERCENTS) -> dict[str, Any]:
        """Return the arguments of MMDetection's `SSDAnchorGenerator`, which knows sizes for 300 and 512 pixels only.

        Args:
            percents: anchor sizes of the first map, the second and the last, in percent of the input size.

        Raises:
            InputError: `percents` are not three increasing whole numbers.
        """
        if len(percents) != 3 or any(type(percent) is not int for percent in percents):
            raise InputError(f"anchor_percents={list(percents)}: expected three whole numbers, such as [7, 15, 90]")
        first, second, last = percents
        levels = len(self.sizes)
        step = (last - second) // (levels - 2)
        if not 0 < first < second or step < 1:
            raise InputError(f"anchor_percents={list(percents)}: expected increasing numbers, such as [7, 15, 90]")
        bounds = [first, *(second + step * level for level in range(levels))]
        pixels = [self.input_size * percent // 100 for percent in bounds]
        if pixels[0] < 1:
            raise InputError(f"anchor_percents={list(percents)}: {first} % of {self.input_size} is less than one pixel")
        wide = max(levels - 3, 0)
        return {
            "strides": list(self.strides),
            "min_sizes": pixels[:levels],
            "max_sizes": pixels[1 : levels + 1],
            # SSD: ratios up to 3 on the middle maps, up to 2 on the first and the last two.
            "ratios": ([[2], *([[2, 3]] * wide), [2], [2]])[:levels],
        }


def derive(
    input_size: int,
    sizes: Sequence[int],
    channels: Sequence[int],
    extra_channels: Sequence[int] = EXTRA_CHANNELS,
    halve_to_one: bool = False,
) -> Pyramid:
    """Derive the pyramid over a backbone's maps.

    Maps above 5 are halved; 5 becomes 3 and 3 becomes 1 without padding (SSD300), 4 becomes 2 and 2 becomes 1 (SSD512).

    Args:
        input_size: height and width of the images.
        sizes: height and width of each of the backbone's maps, in decreasing order.
        channels: width of each.
        extra_channels: width of each extra map; the last applies to all further ones.
        halve_to_one: halve every map, rounded up, as SSDLite does (Sandler et al. 2018; MMDetection's
            `ssdlite_mobilenetv2-scratch_8xb24-600e_coco.py`): 5, 3, 2, 1.

    Raises:
        InputError: the last map is too small for an extra one, or there are fewer than three maps in all.
    """
    if not extra_channels or any(type(width) is not int or width < 2 for width in extra_channels):
        raise InputError(f"extra_channels={list(extra_channels)}: expected widths of 2 or more, such as [512, 256]")
    strides: list[float] = [_stride(input_size, size) for size in sizes]
    size, taps = sizes[-1], len(sizes)
    sizes, channels = list(sizes), list(channels)
    level_strides: list[int] = []
    level_paddings: list[int] = []
    last_kernel = 3
    while size > 1:
        if halve_to_one:
            size, stride, padding = math.ceil(size / 2), 2, 1
            strides.append(input_size / size)
        elif size in (3, 5):
            size, stride, padding = size - 2, 1, 0
            strides.append(input_size / size)
        elif size == 2:
            size, stride, padding, last_kernel = 1, 1, 1, 4
            strides.append(2 * strides[-1])
        else:
            size, stride, padding = math.ceil(size / 2), 2, 1
            strides.append(2 * strides[-1])
        sizes.append(size)
        channels.append(extra_channels[min(len(level_strides), len(extra_channels) - 1)])
        level_strides.append(stride)
        level_paddings.append(padding)
    if not level_strides or len(sizes) < 3:
        raise InputError(
            f"input size {input_size}: the maps {', '.join(f'{n}x{n}' for n in sizes)} are too few for a pyramid; "
            f"SSD needs three maps, the last from an extra layer; use {2 * int(strides[taps - 1])} pixels or more"
        )
    return Pyramid(
        input_size=input_size,
        sizes=tuple(sizes),
        channels=tuple(channels),
        taps=taps,
        level_strides=tuple(level_strides),
        level_paddings=tuple(level_paddings),
        last_kernel=last_kernel,
        strides=tuple(strides),
    )


def _stride(input_size: int, size: int) -> float:
    """Return a map's stride, a power of two: SSD300's 38 and 19 are 300 / 8 and 300 / 16, rounded up.

    Maps of a network without padding, such as Inception's, are smaller than that; theirs is the nearest power.
    """
    stride = 1
    while input_size // stride > size:
        stride *= 2
    if size in (input_size // stride, -(-input_size // stride)):
        return float(stride)
    return 2.0 ** round(math.log2(input_size / size))


def probe(backbone: nn.Module, input_size: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return sizes and channels of the maps of a backbone on the meta device.

    Raises:
        InputError: a timm model takes no images of that size.
    """
    if isinstance(backbone, TimmBackbone):
        confirm_size(backbone, (3, input_size, input_size), backbone.name)
    maps = _dry(backbone, torch.empty(1, 3, input_size, input_size, device="meta"))
    return tuple(m.shape[-1] for m in maps), tuple(m.shape[1] for m in maps)


def confirm(pyramid: Pyramid, neck: nn.Module) -> None:
    """Pass maps of the backbone's shapes through the neck, on the meta device, and compare its maps with the pyramid.

    Raises:
        ValueError: a map has another shape, since the neck has other arguments than `Pyramid.neck()`.
    """
    expected = [(width, size, size) for width, size in zip(pyramid.channels, pyramid.sizes, strict=True)]
    taps = tuple(torch.empty(1, *shape, device="meta") for shape in expected[: pyramid.taps])
    found = [tuple(m.shape[1:]) for m in _dry(neck, taps)]
    if found != expected:
        raise ValueError(f"the neck gives maps {found}; the pyramid at {pyramid.input_size} pixels is {expected}")


def _dry(module: nn.Module, inputs: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    with torch.no_grad():
        maps: tuple[Tensor, ...] = module.eval()(inputs)
    return maps
