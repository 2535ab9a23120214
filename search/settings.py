"""The keys of a search config."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from backbones.genotype import OPERATIONS
from backbones.operations import SEARCH_OPERATIONS
from search.configs import Schema
from search.derive import Rule


class Augmentation(Schema):
    """What is done to training images, in batches on the device; 0 and False are off."""

    crop_padding: int = Field(default=0, ge=0)
    flip: bool = False
    cutout: int = Field(default=0, ge=0)


class Preparation(Schema):
    """How images become what a network takes: read at one size, augmented in training, normalised."""

    image_size: int = Field(ge=8)
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    augmentation: Augmentation = Augmentation()


class Proxy(Preparation):
    """The images that the search sees: an image folder, held in memory at one size, split in two halves by seed."""

    root: str


class Stage(Schema):
    """One stage of the search over a freshly initialised supernet (P-DARTS 4.3; other methods have one)."""

    epochs: int = Field(ge=1)
    #: α and β stay as they are in the first so many epochs (the papers' warm-up).
    frozen_epochs: int = Field(ge=0)
    layers: int = Field(ge=3)
    channels: int = Field(ge=2)
    #: How many candidates an edge keeps as the stage begins; None keeps all.
    keep: int | None = Field(default=None, ge=1)
    #: Initial rate of dropout behind skip connections.
    skip_dropout: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _architecture_is_trained(self) -> Stage:
        if self.frozen_epochs >= self.epochs:
            raise ValueError(f"frozen_epochs={self.frozen_epochs} leaves none of epochs={self.epochs} for α and β")
        return self


class WeightOptimiser(Schema):
    """Momentum SGD on the weights, its rate annealed by cosine over each stage."""

    lr: float = Field(gt=0)
    final_lr: float = Field(default=0.0, ge=0)
    momentum: float = 0.9
    weight_decay: float = Field(ge=0)
    clip_norm: float | None = 5.0


class ArchitectureOptimiser(Schema):
    """Adam on α and β."""

    lr: float = Field(gt=0)
    betas: tuple[float, float] = (0.5, 0.999)
    weight_decay: float = 1e-3


class SearchSettings(Schema):
    """A search protocol."""

    task: Literal["search"]
    #: The method as a table names it.
    method: str
    reduced: list[str] = []
    embedded: Literal["digits"] | None = None
    proxy: Proxy
    nodes: int = Field(default=4, ge=1, le=6)
    operations: list[str] = list(SEARCH_OPERATIONS)
    stem: Literal["cifar", "imagenet"] = "cifar"
    partial_channels: int = Field(default=1, ge=1)
    edge_normalisation: bool = False
    stages: list[Stage] = Field(min_length=1)
    #: Dropout behind skip connections falls linearly while α is frozen, then by this rate an epoch, exponentially.
    skip_dropout_decay: float = 0.2
    batch_size: int = Field(ge=2)
    weights: WeightOptimiser
    architecture: ArchitectureOptimiser
    rule: Rule
    max_skips: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _fits(self) -> SearchSettings:
        if self.rule == "pc-darts" and not self.edge_normalisation:
            raise ValueError("rule 'pc-darts' needs edge_normalisation=True: it multiplies α by β")
        odd = [name for name in self.operations if name not in OPERATIONS or self.operations.count(name) > 1]
        if odd:
            raise ValueError(f"operations: {odd[0]!r} is unknown or stands twice; known: {', '.join(OPERATIONS)}")
        left = len(self.operations)
        for place, stage in enumerate(self.stages):
            if place == 0 and stage.keep is not None:
                raise ValueError("stages.0.keep: the first stage has all operations")
            if place and place == len(self.stages) - 1 and "none" in self.operations:
                # It is dropped as the last stage begins.
                left -= 1
                if stage.keep is None:
                    raise ValueError(f"stages.{place}.keep is missing: the last stage drops 'none', so {left} at most")
            if stage.channels % self.partial_channels:
                raise ValueError(
                    f"stages.{place}.channels={stage.channels} is not divisible by "
                    f"partial_channels={self.partial_channels}"
                )
            if stage.keep is not None and stage.keep > left:
                raise ValueError(f"stages.{place}.keep={stage.keep}: only {left} candidates are left on an edge")
            left = stage.keep or left
        return self
