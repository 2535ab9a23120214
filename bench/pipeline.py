"""A pipeline: search, retrain, transfer, tables; a stage is found done, or is run, or resumed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from backbones.errors import InputError
from backbones.genotype import Genotype
from bench.architectures import Architecture, resolve
from bench.contract import DataReport, Protocol, Task
from bench.jobs import Evaluation, Places, Planned, checkpoint_of, evaluate, plan
from bench.progress import Progress, clock
from bench.records import Record
from bench.searches import SearchProtocol, load_search, plan_search, search
from bench.tasks import load_protocol
from search.configs import Schema, load_config, parse


class PipelineSettings(Schema):
    """The keys of a pipeline config.

    Attributes:
        searches: search protocols.
        baselines: architectures that are compared with what the searches find (any ARCH, such as `random:0`).
        retrain: the classification protocol by which every architecture is trained from scratch.
        transfers: detection and re-identification protocols, each started from the retrained weights.
        seeds: the whole pipeline runs once a seed.
        expected_seconds: what each protocol takes on some machine, for the time left; the tables do not know of it.
    """

    task: Literal["pipeline"]
    searches: list[str]
    baselines: list[str] = []
    retrain: str
    transfers: list[str] = []
    seeds: list[Annotated[int, Field(ge=0, lt=2**32)]] = Field(default=[0], min_length=1)
    expected_seconds: dict[str, Annotated[float, Field(gt=0)]] = {}


@dataclass(frozen=True)
class Candidate:
    """An architecture in the comparison: what a search finds, or a baseline; the other of both is None."""

    label: str
    seed: int
    search: SearchProtocol | None
    baseline: Architecture | None

    @property
    def title(self) -> str:
        return f"{self.label}, seed {self.seed}"


@dataclass(frozen=True)
class Pipeline:
    """A pipeline whose configs have all been found and checked."""

    name: str
    candidates: tuple[Candidate, ...]
    retrain: tuple[Task, Protocol]
    transfers: tuple[tuple[Task, Protocol], ...]
    data: dict[str, DataReport]
    expected_seconds: dict[str, float]

    @property
    def protocols(self) -> tuple[tuple[Task, Protocol], ...]:
        return (self.retrain, *self.transfers)

    def titles(self) -> list[tuple[str, str]]:
        """A (protocol, title) for every stage: all searches first, then each architecture's training and transfers."""
        searches = [(c.search.name, f"{c.search.name} · seed {c.seed}") for c in self.candidates if c.search]
        rest = [
            (protocol.name, f"{protocol.name} · {candidate.title}")
            for candidate in self.candidates
            for _, protocol in self.protocols
        ]
        return [*searches, *rest]


def load_pipeline(name: str, places: Places, options: Sequence[str] = ()) -> Pipeline:
    """Read a pipeline and every config that it names, and look at their data, before anything is run.

    Raises:
        InputError: a config, key, value or data folder that cannot be used.
    """
    loaded = load_config(name, options)
    settings = parse(PipelineSettings, loaded.values, str(loaded.path))
    retrain = load_protocol(settings.retrain)
    if retrain[0].name != "classification":
        raise InputError(f"{loaded.path}: key 'retrain': {settings.retrain!r} is no classification protocol")
    searches = [load_search(search_name) for search_name in settings.searches]
    seeds = list(dict.fromkeys(settings.seeds))
    candidates = [Candidate(found.settings.method, seed, found, None) for found in searches for seed in seeds]
    baselines = [resolve(arch) for arch in settings.baselines]
    candidates += [Candidate(baseline.name, seed, None, baseline) for baseline in baselines for seed in seeds]
    if not candidates:
        raise InputError(f"{loaded.path}: neither 'searches' nor 'baselines' names an architecture")
    transfers = tuple(load_protocol(transfer) for transfer in settings.transfers)
    for protocol in searches:
        plan_search(protocol, seeds[0], places)
    data = {evaluated.name: task.check(evaluated) for task, evaluated in (retrain, *transfers)}
    for candidate in candidates:
        if candidate.baseline:
            # A record that is in the way is found now, and not behind the searches.
            plan(Evaluation(*retrain, candidate.baseline, candidate.seed), places, data[retrain[1].name])
    return Pipeline(loaded.name, tuple(candidates), retrain, transfers, data, settings.expected_seconds)


@dataclass(frozen=True)
class PipelineResult:
    """The records of a pipeline, and how many of its stages had to be run for them."""

    records: tuple[Record, ...]
    ran: int
    stages: int


def run_pipeline(pipeline: Pipeline, places: Places) -> PipelineResult:
    """Run what is not done yet."""
    stages = pipeline.titles()
    expected = [pipeline.expected_seconds.get(protocol) for protocol, _ in stages]
    runner = _Runner(places, pipeline.data, Progress([title for _, title in stages], expected))
    found = [runner.search(candidate) if candidate.search else None for candidate in pipeline.candidates]
    for candidate, record in zip(pipeline.candidates, found, strict=True):
        runner.candidate(pipeline, candidate, record)
    return PipelineResult(tuple(runner.records), runner.ran, len(stages))


class _Runner:
    """Goes through the stages in order and keeps their records."""

    def __init__(self, places: Places, data: dict[str, DataReport], progress: Progress) -> None:
        self.places = places
        self.data = data
        self.progress = progress
        self.records: list[Record] = []
        self.ran = 0

    def search(self, candidate: Candidate) -> Record:
        assert candidate.search is not None
        planned = plan_search(candidate.search, candidate.seed, self.places)
        return self._stage(planned.record, lambda: search(planned, self.places, self.progress))

    def candidate(self, pipeline: Pipeline, candidate: Candidate, found: Record | None) -> None:
        """Train one architecture and transfer it."""
        architecture = architecture_of(found) if found is not None else candidate.baseline
        assert architecture is not None
        retrained = self._plan(Evaluation(*pipeline.retrain, architecture, candidate.seed))
        record = self._stage(retrained.record, lambda: evaluate(retrained, self.places, None, self.progress))
        for task, protocol in pipeline.transfers:
            self._transfer(Evaluation(task, protocol, architecture, candidate.seed, record), retrained, record)

    def _plan(self, evaluation: Evaluation) -> Planned:
        return plan(evaluation, self.places, self.data[evaluation.protocol.name])

    def _transfer(self, evaluation: Evaluation, retrained: Planned, record: Record) -> None:
        planned = self._plan(evaluation)
        self._stage(
            planned.record,
            lambda: evaluate(planned, self.places, self._weights(retrained, record), self.progress),
        )

    def _weights(self, retrained: Planned, record: Record) -> Path:
        """The retrained weights; where the work folder was cleaned, they are trained again."""
        weights = checkpoint_of(record, self.places)
        if weights is None:
            weights = checkpoint_of(evaluate(retrained, self.places, None, self.progress), self.places)
        if weights is None:
            raise InputError(f"{record.name}: left no weights to start from")
        return weights

    def _stage(self, done: Record | None, run: Callable[[], Record]) -> Record:
        """The record of a stage that is done, or that is run now."""
        with self.progress.stage(len(self.records), done is not None) as stage:
            record = done or run()
            took = "done before" if done else f"done in {clock(record.cost.seconds)}"
            key, metric = next(iter(record.metrics.items()))
            stage.note = f"{took} · {key} {metric.value:.1f} {metric.unit}"
        self.records.append(record)
        self.ran += done is None
        return record


def architecture_of(record: Record) -> Architecture:
    """The architecture that a search's record tells of."""
    genotype = Genotype.from_json(record.architecture.genotype, where=record.name)
    return Architecture(record.architecture.name, genotype, record.method, (record.name, record.key))
