"""The keys of a classification config."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from search.configs import Embedded, Schema
from search.data.settings import StoredImages
from search.settings import Share

#: The value of `channels` that chooses a width within `macs_limit`.
FIT: Literal["fit"] = "fit"


class Images(StoredImages):
    """The training images, and those that the reported error is measured on."""

    #: The image folder or zip file of each part, for kind `folder`.
    train: str | None = None
    val: str | None = None
    #: The folder of torchvision's CIFAR, for the other kinds.
    root: str | None = None
    #: Number of training images, equal for each class, that are held out for validation; the run is then tested on
    #: `val` once, at its end (PC-DARTS Table 1, footnote ‡).
    validation: int | None = Field(default=None, ge=1)
    #: Whether to resize images of other sizes than `image_size` when they are read into memory; else they are refused.
    resize: bool = False

    @model_validator(mode="after")
    def _lie_somewhere(self) -> Images:
        wanted, other = (("train", "val"), ("root",)) if self.kind == "folder" else (("root",), ("train", "val"))
        for key in wanted:
            if getattr(self, key) is None:
                raise ValueError(f"{key} is missing: kind {self.kind!r} needs {' and '.join(wanted)}")
        for key in other:
            if getattr(self, key) is not None:
                raise ValueError(f"{key} is for another kind: kind {self.kind!r} needs {' and '.join(wanted)} only")
        if self.resize and not self.memory:
            raise ValueError("resize=True needs memory=True; workers crop every image to image_size")
        return self


class Optimiser(Schema):
    """Momentum SGD with a learning rate that decays to 0, by cosine or linearly, epoch by epoch."""

    lr: float = Field(gt=0)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float = Field(ge=0)
    clip_norm: float | None = Field(default=5.0, gt=0)
    schedule: Literal["cosine", "linear"] = "cosine"
    #: Epochs in which the rate rises in equal steps; the next epoch has the full rate.
    warmup_epochs: int = Field(default=0, ge=0)


class Execution(Schema):
    """Configuration keys that change how a machine computes the steps; a run that changes them is not reduced."""

    #: bf16 computes the network under autocast; weights, losses and optimiser stay in fp32.
    precision: Literal["fp32", "bf16"] = "fp32"
    #: Whether `torch.compile` compiles the network.
    compile: bool = False
    #: Whether maps are stored channels last, which is faster nearly everywhere; on a CPU also by this project's own
    #: kernels (`backbones.cpu.channels_last`). False is for comparison.
    channels_last: bool = True
    #: Number of parts of a batch, computed one after another, whose gradients are summed. Steps and schedule do not
    #: change, but BatchNorm normalises each part by itself.
    accumulate: int = Field(default=1, ge=1)
    #: Experiment trackers beside TensorBoard's files, such as `wandb` (`search.training.trackers`).
    trackers: list[str] = Field(default=[], exclude=True)


class ClassificationSettings(Schema):
    """A classification protocol."""

    task: Literal["classification"]
    reduced: list[str] = []
    embedded: Embedded | None = None
    #: Counts of the whole data set, by the names of `wildnas data check`; other data mark a run as reduced.
    expected: dict[str, int] = {}
    network: Literal["cifar", "imagenet"]
    #: A width, or `fit` for the largest even width with fewer multiply-adds than `macs_limit`.
    channels: int | Literal["fit"]
    layers: int = Field(ge=3, le=200)
    #: Multiply-adds, in the papers' convention, from which on a table marks a network.
    macs_limit: int | None = Field(default=None, ge=1, le=2**53)
    #: Weight of the auxiliary head's loss; None leaves the head out. Timm models have none.
    auxiliary_weight: float | None = Field(default=0.4, gt=0)
    #: The rate towards which drop-path grows linearly from 0 over the epochs. Timm models have none.
    drop_path: Share = 0.0
    label_smoothing: Share = 0.0
    #: Decay per step of a moving average of the weights, which is then scored and saved; None has no average.
    ema: float | None = Field(default=None, gt=0, lt=1)
    images: Images
    #: Number of images used of each part, evenly over the classes; None takes all.
    limit: int | None = Field(default=None, ge=1, le=2**53)
    epochs: int = Field(ge=1, le=1_000_000)
    #: Epochs from one validation to the next; the last epoch is always validated.
    validate_every: int = Field(default=1, ge=1, le=1_000_000)
    #: Batch size of all processes and accumulated parts together.
    batch_size: int = Field(ge=2, le=1_048_576)
    optimiser: Optimiser
    execution: Execution = Execution()

    def filled_in(self) -> dict[str, Any]:
        """Return the config with all defaults, and with the keys that a dump leaves out since they change no result."""
        values = self.model_dump(mode="json")
        values["images"]["download"] = self.images.download
        values["images"]["decoding"]["workers"] = self.images.decoding.workers
        values["execution"]["trackers"] = list(self.execution.trackers)
        return values

    @field_validator("channels", mode="before")
    @classmethod
    def _width_is_even(cls, channels: object) -> object:
        # mode="before", since pydantic would report an error for each type.
        if channels != FIT and not (type(channels) is int and 2 <= channels <= 4096 and channels % 2 == 0):
            raise ValueError("expected an even number from 2 to 4096, or 'fit'")
        return channels

    @model_validator(mode="after")
    def _fits_together(self) -> ClassificationSettings:
        warm, epochs = self.optimiser.warmup_epochs, self.epochs
        if warm >= epochs:
            raise ValueError(f"optimiser.warmup_epochs={warm}: expected fewer than epochs={epochs}")
        if self.channels == FIT and self.macs_limit is None:
            raise ValueError("macs_limit is missing: channels='fit' needs it")
        if self.batch_size % self.execution.accumulate:
            raise ValueError(
                f"execution.accumulate={self.execution.accumulate} does not divide batch_size={self.batch_size}"
            )
        return self
