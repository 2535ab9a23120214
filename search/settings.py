"""The keys of a search config."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from backbones.genotype import OPERATIONS
from backbones.operations import SEARCH_OPERATIONS
from search.configs import Schema
from search.data.settings import Proxy
from search.derive import Rule

Share = Annotated[float, Field(ge=0, lt=1)]


class Stage(Schema):
    """One stage of the search over a freshly initialised supernet (P-DARTS 4.3; other methods have one)."""

    epochs: int = Field(ge=1, le=1_000_000)
    #: α and β stay as they are in the first so many epochs (the papers' warm-up).
    frozen_epochs: int = Field(ge=0)
    layers: int = Field(ge=3, le=200)
    channels: int = Field(ge=2, le=4096)
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
    #: The norm of α's and β's gradient together is clipped at so much; None leaves it. The papers are silent; the code
    #: of P-DARTS and that of PC-DARTS' ImageNet search clip at 5.
    clip_norm: float | None = Field(default=None, gt=0, exclude_if=lambda norm: norm is None)


class Execution(Schema):
    """How a search is computed: of no effect on what it is, so in no key and in no record."""

    #: Steps as CUDA graphs: where they can be, `on` for an error where they cannot, or `off`.
    graph: Literal["auto", "on", "off"] = "auto"
    #: How the supernet's numbers are computed (`SuperNet`); None: `moments` on a CPU, `stacked` elsewhere.
    arithmetic: Literal["moments", "stacked"] | None = None
    #: Convolutions of fp32 in TF32 on a GPU, as by PyTorch's default; never those of the finite difference of order 2.
    tf32: bool = True
    #: cuDNN chooses by time, which a resumed process may choose otherwise and then round otherwise: off, so that a
    #: resumed search goes on as it would have.
    cudnn_benchmark: bool = False


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
    #: α and β as a later stage begins: drawn anew (P-DARTS 4.3.2), or those that the stage before has learned for the
    #: candidates that are left (its footnote 1).
    initial_alpha: Literal["random", "carried"] = Field(default="random", exclude_if=lambda kind: kind == "random")
    #: Dropout behind skip connections falls linearly while α is frozen, then by this rate an epoch, exponentially.
    skip_dropout_decay: float = Field(default=0.2, ge=0)
    #: Of all processes together.
    batch_size: int = Field(ge=2, le=1_048_576)
    #: 1, or 2 for the gradient of α and β through one step of the weights (DARTS 2.3), at about three times the cost.
    order: Literal[1, 2] = 1
    #: bf16: the supernet under autocast; weights, α, β and their optimisers are fp32 all the same.
    precision: Literal["fp32", "bf16"] = "fp32"
    weights: WeightOptimiser
    architecture: ArchitectureOptimiser
    execution: Execution = Field(default=Execution(), exclude=True)
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
        if self.initial_alpha == "carried" and len(self.stages) == 1:
            raise ValueError("initial_alpha='carried' needs two stages or more: the first has none before it")
        left = len(self.operations)
        for place, stage in enumerate(self.stages):
            if place == 0 and stage.keep is not None and stage.keep_by == "alpha":
                raise ValueError("stages.0.keep: the first stage has all operations; no α says which to keep")
            if self.stem == "imagenet" and stage.channels % 2:
                raise ValueError(f"stages.{place}.channels={stage.channels}: the ImageNet stem needs an even number")
            if stage.channels % self.partial_channels:
                raise ValueError(
                    f"stages.{place}.channels={stage.channels} is not divisible by "
                    f"partial_channels={self.partial_channels}"
                )
            if stage.keep is not None and stage.keep > left:
                raise ValueError(f"stages.{place}.keep={stage.keep}: only {left} candidates are left on an edge")
            if stage.keep == 1 and "none" in self.operations:
                raise ValueError(f"stages.{place}.keep=1: an edge may be left with 'none' alone; keep 2 or more")
            left = stage.keep or left
        return self

    @model_validator(mode="after")
    def _skips_can_give_way(self) -> SearchSettings:
        """Under a skip restriction no edge may be left with a skip connection as its only real operation."""
        if self.max_skips is None:
            return self
        # `none` may live into the last stage and is no operation of a genotype (P-DARTS 4.3.1).
        most = len({"skip_connect", "none"} & set(self.operations))
        for place, stage in enumerate(self.stages):
            if stage.keep is not None and stage.keep <= most:
                raise ValueError(
                    f"stages.{place}.keep={stage.keep}: an edge may be left with a skip connection alone, which "
                    f"max_skips={self.max_skips} could not take away; keep {most + 1} or more"
                )
        return self
