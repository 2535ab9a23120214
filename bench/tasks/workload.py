"""Arithmetic of a training, counted without its data to estimate the duration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from backbones.errors import InputError


@dataclass(frozen=True)
class Workload:
    """Epochs, images and multiply-adds of a training.

    Attributes:
        epochs: passes over the training images, repetitions included.
        images: images in one pass.
        macs: multiply-adds of a forward pass for one image, in the papers' convention; for a search the mean over its
            supernets, with the steps of α and β.
        separable: whether the network has grouped (such as depthwise) convolutions, which a GPU computes at a lower
            rate than dense ones; None for a supernet, which has a rate of its own.
    """

    epochs: int
    images: float
    macs: float
    separable: bool | None

    @property
    def total(self) -> float:
        """Multiply-adds of the training; a backward pass has about twice those of a forward pass."""
        return 3.0 * self.epochs * self.images * self.macs


def is_separable(network: nn.Module) -> bool:
    return any(isinstance(layer, nn.Conv2d) and layer.groups > 1 for layer in network.modules())


def train_images(config: Mapping[str, object], counts: Mapping[str, int]) -> int:
    """Number of training images of a protocol: of the data found, else the config's `expected`.

    Args:
        counts: as in `bench.tasks.contract.DataReport`; empty if the data are missing.

    Raises:
        InputError: neither has the number.
    """
    expected = config.get("expected")
    known = {**(expected if isinstance(expected, Mapping) else {}), **counts}
    if "train images" not in known:
        raise InputError(
            "cannot determine the number of training images: no data found and no 'expected' counts in the config"
        )
    limit = config.get("limit")
    return min(known["train images"], limit) if isinstance(limit, int) else int(known["train images"])
