"""The keys of a zero-cost config: those of a classification protocol, and the batch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bench.classification.settings import ClassificationSettings
from search.configs import Schema


class BatchSettings(Schema):
    """The training images that the scores are computed on."""

    size: int = Field(ge=2)
    #: Seed of the choice of images, independent of the weights' seed, so that all architectures share the images.
    seed: int = Field(default=0, ge=0, lt=2**63)


class ZerocostSettings(ClassificationSettings):
    """A zero-cost protocol: the network and images of a classification protocol, and the batch."""

    task: Literal["zerocost"]  # type: ignore[assignment]
    batch: BatchSettings


#: Keys of the classification protocol that only affect training.
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
