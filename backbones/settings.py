"""What every backbone's settings must be, checked before anything is built."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from backbones.errors import InputError

#: Parts that can be frozen, from the input on.
STAGES = 4


def check_settings(out_strides: Sequence[int], last_stride: int, frozen_stages: int, drop_path: float) -> None:
    """Check what cell backbones and timm backbones have in common.

    Raises:
        InputError: a setting of the wrong type or out of its range; names it.
    """
    if not isinstance(out_strides, Sequence) or not all(type(stride) is int for stride in out_strides):
        raise InputError(f"out_strides={out_strides!r}: expected a list of strides, such as (8, 16, 32)")
    if not out_strides or list(out_strides) != sorted(set(out_strides)):
        raise InputError(f"out_strides={tuple(out_strides)}: expected one or more strides, rising")
    if type(last_stride) is not int or last_stride not in (1, 2):
        raise InputError(f"last_stride={last_stride!r}: expected 1 or 2")
    if type(frozen_stages) is not int or not 0 <= frozen_stages <= STAGES:
        raise InputError(f"frozen_stages={frozen_stages!r}: expected 0 (none) to {STAGES} (all)")
    if not isinstance(drop_path, (int, float)) or not 0 <= drop_path < 1:
        raise InputError(f"drop_path={drop_path!r}: expected 0 <= drop_path < 1")


def check_size(channels: int, layers: int, least_layers: int) -> None:
    """Check width and depth of a network of cells.

    Raises:
        InputError: as `check_settings`.
    """
    if type(layers) is not int or layers < least_layers:
        raise InputError(f"layers={layers!r}: expected a whole number, {least_layers} cells or more")
    if type(channels) is not int or channels < 2 or channels % 2:
        raise InputError(f"channels={channels!r}: expected an even number, 2 or more")


def keep_statistics(module: nn.Module) -> None:
    """Put every BatchNorm inside in evaluation mode, also one that synchronises several devices."""
    for part in module.modules():
        if isinstance(part, _BatchNorm):
            part.eval()
