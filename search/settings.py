"""The keys of a search config."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field, model_validator

from backbones.genotype import OPERATIONS
from backbones.operations import SEARCH_OPERATIONS
from search.configs import Schema
from search.derive import Rule

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, lt=1)]


class Augmentation(Schema):
    """What is done to training images, in batches on the device; 0 and False are off."""

    crop_padding: int = Field(default=0, ge=0)
    flip: bool = False
    cutout: int = Field(default=0, ge=0)


class Preparation(Schema):
    """How images become what a network takes: read at one size, augmented in training, normalised."""

    image_size: int = Field(ge=8)
    mean: tuple[float, float, float]
    std: tuple[Positive, Positive, Positive]
    augmentation: Augmentation = Augmentation()


class Decoding(Schema):
    """What data-loader workers do to images that are too large to be held in memory.

    Both papers are silent on it in search, and follow DARTS in evaluation (PC-DARTS 4.3; P-DARTS 5.3.2). The defaults
    are those of DARTS' ImageNet training (its `train_imagenet.py`): a random resized crop of 8 to 100 % of the area
    (torchvision's default, after Szegedy et al. 2015), and colour jitter of 0.4, 0.4, 0.4 and 0.2. The flip, which it
    has too, is `augmentation.flip`.
    """

    #: Processes; of no effect on the result.
    workers: int = Field(default=4, ge=1, exclude=True)
    #: The share of an image's area that a random crop has, at least and at most, before it is resized.
    crop_scale: tuple[float, float] = (0.08, 1.0)
    #: Strength of the random changes to brightness, contrast, saturation and hue; None leaves colours as they are.
    colour_jitter: tuple[float, float, float, float] | None = (0.4, 0.4, 0.4, 0.2)

    @model_validator(mode="after")
    def _can_be_drawn(self) -> Decoding:
        low, high = self.crop_scale
        if not 0 < low <= high <= 1:
            raise ValueError(f"crop_scale={self.crop_scale}: expected 0 < least <= most <= 1")
        jitter = self.colour_jitter or (0.0,) * 4
        if min(jitter) < 0 or max(jitter[:3]) > 1 or jitter[3] > 0.5:
            raise ValueError(f"colour_jitter={self.colour_jitter}: expected 0 to 1, for the hue 0 to 0.5")
        return self


class StoredImages(Preparation):
    """Where labelled images lie, and whether they are held in memory.

    A dump leaves out `download` and `decoding.workers`, which change no result.
    """

    #: `folder`: <class>/<image> below a folder, or inside a zip file; the others: torchvision's layout.
    kind: Literal["folder", "cifar10", "cifar100"] = "folder"
    #: Whether torchvision may fetch CIFAR where it is not there.
    download: bool = Field(default=False, exclude=True)
    #: Whether all images are held in memory, on the device, at `image_size`; if not, workers decode them as they go.
    memory: bool = True
    decoding: Decoding = Decoding()

    @model_validator(mode="after")
    def _can_be_read(self) -> StoredImages:
        if self.download and self.kind == "folder":
            raise ValueError("download is for kind 'cifar10' or 'cifar100'; an image folder has to be there")
        if self.memory and self.decoding != Decoding():
            raise ValueError("decoding is for images that are not held in memory: memory=False")
        if not self.memory and self.augmentation.crop_padding:
            raise ValueError("augmentation.crop_padding is for memory=True; workers crop by decoding.crop_scale")
        return self


class Proxy(StoredImages):
    """The images that the search sees, and how they are split in one part for the weights and one for α and β."""

    #: The image folder, the zip file, or the folder in which torchvision's is.
    root: str
    #: Draw so many classes by seed (P-DARTS 5.3: 100 of ImageNet's); None takes all.
    classes: int | None = Field(default=None, ge=2)
    #: Shares of every class for the weights and for α and β (PC-DARTS 4.3: 0.1, 0.025); None takes equal halves of all
    #: images (PC-DARTS 4.2; P-DARTS 5.1).
    fractions: tuple[float, float] | None = None

    @model_validator(mode="after")
    def _fractions_fit(self) -> Proxy:
        if self.fractions is not None:
            # As decimals: 0.7 + 0.3 is 1.
            shares = [Fraction(str(share)) for share in self.fractions]
            if min(shares) <= 0 or sum(shares) > 1:
                raise ValueError(f"fractions={self.fractions}: expected two above 0 whose sum is at most 1")
        return self


class Stage(Schema):
    """One stage of the search over a freshly initialised supernet (P-DARTS 4.3; other methods have one)."""

    epochs: int = Field(ge=1)
    #: α and β stay as they are in the first so many epochs (the papers' warm-up).
    frozen_epochs: int = Field(ge=0)
    layers: int = Field(ge=3)
    channels: int = Field(ge=2)
    #: How many candidates an edge keeps as the stage begins; None keeps all.
    keep: int | None = Field(default=None, ge=1)
    #: Which those are: of the largest α in the stage before (P-DARTS 4.3.1), or drawn by seed (its ablation, 5.2.2).
    keep_by: Literal["alpha", "random"] = "alpha"
    #: Initial rate of dropout behind skip connections.
    skip_dropout: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _architecture_is_trained(self) -> Stage:
        if self.frozen_epochs >= self.epochs:
            raise ValueError(f"frozen_epochs={self.frozen_epochs} leaves none of epochs={self.epochs} for α and β")
        if self.keep_by == "random" and self.keep is None:
            raise ValueError("keep is missing: keep_by='random' draws so many candidates for every edge")
        return self


class WeightOptimiser(Schema):
    """Momentum SGD on the weights, its rate annealed by cosine over each stage."""

    lr: float = Field(gt=0)
    final_lr: float = Field(default=0.0, ge=0)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float = Field(ge=0)
    clip_norm: float | None = Field(default=5.0, gt=0)


class ArchitectureOptimiser(Schema):
    """Adam on α and β."""

    lr: float = Field(gt=0)
    betas: tuple[Share, Share] = (0.5, 0.999)
    weight_decay: float = Field(default=1e-3, ge=0)


class SearchSettings(Schema):
    """A search protocol."""

    task: Literal["search"]
    #: The method as a table names it.
    method: str
    reduced: list[str] = []
    embedded: Literal["digits"] | None = None
    #: Counts of the whole data set (`images`, `classes`); other data mark a search as reduced.
    expected: dict[str, int] = {}
    proxy: Proxy
    nodes: int = Field(default=4, ge=1, le=6)
    operations: list[str] = list(SEARCH_OPERATIONS)
    stem: Literal["cifar", "imagenet"] = "cifar"
    partial_channels: int = Field(default=1, ge=1)
    #: The channels that go through the operations are drawn anew at every step, not the first ones with a shuffle.
    random_channels: bool = False
    edge_normalisation: bool = False
    stages: list[Stage] = Field(min_length=1)
    #: Dropout behind skip connections falls linearly while α is frozen, then by this rate an epoch, exponentially.
    skip_dropout_decay: float = Field(default=0.2, ge=0)
    #: Of all processes together.
    batch_size: int = Field(ge=2)
    #: 1, or 2 for the gradient of α and β through one step of the weights (DARTS 2.3), at about three times the cost.
    order: Literal[1, 2] = 1
    #: bf16: the supernet under autocast; weights, α, β and their optimisers are fp32 all the same.
    precision: Literal["fp32", "bf16"] = "fp32"
    weights: WeightOptimiser
    architecture: ArchitectureOptimiser
    rule: Rule
    max_skips: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _second_order_is_exact_enough(self) -> SearchSettings:
        if self.order == 2 and self.precision == "bf16":
            raise ValueError("order=2 needs precision='fp32': bf16 rounds the finite difference's steps away")
        return self

    @model_validator(mode="after")
    def _fits(self) -> SearchSettings:
        if self.rule == "pc-darts" and not self.edge_normalisation:
            raise ValueError("rule 'pc-darts' needs edge_normalisation=True: it multiplies α by β")
        odd = [name for name in self.operations if name not in OPERATIONS or self.operations.count(name) > 1]
        if odd:
            raise ValueError(f"operations: {odd[0]!r} is unknown or stands twice; known: {', '.join(OPERATIONS)}")
        if not set(self.operations) - {"none"}:
            raise ValueError("operations: expected at least one besides 'none'")
        if self.random_channels and self.partial_channels == 1:
            raise ValueError("random_channels=True needs partial_channels above 1: all channels go through otherwise")
        left = len(self.operations)
        for place, stage in enumerate(self.stages):
            if place == 0 and stage.keep is not None and stage.keep_by == "alpha":
                raise ValueError("stages.0.keep: the first stage has all operations; no α says which to keep")
            if place == len(self.stages) - 1 and (place or stage.keep is not None) and "none" in self.operations:
                # It is dropped as the last stage begins.
                left -= 1
                if stage.keep is None:
                    raise ValueError(f"stages.{place}.keep is missing: the last stage drops 'none', so {left} at most")
            if self.stem == "imagenet" and stage.channels % 2:
                raise ValueError(f"stages.{place}.channels={stage.channels}: the ImageNet stem needs an even number")
            if stage.channels % self.partial_channels:
                raise ValueError(
                    f"stages.{place}.channels={stage.channels} is not divisible by "
                    f"partial_channels={self.partial_channels}"
                )
            if stage.keep is not None and stage.keep > left:
                raise ValueError(f"stages.{place}.keep={stage.keep}: only {left} candidates are left on an edge")
            left = stage.keep or left
        return self

    @model_validator(mode="after")
    def _skips_can_give_way(self) -> SearchSettings:
        """Under a skip restriction no edge may be left with a skip connection as its only real operation."""
        if self.max_skips is None:
            return self
        for place, stage in enumerate(self.stages):
            bare = {"skip_connect"} if place == len(self.stages) - 1 else {"skip_connect", "none"}
            most = len(bare & set(self.operations))
            if stage.keep is not None and stage.keep <= most:
                raise ValueError(
                    f"stages.{place}.keep={stage.keep}: an edge may be left with a skip connection alone, which "
                    f"max_skips={self.max_skips} could not take away; keep {most + 1} or more"
                )
        return self
