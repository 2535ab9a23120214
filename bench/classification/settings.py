"""The keys of a classification config."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from search.configs import Schema
from search.data.settings import StoredImages
from search.settings import Share

#: Channels that are chosen so that the network stays in the mobile setting.
FIT: Literal["fit"] = "fit"


class Images(StoredImages):
    """The training images and those of which the error is reported."""

    #: The image folder or zip file of each part, for kind `folder`.
    train: str | None = None
    val: str | None = None
    #: The folder in which torchvision's CIFAR is, for the other kinds.
    root: str | None = None
    #: So many training images, an equal number of each class, are held out: the run is validated on these, and tested
    #: on `val` once, at its end (PC-DARTS Table 1, footnote ‡).
    validation: int | None = Field(default=None, ge=1)
    #: Whether images of other sizes than `image_size` are resized as they are read into memory, or refused.
    resize: bool = False

    @model_validator(mode="after")
    def _lie_somewhere(self) -> Images:
        wanted, other = (("train", "val"), ("root",)) if self.kind == "folder" else (("root",), ("train", "val"))
        for key in wanted:
            if getattr(self, key) is None:
                raise ValueError(f"{key} is missing: kind {self.kind!r} needs {' and '.join(wanted)}")
        for key in other:
            if getattr(self, key) is not None:
                raise ValueError(f"{key} is for another kind: kind {self.kind!r} needs {' and '.join(wanted)}")
        if self.resize and not self.memory:
            raise ValueError("resize is for memory=True; workers crop every image to image_size")
        return self


class Optimiser(Schema):
    """Momentum SGD, its rate annealed to 0 by cosine or in a straight line, epoch by epoch."""

    lr: float = Field(gt=0)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float = Field(ge=0)
    clip_norm: float | None = Field(default=5.0, gt=0)
    schedule: Literal["cosine", "linear"] = "cosine"
    #: In these the rate rises in equal steps, to its full value in the epoch behind them.
    warmup_epochs: int = Field(default=0, ge=0)


class Execution(Schema):
    """How the steps are computed: the same protocol on another machine. A run that changes these is no reduced one."""

    #: bf16: the network under autocast; weights, losses and optimiser are fp32 all the same.
    precision: Literal["fp32", "bf16"] = "fp32"
    #: Whether `torch.compile` makes kernels for the network.
    compile: bool = False
    #: Maps with the channels of a pixel side by side, which is faster nearly everywhere; on a CPU also by kernels of
    #: our own (`backbones.cpu.channels_last`). False is the network as it is written, for comparison.
    channels_last: bool = True
    #: A batch is computed in so many parts, one after another, whose gradients are added up: a step and the schedule
    #: stay what they are, but BatchNorm normalises each part by itself.
    accumulate: int = Field(default=1, ge=1)


class ClassificationSettings(Schema):
    """A classification protocol."""

    task: Literal["classification"]
    reduced: list[str] = []
    embedded: Literal["digits"] | None = None
    #: Counts of the whole data set, by the names of `wildnas data check`; other data mark a run as reduced.
    expected: dict[str, int] = {}
    network: Literal["cifar", "imagenet"]
    #: A width, or `fit`: the largest even one at which the network has fewer multiply-adds than `macs_limit`.
    channels: int | Literal["fit"]
    layers: int = Field(ge=3, le=200)
    #: Multiply-adds, in the papers' convention, that a table tells of where a network has them or more.
    macs_limit: int | None = Field(default=None, ge=1, le=2**53)
    #: Weight of the auxiliary head's loss; None leaves the head out. Timm models have none.
    auxiliary_weight: float | None = Field(default=0.4, gt=0)
    #: Drop-path grows linearly from 0 towards this rate over the epochs. Timm models have none.
    drop_path: Share = 0.0
    label_smoothing: Share = 0.0
    #: Decay, a step, of a moving average of the weights, which is then what is scored and kept; None keeps none.
    ema: float | None = Field(default=None, gt=0, lt=1)
    images: Images
    #: So many images of each part, evenly over the classes; None takes all.
    limit: int | None = Field(default=None, ge=1, le=2**53)
    epochs: int = Field(ge=1, le=1_000_000)
    #: Epochs from one validation to the next; the last epoch is always validated.
    validate_every: int = Field(default=1, ge=1, le=1_000_000)
    #: Of all processes and accumulated parts together.
    batch_size: int = Field(ge=2, le=1_048_576)
    optimiser: Optimiser
    execution: Execution = Execution()

    @field_validator("channels", mode="before")
    @classmethod
    def _width_is_even(cls, channels: object) -> object:
        # Before: pydantic would tell of each type by itself.
        if channels != FIT and not (type(channels) is int and 2 <= channels <= 4096 and channels % 2 == 0):
            raise ValueError("expected an even number from 2 to 4096, or 'fit'")
        return channels

    @model_validator(mode="after")
    def _fits_together(self) -> ClassificationSettings:
        warm, epochs = self.optimiser.warmup_epochs, self.epochs
        if warm >= epochs:
            raise ValueError(f"optimiser.warmup_epochs={warm} leaves nothing of epochs={epochs}")
        if self.channels == FIT and self.macs_limit is None:
            raise ValueError("macs_limit is missing: channels='fit' needs it")
        if self.batch_size % self.execution.accumulate:
            raise ValueError(f"execution.accumulate={self.execution.accumulate} does not divide batch_size")
        return self
