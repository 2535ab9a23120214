"""How much a training computes, told without its data, so that its duration can be estimated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from backbones.errors import InputError


@dataclass(frozen=True)
class Workload:
    """What a training goes through.

    Attributes:
        epochs: passes over the training images, every repetition counted.
        images: in one pass.
        macs: multiply-adds of the network for one image, forward, in the papers' convention; of a search the
            mean over its supernets, the steps of α and β counted in.
        separable: whether the network has grouped convolutions (depthwise ones are), of which a GPU computes fewer
            multiply-adds a second than of dense ones; None for a supernet, which computes at neither's rate.
    """

    epochs: int
    images: float
    macs: float
    separable: bool | None

    @property
    def total(self) -> float:
        """Multiply-adds of the training: the backward pass has about twice those of the forward pass."""
        return 3.0 * self.epochs * self.images * self.macs


def is_separable(network: nn.Module) -> bool:
    return any(isinstance(layer, nn.Conv2d) and layer.groups > 1 for layer in network.modules())


def train_images(config: Mapping[str, object], counts: Mapping[str, int]) -> int:
    """The training images of a protocol: those that were found, else those that its config expects.

    Args:
        counts: of the data, as `bench.tasks.contract.DataReport` has them; empty where they are not there.

    Raises:
        InputError: neither says how many.
    """
    expected = config.get("expected")
    known = {**(expected if isinstance(expected, Mapping) else {}), **counts}
    if "train images" not in known:
        raise InputError("nobody says how many training images there are: the data are not there, 'expected' is empty")
    limit = config.get("limit")
    return min(known["train images"], limit) if isinstance(limit, int) else int(known["train images"])
