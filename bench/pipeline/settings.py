"""The keys of a pipeline config."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from search.configs import Schema

Seed = Annotated[int, Field(ge=0, lt=2**32)]
Rule = Literal["all", "best", "random"]


class SearchEntry(Schema):
    """One search protocol, run once a seed; written as its name where nothing but that is to be said.

    Attributes:
        options: changed keys of the protocol (`{"stages.0.epochs": 75}`); such a search is marked as reduced.
        seeds: instead of the pipeline's.
        select: which of what it finds goes on, instead of the pipeline's rule.
        max_skips: the genotypes of these M, derived from the same search (P-DARTS 5.2.3); none takes the search's own.
        after_stages: the genotypes as they stood after these of its stages, counted from 1 (P-DARTS 5.2.1).
    """

    protocol: str
    options: dict[str, Any] = {}
    seeds: list[Seed] | None = Field(default=None, min_length=1)
    select: Rule | None = None
    max_skips: list[Annotated[int, Field(ge=0)]] = []
    after_stages: list[Annotated[int, Field(ge=1)]] = []


class BaselineEntry(Schema):
    """An architecture that is compared with what the searches find; written as its name where it has no weights.

    Attributes:
        architecture: any ARCH of the command line, such as `DARTS_V2`, `random:0` or `timm:resnet50`.
        weights: a file of pretrained weights, from which its transfers start; it is not retrained then.
    """

    architecture: str
    weights: str | None = None


class TransferEntry(Schema):
    """A protocol that starts from retrained weights; written as its name where there is one retraining protocol.

    Attributes:
        weights: the retraining protocol that gives the weights.
    """

    protocol: str
    weights: str | None = None


class Part(Schema):
    """What is searched, chosen, retrained and transferred.

    Attributes:
        searches: search protocols: methods and proxies.
        seeds: every search runs once for each, and a baseline is trained once for each.
        select: which of the architectures that one entry of `searches` finds, with all seeds, go on: `all`; the `best`
            one by standalone validation (PC-DARTS Table 1, footnote ‡); or one that is drawn at `random`.
        selection_protocol: for `best`: a classification protocol that holds images out (`images.validation`).
        baselines: architectures that no search of this pipeline finds.
        random_baselines: so many genotypes, drawn uniformly from the space, as further baselines.
        retrain: classification protocols by which every architecture is trained from scratch.
        transfers: protocols that start from retrained weights.
        retrain_seeds: seeds of retraining and transfer; without them, that of the architecture's search.
    """

    searches: list[SearchEntry] = []
    seeds: list[Seed] = Field(default=[0], min_length=1)
    select: Rule = "all"
    selection_protocol: str | None = None
    baselines: list[BaselineEntry] = []
    random_baselines: int = Field(default=0, ge=0)
    retrain: list[str] = []
    transfers: list[TransferEntry] = []
    retrain_seeds: list[Seed] = []

    @field_validator("searches", "baselines", "transfers", mode="before")
    @classmethod
    def _names_stand_for_entries(cls, entries: Any, info: Any) -> Any:
        key = "architecture" if info.field_name == "baselines" else "protocol"
        if not isinstance(entries, list):
            return entries
        return [{key: entry} if isinstance(entry, str) else entry for entry in entries]

    @field_validator("retrain", mode="before")
    @classmethod
    def _one_is_a_list(cls, names: Any) -> Any:
        return [names] if isinstance(names, str) else names

    @model_validator(mode="after")
    def _fits_together(self) -> Part:
        if "best" in {self.select, *(entry.select for entry in self.searches)} and self.selection_protocol is None:
            raise ValueError(
                "selection_protocol is missing: select='best' needs it, such as 'classification/cifar10_selection'"
            )
        for entry in self.transfers:
            if entry.weights is not None and entry.weights not in self.retrain:
                raise ValueError(f"transfers: weights={entry.weights!r} of {entry.protocol!r} is not in 'retrain'")
            if entry.weights is None and len(self.retrain) > 1:
                raise ValueError(
                    f"transfers: {entry.protocol!r} could start from several of 'retrain'; write "
                    f"dict(protocol={entry.protocol!r}, weights={self.retrain[-1]!r})"
                )
        return self


class Expected(Schema):
    """What one run of a protocol takes, all its devices together, for the plan and the time left; no table knows of it.

    Attributes:
        source: where the number is from.
    """

    hours: Annotated[float, Field(gt=0)]
    device: Literal["GPU", "CPU"] = "GPU"
    source: str


class Reference(Schema):
    """A training whose hours are known, by which those of others are estimated.

    Attributes:
        hours: of all its devices together.
        epochs, images: passes over so many images.
        macs: multiply-adds of its network for one image, in the papers' convention.
        source: where all of this is from.
    """

    hours: Annotated[float, Field(gt=0)]
    device: Literal["GPU", "CPU"] = "GPU"
    epochs: int = Field(ge=1)
    images: int = Field(ge=1)
    macs: Annotated[float, Field(gt=0)]
    source: str

    @property
    def total(self) -> float:
        """Multiply-adds of the training, as `bench.tasks.workload.Workload` counts them."""
        return 3.0 * self.epochs * self.images * self.macs


class ByMultiplyAdds(Schema):
    """What estimates by multiply-adds are in proportion to; without one, such stages are of unknown duration.

    Attributes:
        separable, dense: for networks with and without grouped convolutions.
        searches: by search protocol, another one, which is in `expected`.
    """

    separable: Reference | None = None
    dense: Reference | None = None
    searches: dict[str, str] = {}


class Resources(Schema):
    """What one run of a protocol is given.

    Attributes:
        processes: of one run (DistributedDataParallel), each with its own CPUs and GPUs.
        gpus: None: one where there are any.
    """

    processes: int = Field(default=1, ge=1)
    cpus: float = Field(default=1, gt=0)
    gpus: float | None = Field(default=None, ge=0)


class PipelineSettings(Part):
    """A pipeline.

    Attributes:
        parts: further parts, or names of other pipelines, which share every run that they have in common.
        options: changed keys of all protocols of a task, such as `{"classification": {"execution.precision": "bf16"}}`.
        expected, resources: by protocol.
        by_multiply_adds: for what neither a finished run nor `expected` tells the duration of.
    """

    task: Literal["pipeline"]
    parts: list[str | Part] = []
    options: dict[str, dict[str, Any]] = {}
    expected: dict[str, Expected] = {}
    resources: dict[str, Resources] = {}
    by_multiply_adds: ByMultiplyAdds | None = None

    @field_validator("options")
    @classmethod
    def _options_are_of_tasks(cls, options: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        known = ("search", "classification", "detection", "reid", "zerocost")
        for task in options:
            if task not in known:
                raise ValueError(f"{task!r} is no task; known: {', '.join(known)}")
        return options

    @model_validator(mode="after")
    def _references_are_expected(self) -> PipelineSettings:
        for name, like in self.by_multiply_adds.searches.items() if self.by_multiply_adds else ():
            if like not in self.expected:
                raise ValueError(f"by_multiply_adds.searches: {name!r}: {like!r} is not in 'expected', which has hours")
        return self
