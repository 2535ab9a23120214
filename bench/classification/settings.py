"""The keys of a classification config."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from search.configs import Schema
from search.settings import Preparation


class Images(Preparation):
    """Two image folders, `<class>/<image>`, read into memory at one size."""

    train: str
    val: str


class Optimiser(Schema):
    """Momentum SGD, its rate annealed to 0 by cosine or in a straight line, epoch by epoch."""

    lr: float = Field(gt=0)
    momentum: float = 0.9
    weight_decay: float = Field(ge=0)
    clip_norm: float | None = 5.0
    schedule: Literal["cosine", "linear"] = "cosine"
    warmup_epochs: int = Field(default=0, ge=0)


class ClassificationSettings(Schema):
    """A classification protocol."""

    task: Literal["classification"]
    reduced: list[str] = []
    embedded: Literal["digits"] | None = None
    network: Literal["cifar", "imagenet"]
    channels: int = Field(ge=2, multiple_of=2)
    layers: int = Field(ge=3)
    #: Weight of the auxiliary head's loss; None leaves the head out.
    auxiliary_weight: float | None = 0.4
    #: Drop-path grows linearly from 0 to this rate over the epochs.
    drop_path: float = Field(default=0.0, ge=0, lt=1)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    images: Images
    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=2)
    optimiser: Optimiser

    @model_validator(mode="after")
    def _warm_up_ends(self) -> ClassificationSettings:
        if self.optimiser.warmup_epochs >= self.epochs:
            raise ValueError(
                f"optimiser.warmup_epochs={self.optimiser.warmup_epochs} leaves nothing of epochs={self.epochs}"
            )
        return self
