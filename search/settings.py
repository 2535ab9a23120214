"""Schema of a search config."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from backbones.errors import InputError
from backbones.genotype import OPERATIONS, SEARCH_OPERATIONS
from search.configs import Embedded, Schema
from search.data.settings import Proxy
from search.derive import Rule
from search.methods.auxiliary import AuxiliarySkip
from search.methods.penalty import Penalty
from search.methods.perturbation import RandomSmoothing
from search.methods.relaxation import Relaxation, Softmax
from search.methods.selection import ByPerturbation, ByThreshold, SelectionRule
from search.methods.stopping import Stopping
from search.space import SearchSpace

Share = Annotated[float, Field(ge=0, lt=1)]


class Stage(Schema):
    """One stage of the search, with a freshly initialised supernet (P-DARTS 4.3; other methods have one stage)."""

    epochs: int = Field(ge=1, le=1_000_000)
    #: The number of first epochs in which α and β are frozen (the papers' warm-up).
    frozen_epochs: int = Field(ge=0)
    layers: int = Field(ge=3, le=200)
    channels: int = Field(ge=2, le=4096)
    #: The number of candidates that an edge keeps at the stage's start; None keeps all.
    keep: int | None = Field(default=None, ge=1)
    #: How they are chosen: by the largest α of the stage before (P-DARTS 4.3.1), or by seed (its ablation, 5.2.2).
    keep_by: Literal["alpha", "random"] = "alpha"
    #: K of this stage; None is the search's.
    partial_channels: int | None = Field(default=None, ge=1, exclude_if=lambda k: k is None)
    #: Initial rate of dropout behind skip connections.
    skip_dropout: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _architecture_is_trained(self) -> Stage:
        if self.frozen_epochs >= self.epochs:
            raise ValueError(f"frozen_epochs={self.frozen_epochs} leaves no epoch of epochs={self.epochs} for α and β")
        if self.keep_by == "random" and self.keep is None:
            raise ValueError("keep is missing: keep_by='random' needs the number of candidates to draw")
        return self


class WeightOptimiser(Schema):
    """Momentum SGD on the weights, with a cosine learning rate in each stage."""

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
    #: The largest norm of the gradient of α and β together; None does not clip. The papers are silent; the code of
    #: P-DARTS and that of PC-DARTS' ImageNet search clip at 5.
    clip_norm: float | None = Field(default=None, gt=0, exclude_if=lambda norm: norm is None)


class ArchitectureSettings(ArchitectureOptimiser):
    """The architecture's side of a search: its optimiser, and the parts of a method (`search.methods`)."""

    #: How α becomes the candidates' weights.
    relaxation: Relaxation = Field(default=Softmax(), exclude_if=lambda kind: kind == Softmax())
    #: 1 moves α and the weights by one pass over the weights' images; 2 has a pass of its own on other images.
    levels: Literal[1, 2] = Field(default=2, exclude_if=lambda levels: levels == 2)
    #: What is added to the loss of α.
    penalties: list[Penalty] = Field(default=[], exclude_if=lambda parts: not parts)
    #: What is done to the candidates' weights in the weight step.
    perturbation: RandomSmoothing | None = Field(default=None, exclude_if=lambda part: part is None)
    #: A skip connection beside the candidates of every edge.
    auxiliary_skip: AuxiliarySkip | None = Field(default=None, exclude_if=lambda part: part is None)
    #: When a stage stops early.
    stop: Stopping | None = Field(default=None, exclude_if=lambda part: part is None)

    @model_validator(mode="after")
    def _parts_fit(self) -> ArchitectureSettings:
        if self.perturbation is not None and self.relaxation != Softmax():
            raise ValueError("perturbation needs relaxation 'softmax': it perturbs weights that sum to 1")
        return self


class SearchExecution(Schema):
    """Configuration keys that change the execution of a search, not its definition; in no run key and no record."""

    #: CUDA graphs of the steps: `auto` uses them if possible, `on` fails if that is impossible, `off` does not.
    graph: Literal["auto", "on", "off"] = "auto"
    #: The supernet's arithmetic (`SuperNet`); None is `moments` on a CPU, but for small images, else `stacked`.
    arithmetic: Literal["moments", "stacked"] | None = None
    #: TF32 for fp32 convolutions on a GPU, PyTorch's default; never for the finite difference of order 2.
    tf32: bool = True
    #: cuDNN's choice of algorithms by time. Off, because a resumed process might choose another algorithm, which rounds
    #: differently.
    cudnn_benchmark: bool = False
    #: Experiment trackers beside TensorBoard's files, such as `wandb` (`search.training.trackers`).
    trackers: list[str] = []


class EdgeOperations(Schema):
    """The candidates of every edge of both cells, in DARTS order: all edges into the first node, the second, …"""

    normal: list[list[str]]
    reduce: list[list[str]]


class SearchSettings(Schema):
    """A search protocol."""

    task: Literal["search"]
    #: The method's name in tables.
    method: str
    reduced: list[str] = []
    embedded: Embedded | None = None
    #: Counts of the whole data set (`images`, `classes`); a search on other counts is marked as reduced.
    expected: dict[str, int] = {}
    proxy: Proxy
    nodes: int = Field(default=4, ge=1, le=6)
    operations: list[str] = list(SEARCH_OPERATIONS)
    #: The candidates of each edge, in the place of `operations`, which has those of all edges.
    edges: EdgeOperations | None = Field(default=None, exclude_if=lambda rows: rows is None)
    stem: Literal["cifar", "imagenet"] = "cifar"
    partial_channels: int = Field(default=1, ge=1)
    #: Whether the channels for the operations are drawn at every step; False takes the first ones and shuffles.
    random_channels: bool = False
    edge_normalisation: bool = False
    stages: list[Stage] = Field(min_length=1)
    #: Initial α and β of a later stage: random (P-DARTS 4.3.2), or carried over from the stage before for the
    #: candidates that are left (its footnote 1).
    initial_alpha: Literal["random", "carried"] = Field(default="random", exclude_if=lambda kind: kind == "random")
    #: Exponential decay per epoch of dropout behind skip connections; while α is frozen, it falls linearly.
    skip_dropout_decay: float = Field(default=0.2, ge=0)
    #: Images of a global batch, over all processes.
    batch_size: int = Field(ge=2, le=1_048_576)
    #: 2 takes the gradient of α and β through one step of the weights (DARTS 2.3), at about three times the cost.
    order: Literal[1, 2] = 1
    #: bf16 runs the supernet under autocast; weights, α, β and their optimisers are always fp32.
    precision: Literal["fp32", "bf16"] = "fp32"
    weights: WeightOptimiser
    architecture: ArchitectureSettings
    execution: SearchExecution = Field(default=SearchExecution(), exclude=True)
    rule: Rule
    max_skips: int | None = Field(default=None, ge=0)
    #: How the genotype is selected; None is by the largest weights of `rule`.
    selection: SelectionRule | None = Field(default=None, exclude_if=lambda part: part is None)

    @model_validator(mode="after")
    def _method_fits(self) -> SearchSettings:
        method = self.architecture
        if self.order == 2 and (method.levels == 1 or method.perturbation is not None):
            raise ValueError("order=2 needs architecture.levels=2 and no architecture.perturbation")
        if isinstance(self.selection, ByThreshold) and method.relaxation.type != "sigmoid":
            raise ValueError("selection 'threshold' needs architecture.relaxation 'sigmoid', whose weights reach 1")
        if isinstance(self.selection, ByPerturbation) and self.max_skips is not None:
            raise ValueError("max_skips is for genotypes that are selected by their weights, not by perturbation")
        return self

    @model_validator(mode="after")
    def _fits(self) -> SearchSettings:
        if self.order == 2 and self.precision == "bf16":
            raise ValueError("order=2 needs precision='fp32': bf16 rounds the finite difference's steps away")
        if self.rule == "pc-darts" and not self.edge_normalisation:
            raise ValueError("rule 'pc-darts' needs edge_normalisation=True: it multiplies α by β")
        names, left = self._candidates()
        if self.random_channels and 1 in map(self.partial_channels_of, self.stages):
            raise ValueError("random_channels=True needs partial_channels above 1, since 1 uses all channels")
        if self.initial_alpha == "carried" and len(self.stages) == 1:
            raise ValueError("initial_alpha='carried' needs two stages or more, since the first carries nothing over")
        for index, stage in enumerate(self.stages):
            if index == 0 and stage.keep is not None and stage.keep_by == "alpha":
                raise ValueError("stages.0.keep: no α to choose by in the first stage; expected keep_by='random'")
            if self.stem == "imagenet" and stage.channels % 2:
                raise ValueError(f"stages.{index}.channels={stage.channels}: the ImageNet stem needs an even number")
            if stage.channels % self.partial_channels_of(stage):
                raise ValueError(
                    f"stages.{index}.channels={stage.channels} is not divisible by "
                    f"partial_channels={self.partial_channels_of(stage)}"
                )
            if stage.keep is not None and stage.keep > left:
                raise ValueError(f"stages.{index}.keep={stage.keep}: only {left} candidates are left on an edge")
            if stage.keep == 1 and "none" in names:
                raise ValueError(f"stages.{index}.keep=1: an edge could keep 'none' alone; expected 2 or more")
            left = stage.keep or left
        return self

    @model_validator(mode="after")
    def _skips_can_give_way(self) -> SearchSettings:
        """Check that every edge keeps an operation besides `skip_connect` and `none` if there is a `max_skips`."""
        if self.max_skips is None:
            return self
        # `none` may be left in the last stage but is not an operation of a genotype (P-DARTS 4.3.1).
        most = len({"skip_connect", "none"} & self._candidates()[0])
        for index, stage in enumerate(self.stages):
            if stage.keep is not None and stage.keep <= most:
                raise ValueError(
                    f"stages.{index}.keep={stage.keep}: an edge could keep a skip connection alone, which "
                    f"max_skips={self.max_skips} could not remove; expected {most + 1} or more"
                )
        return self

    def partial_channels_of(self, stage: Stage) -> int:
        """K of a stage."""
        return stage.partial_channels or self.partial_channels

    def space(self) -> SearchSpace:
        """The search space of the first stage, before any candidate is pruned."""
        if self.edges is not None:
            rows = (tuple(map(tuple, each)) for each in (self.edges.normal, self.edges.reduce))
            return SearchSpace(self.nodes, *rows)
        return SearchSpace.full(self.nodes, self.operations)

    def _candidates(self) -> tuple[set[str], int]:
        """The names of all candidates, and their least number on an edge."""
        if self.edges is not None:
            try:
                space = self.space()
            except InputError as error:
                raise ValueError(f"edges.{error}") from error
            names = {name for row in (*space.normal, *space.reduce) for name in row}
            return names, min(len(space.normal[0]), len(space.reduce[0]))
        odd = [name for name in self.operations if name not in OPERATIONS or self.operations.count(name) > 1]
        if odd:
            raise ValueError(f"operations: {odd[0]!r} is unknown or appears twice; known: {', '.join(OPERATIONS)}")
        if not set(self.operations) - {"none"}:
            raise ValueError("operations: expected at least one besides 'none'")
        return set(self.operations), len(self.operations)
