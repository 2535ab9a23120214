"""The keys of a zero-cost config: those of a classification protocol, and the batch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bench.classification.settings import ClassificationSettings
from search.configs import Schema


class Batch(Schema):
    """The training images that the scores are computed on."""

    size: int = Field(ge=2)
    #: Draws the images: the same ones for all architectures, whatever the seed of their weights.
    seed: int = Field(default=0, ge=0, lt=2**63)


class ZerocostSettings(ClassificationSettings):
    """A zero-cost protocol: the network and the images of a classification protocol, whose training plays no part."""

    task: Literal["zerocost"]  # type: ignore[assignment]
    batch: Batch


#: Keys of the classification protocol that say how it is trained.
TRAINING = (
    "auxiliary_weight",
    "batch_size",
    "drop_path",
    "ema",
    "epochs",
    "execution",
    "label_smoothing",
    "optimiser",
    "validate_every",
    "images.augmentation",
)
