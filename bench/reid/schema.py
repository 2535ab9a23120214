"""The keys of a re-identification protocol."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from backbones.pretrained import IMAGENET, Normalisation
from search.configs import Embedded, Schema

#: torchreid's augmentations that depend only on the image and the epoch's seed. `random_patch` is not one of them: it
#: pastes from a pool of earlier images, which a resumed run does not have.
Transform = Literal["random_flip", "random_crop", "color_jitter", "random_erase"]

Dataset = Literal["market1501", "dukemtmcreid", "msmt17", "cuhk03_detected", "cuhk03_labeled", "market_folder"]


#: Red, green and blue; a list, as a record has it.
Colours = Annotated[list[float], Field(min_length=3, max_length=3)]


class Reranking(Schema):
    """k-reciprocal re-ranking; the defaults are those of Zhong et al. 2017 on Market-1501.

    Attributes:
        k1, k2: number of neighbours that must be reciprocal, and that an image is expanded by.
        weight: weight of the original distance (λ); the Jaccard distance has the rest.
    """

    k1: int = Field(default=20, ge=1, le=10_000)
    k2: int = Field(default=6, ge=1, le=10_000)
    weight: float = Field(default=0.3, ge=0, le=1)


class ReidExecution(Schema):
    """Configuration keys that change the execution of a training, not its result; in no run key and no record.

    Attributes:
        trackers: experiment trackers beside TensorBoard's files, such as `wandb` (`search.training.trackers`).
    """

    trackers: list[str] = []


class ReidConfig(Schema):
    """One protocol: the data, PCB over the backbone, its training and the ranking.

    Attributes:
        reduced: reasons why a run of this protocol is reduced; empty for the papers' protocols.
        embedded: `digits` makes the embedded data set first.
        expected: counts of the whole data set, by the names of `wildnas data check`; other data mark a run as reduced.
        pretrained: whether the protocol starts from pretrained weights; a run without any is marked.
        data_root: the folder that holds `market1501/`, `dukemtmc-reid/`, `msmt17/` or `cuhk03/`, torchreid's names; for
            `market_folder` the folder of the three folders of images.
        limit: the largest number of images of each part (`bench.reid.listing`); None takes all.
        queries: `own` takes the data set's queries, `all` every test image of a query's identity, against all others,
            which gives more queries in a small data set (`bench.reid.listing.all_asked`).
        height, width: size that every image is resized to.
        mean, std: mean and deviation of the images, red, green and blue from 0 to 1; None is ImageNet's, torchreid's
            default.
        channels, layers: initial width and cells of the backbone, as in the pretrained network; not for timm models.
        last_stride: 1 leaves out the backbone's last halving.
        reduced_dim, feature, dropout: see `bench.reid.pcb.PCB`.
        batch_size: batch size of training.
        test_batch_size: batch size of feature extraction.
        epochs: 0 ranks by the given weights without training.
        loss: `softmax` is the sum of the parts' cross-entropies, `softmax_triplet` adds a triplet loss of each part.
        margin, triplet_weight, instances: for `softmax_triplet`: the margin, the weight of the triplet losses, and the
            number of images of an identity that a batch draws together.
        learning_rate: learning rate of PCB's own layers.
        backbone_learning_rate_factor: factor of the backbone's learning rate if it starts from weights.
        momentum, nesterov: for `sgd`.
        milestones, gamma: for `multi_step`: after these epochs the learning rate is multiplied by gamma.
        label_smooth: train on labels smoothed by 0.1 (torchreid's).
        precision: bf16 computes the network under autocast; weights, losses, optimiser and ranking stay in fp32.
        workers: data-loading processes; another number draws other augmentations.
        metric: the distance that images are ranked by.
        rerank: k-reciprocal re-ranking, or None.
    """

    task: Literal["reid"]
    reduced: list[str] = []
    expected: dict[str, int] = {}
    pretrained: bool = False
    embedded: Embedded | None = None
    dataset: Dataset
    data_root: str = Field(min_length=1)
    limit: int | None = Field(default=None, ge=1, le=2**53)
    queries: Literal["own", "all"] = "own"
    parts: int = Field(ge=1, le=256)
    height: int = Field(default=384, ge=8, le=4096)
    width: int = Field(default=128, ge=8, le=4096)
    # Not written if null, so that keys of earlier runs stay as they are.
    mean: Colours | None = Field(default=None, exclude_if=lambda colours: colours is None)
    std: Colours | None = Field(default=None, exclude_if=lambda colours: colours is None)
    channels: int = Field(default=48, ge=2, le=4096, multiple_of=2)
    layers: int = Field(default=14, ge=3, le=200)
    last_stride: Literal[1, 2] = 1
    reduced_dim: int | None = Field(default=256, ge=1, le=65_536)
    feature: Literal["before", "after"] = "before"
    dropout: float = Field(default=0.5, ge=0, lt=1)
    batch_size: int = Field(default=64, ge=2, le=65_536)
    test_batch_size: int = Field(default=100, ge=1, le=65_536)
    epochs: int = Field(default=60, ge=0, le=1_000_000)
    loss: Literal["softmax", "softmax_triplet"] = "softmax"
    margin: float = Field(default=0.3, ge=0)
    triplet_weight: float = Field(default=1.0, gt=0)
    instances: int = Field(default=4, ge=2, le=65_536)
    optimiser: Literal["sgd", "adam", "amsgrad"] = "sgd"
    learning_rate: float = Field(default=0.1, gt=0)
    backbone_learning_rate_factor: float = Field(default=0.1, gt=0)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    nesterov: bool = True
    weight_decay: float = Field(default=5e-4, ge=0)
    schedule: Literal["constant", "multi_step", "cosine"] = "multi_step"
    milestones: list[int] = [40]
    gamma: float = Field(default=0.1, gt=0)
    label_smooth: bool = False
    transforms: list[Transform] = ["random_flip"]
    precision: Literal["fp32", "bf16"] = "fp32"
    workers: int = Field(default=4, ge=0, le=1024)
    metric: Literal["euclidean", "cosine"] = "euclidean"
    rerank: Reranking | None = None
    execution: ReidExecution = Field(default=ReidExecution(), exclude=True)

    @property
    def map_rows(self) -> int:
        """Height of the backbone's last map; every halving rounds up."""
        stride = 32 if self.last_stride == 2 else 16
        return -(-self.height // stride)

    @property
    def batch_identities(self) -> int:
        """Smallest number of identities for a training batch."""
        return self.batch_size // self.instances if self.loss == "softmax_triplet" else 1

    @property
    def normalisation(self) -> Normalisation:
        """Mean and deviation of the network's images."""
        if self.mean is None or self.std is None:
            return IMAGENET
        return Normalisation((self.mean[0], self.mean[1], self.mean[2]), (self.std[0], self.std[1], self.std[2]))

    @model_validator(mode="after")
    def _check_colours(self) -> ReidConfig:
        if (self.mean is None) != (self.std is None):
            raise ValueError("mean and std belong together: set both or none")
        if self.std is not None and min(self.std) <= 0:
            raise ValueError(f"std={self.std}: expected three numbers above 0")
        return self

    @model_validator(mode="after")
    def _check_parts(self) -> ReidConfig:
        if self.parts > self.map_rows:
            raise ValueError(
                f"parts={self.parts}: expected at most {self.map_rows}, the rows of the last map at "
                f"height={self.height} and last_stride={self.last_stride}"
            )
        if self.nesterov and self.optimiser == "sgd" and self.momentum == 0:
            raise ValueError("nesterov=True: needs momentum above 0")
        if self.loss == "softmax_triplet" and (self.batch_size % self.instances or self.batch_identities < 2):
            raise ValueError(
                f"loss='softmax_triplet': batch_size={self.batch_size}: expected a multiple of "
                f"instances={self.instances}, at least twice as large"
            )
        return self
