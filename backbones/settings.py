"""Check the settings of backbones before anything is built."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from backbones.errors import InputError

#: Parts that can be frozen, from the input on.
STAGES = 4


def check_settings(out_strides: Sequence[int], last_stride: int, frozen_stages: int, drop_path: float) -> None:
    """Check the settings that cell backbones and timm backbones share.

    Raises:
        InputError: a setting has the wrong type or is out of its range.
    """
    if not isinstance(out_strides, Sequence) or not all(type(stride) is int for stride in out_strides):
        raise InputError(f"out_strides={out_strides!r}: expected a list of strides, such as (8, 16, 32)")
    if not out_strides or list(out_strides) != sorted(set(out_strides)):
        raise InputError(f"out_strides={tuple(out_strides)}: expected one or more strides in rising order")
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


_ModuleT = TypeVar("_ModuleT", bound="PartlyFrozen")


class PartlyFrozen(nn.Module):
    """Base of backbones: in training mode, frozen parts and BatchNorm statistics stay in evaluation mode."""

    _frozen: list[nn.Module]
    norm_eval: bool

    def train(self: _ModuleT, mode: bool = True) -> _ModuleT:
        super().train(mode)
        for module in self._frozen:
            module.eval()
        if self.norm_eval:
            for part in self.modules():
                if isinstance(part, _BatchNorm):
                    part.eval()
        return self
