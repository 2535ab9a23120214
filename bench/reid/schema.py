"""The keys of a re-identification protocol."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from search.configs import Schema

#: The augmentations of torchreid whose result depends on the image and the epoch's seed alone; its `random_patch`
#: pastes from a pool of earlier images, which a resumed run would have to grow anew.
Transform = Literal["random_flip", "random_crop", "color_jitter", "random_erase"]


def _flip_only() -> list[Transform]:
    return ["random_flip"]


class ReidConfig(Schema):
    """One protocol: the data, PCB over the backbone, and how it is trained.

    Attributes:
        reduced: why a run of this protocol is not a full one; empty for the papers' protocols.
        embedded: `digits` has the embedded data set made first.
        pretrained: whether the protocol starts from pretrained weights; a run without any is marked.
        data_root: the folder that holds `market1501/`, `dukemtmc-reid/` or `msmt17/`, torchreid's names.
        height, width: what every image is resized to.
        channels, layers: initial width and cells of the backbone, those of the pretrained network.
        last_stride: 1 leaves out the backbone's last halving.
        reduced_dim, feature, dropout: see `bench.reid.pcb.PCB`.
        test_batch_size: images at once when features are extracted.
        learning_rate: of PCB's own layers.
        backbone_learning_rate_factor: what the backbone's learning rate is multiplied by when it starts from weights;
            a backbone from scratch learns as fast as the rest.
        momentum, nesterov: of `sgd` only.
        milestones, gamma: of `multi_step` only; after these epochs the learning rate is multiplied by gamma.
        label_smooth: train on labels smoothed by 0.1 (torchreid's).
        workers: data-loading processes; other numbers draw other augmentations.
    """

    task: Literal["reid"]
    reduced: list[str] = Field(default_factory=list)
    pretrained: bool = False
    embedded: Literal["digits"] | None = None
    dataset: Literal["market1501", "dukemtmcreid", "msmt17"]
    data_root: str = Field(min_length=1)
    parts: int = Field(ge=1)
    height: int = Field(default=384, ge=8)
    width: int = Field(default=128, ge=8)
    channels: int = Field(default=48, ge=2, multiple_of=2)
    layers: int = Field(default=14, ge=3)
    last_stride: Literal[1, 2] = 1
    reduced_dim: int | None = Field(default=256, ge=1)
    feature: Literal["before", "after"] = "before"
    dropout: float = Field(default=0.5, ge=0, lt=1)
    batch_size: int = Field(default=64, ge=2)
    test_batch_size: int = Field(default=100, ge=1)
    epochs: int = Field(default=60, ge=1)
    optimiser: Literal["sgd", "adam", "amsgrad"] = "sgd"
    learning_rate: float = Field(default=0.1, gt=0)
    backbone_learning_rate_factor: float = Field(default=0.1, gt=0)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    nesterov: bool = True
    weight_decay: float = Field(default=5e-4, ge=0)
    schedule: Literal["constant", "multi_step", "cosine"] = "multi_step"
    milestones: list[int] = Field(default_factory=lambda: [40])
    gamma: float = Field(default=0.1, gt=0)
    label_smooth: bool = False
    transforms: list[Transform] = Field(default_factory=_flip_only)
    workers: int = Field(default=4, ge=0)

    @property
    def map_rows(self) -> int:
        """The height of the backbone's last map; every halving rounds up."""
        stride = 32 if self.last_stride == 2 else 16
        return -(-self.height // stride)

    @model_validator(mode="after")
    def _check_parts(self) -> ReidConfig:
        if self.parts > self.map_rows:
            raise ValueError(
                f"parts={self.parts}: at height={self.height} and last_stride={self.last_stride} the last map has "
                f"{self.map_rows} rows, so {self.map_rows} parts at the most"
            )
        if self.nesterov and self.optimiser == "sgd" and self.momentum == 0:
            raise ValueError("nesterov=True: needs momentum above 0")
        return self
