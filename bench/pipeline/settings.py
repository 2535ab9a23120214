"""Schema of a pipeline config."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from search.configs import Schema

Seed = Annotated[int, Field(ge=0, lt=2**32)]
Rule = Literal["all", "best", "random"]


class SearchEntry(Schema):
    """One search protocol, run once for every seed; a name alone stands for an entry with defaults.

    Attributes:
        options: changed keys of the protocol (`{"stages.0.epochs": 75}`); such a search is marked as reduced.
        seeds: None is the pipeline's.
        select: rule that chooses among its architectures; None is the pipeline's.
        max_skips: limits M, each of which derives a genotype from the same search (P-DARTS 5.2.3); empty is the
            search's own.
        after_stages: numbers of stages, from 1 on, after which a genotype is derived (P-DARTS 5.2.1).
    """

    protocol: str
    options: dict[str, Any] = {}
    seeds: list[Seed] | None = Field(default=None, min_length=1)
    select: Rule | None = None
    max_skips: list[Annotated[int, Field(ge=0)]] = []
    after_stages: list[Annotated[int, Field(ge=1)]] = []


class BaselineEntry(Schema):
    """An architecture to compare with those of the searches; a name alone stands for one without weights.

    Attributes:
        architecture: any ARCH of the command line, such as `DARTS_V2`, `random:0` or `timm:resnet50`.
        weights: the name of pretrained weights, as for `--weights`, or a file; its transfers start from them, and it is
            not retrained.
    """

    architecture: str
    weights: str | None = None


class TransferEntry(Schema):
    """A protocol that starts from retrained weights; a name alone is enough with one retraining protocol.

    Attributes:
        weights: the retraining protocol that gives the weights.
    """

    protocol: str
    weights: str | None = None


class PipelinePart(Schema):
    """Searches, selection, retraining and transfers.

    Attributes:
        searches: search protocols: methods and proxies.
        seeds: seeds of every search and of every baseline.
        select: rule that chooses among the architectures of one entry of `searches`, all seeds together: `all`, the
            `best` by standalone validation (PC-DARTS Table 1, footnote ‡), or one at `random`.
        selection_protocol: for `best`: a classification protocol with held-out images (`images.validation`).
        baselines: further architectures.
        random_baselines: number of further genotypes, drawn uniformly from the search space.
        retrain: classification protocols that train every architecture from scratch.
        transfers: protocols that start from retrained weights.
        retrain_seeds: seeds of retraining and transfer; empty is that of the architecture's search.
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
    def _fits_together(self) -> PipelinePart:
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
    """Expected hours of a run, summed over its devices, for the plan and the time left; no table shows them.

    Attributes:
        source: origin of the number.
    """

    hours: Annotated[float, Field(gt=0)]
    device: Literal["GPU", "CPU"] = "GPU"
    source: str


class Reference(Schema):
    """A training with known hours, from which those of others are estimated.

    Attributes:
        hours: sum over its devices.
        epochs, images: passes over the training images, and their number.
        macs: multiply-adds of its network for one image, in the papers' convention.
        source: origin of these numbers.
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
    """References of the estimates by multiply-adds; a stage without one has an unknown duration.

    Attributes:
        separable, dense: for networks with and without grouped convolutions.
        searches: by search protocol, another search protocol with hours in `expected`.
    """

    separable: Reference | None = None
    dense: Reference | None = None
    searches: dict[str, str] = {}


class Resources(Schema):
    """Processes and devices of one run of a protocol.

    Attributes:
        processes: number of processes (DistributedDataParallel), each with its own CPUs and GPUs.
        gpus: None is one GPU if there are any.
    """

    processes: int = Field(default=1, ge=1)
    cpus: float = Field(default=1, gt=0)
    gpus: float | None = Field(default=None, ge=0)


class PipelineSettings(PipelinePart):
    """A pipeline.

    Attributes:
        parts: further parts, or names of other pipelines; a run that two of them need is run once.
        options: changed keys of all protocols of a task, such as `{"classification": {"execution.precision": "bf16"}}`.
        expected, resources: by protocol.
        by_multiply_adds: references for stages without finished runs and `expected` hours.
    """

    task: Literal["pipeline"]
    parts: list[str | PipelinePart] = []
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
                raise ValueError(f"{task!r}: no such task; expected one of {', '.join(known)}")
        return options

    @model_validator(mode="after")
    def _references_are_expected(self) -> PipelineSettings:
        for name, like in self.by_multiply_adds.searches.items() if self.by_multiply_adds else ():
            if like not in self.expected:
                raise ValueError(f"by_multiply_adds.searches: {name!r}: {like!r} has no hours in 'expected'")
        return self
