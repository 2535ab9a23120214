"""Turn a pipeline's config into stages; every config that it names is found and checked before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backbones.errors import InputError
from backbones.pretrained import WeightCard
from bench.pipeline.settings import (
    BaselineEntry,
    ByMultiplyAdds,
    Expected,
    PipelinePart,
    PipelineSettings,
    Resources,
    SearchEntry,
)
from bench.pipeline.stages import ArchitectureSource, Best, Given, PipelineStage, Searched, drawn
from bench.runs.starting import StartingWeights, planned_weights
from bench.tasks.architectures import resolve
from bench.tasks.contract import Protocol, Task
from bench.tasks.metrics import EVALUATED
from bench.tasks.registry import load_protocol
from search.configs import load_config, parse


@dataclass(frozen=True)
class Pipeline:
    """A pipeline with its configs found and checked.

    Attributes:
        stages: by title; each stage comes after all that it needs.
    """

    name: str
    stages: Mapping[str, PipelineStage]
    selections: tuple[Best, ...]
    expected: Mapping[str, Expected]
    resources: Mapping[str, Resources]
    by_multiply_adds: ByMultiplyAdds | None = None

    @property
    def tasks(self) -> list[str]:
        """Names of the tasks that evaluate architectures, in the order of the stages."""
        tasks = [stage.task for stage in self.stages.values() if stage.task.needs_architecture]
        return list(dict.fromkeys(task.name for task in tasks))


def load_pipeline(name: str, options: Sequence[str] = ()) -> Pipeline:
    """Read a pipeline and every config that it names, without checking data.

    Raises:
        InputError: a config, key or value that cannot be used.
    """
    assembly = _Assembly()
    pipeline_name = assembly.add_pipeline(name, options, {})
    if not assembly.stages:
        raise InputError(f"{name}: has no stages; expected 'searches' or 'baselines', and 'retrain' or 'transfers'")
    # Searches first; the others in the order of their addition, which puts each after what it needs.
    ordered = sorted(assembly.stages.values(), key=lambda stage: stage.source is not None)
    selections = tuple({selection.label: selection for selection in assembly.selections}.values())
    return Pipeline(
        pipeline_name,
        {stage.title: stage for stage in ordered},
        selections,
        assembly.expected,
        assembly.resources,
        assembly.by_multiply_adds,
    )


class _Assembly:
    """Gather the stages of a pipeline and of its parts; a stage that two parts share is added once."""

    def __init__(self) -> None:
        self.stages: dict[str, PipelineStage] = {}
        self.selections: list[Best] = []
        self.expected: dict[str, Expected] = {}
        self.resources: dict[str, Resources] = {}
        self.by_multiply_adds: ByMultiplyAdds | None = None
        self._open: list[str] = []
        #: By protocol: the options that it is given, its task's name, and itself.
        self.options: dict[str, Mapping[str, Any]] = {}
        self.kinds: dict[str, str] = {}
        self.protocols: dict[str, tuple[Task, Protocol]] = {}

    def add_pipeline(self, name: str, options: Sequence[str], outer: Mapping[str, Mapping[str, Any]]) -> str:
        loaded = load_config(name, options, ("pipelines",))
        where = str(loaded.path)
        if loaded.name in self._open:
            raise InputError(f"{where}: is a part of itself ({' > '.join([*self._open, loaded.name])})")
        self._open.append(loaded.name)
        settings = parse(PipelineSettings, loaded.values, where)
        # The outermost pipeline's settings win.
        changes = {
            task: {**settings.options.get(task, {}), **outer.get(task, {})} for task in {*settings.options, *outer}
        }
        self.expected = {**settings.expected, **self.expected}
        self.resources = {**settings.resources, **self.resources}
        self.by_multiply_adds = self.by_multiply_adds or settings.by_multiply_adds
        for part in (settings, *settings.parts):
            if isinstance(part, str):
                self.add_pipeline(part, (), changes)
            else:
                _PartAssembly(self, part, where, changes).add()
        self._open.pop()
        return loaded.name


@dataclass(frozen=True)
class _PartAssembly:
    """Add the stages of one part to an assembly.

    Attributes:
        where: the pipeline's file, for messages.
        changes: changed keys of all protocols of a task, by task.
    """

    whole: _Assembly
    part: PipelinePart
    where: str
    changes: Mapping[str, Mapping[str, Any]]

    def add(self) -> None:
        for source in [source for entry in self.part.searches for source in self._found(entry)]:
            self._evaluate(source)
        random = (BaselineEntry(architecture=f"random:{seed}") for seed in range(self.part.random_baselines))
        for entry in (*self.part.baselines, *random):
            architecture, start = resolve(entry.architecture), None
            if entry.weights is not None:
                start = planned_weights(entry.weights, architecture.design)
                architecture = start.named(architecture)
            seeds = self.part.seeds if not self.part.retrain_seeds else self.part.seeds[:1]
            for seed in dict.fromkeys(seeds):
                self._evaluate(Given(architecture, seed), start)

    def _found(self, entry: SearchEntry) -> list[ArchitectureSource]:
        """Add the stages of one entry of `searches`, and return the architectures to retrain."""
        options = {**self.changes.get("search", {}), **entry.options}
        task, protocol = load_protocol(entry.protocol, _texts(options), among=("search",))
        shown = _shown(entry.options)
        seeds = list(dict.fromkeys(entry.seeds or self.part.seeds))
        sources: list[Searched] = []
        for seed in seeds:
            search = PipelineStage(f"{protocol.name}{shown} · seed {seed}", task, protocol, None, seed)
            sources += _variants(search, entry, self.where)
        rule = entry.select or self.part.select
        if rule == "random":
            sources = [drawn(sources, seeds[0])]
        for source in sources:
            self._add(source.search)
        if rule != "best":
            return list(sources)
        assert self.part.selection_protocol is not None
        evaluated_by = self._protocol(self.part.selection_protocol, "selection_protocol")
        candidates = [self._evaluation(*evaluated_by, source, None) for source in sources]
        best = Best(f"{protocol.name}{shown}", tuple(candidates))
        self.whole.selections.append(best)
        return [best]

    def _evaluate(self, source: ArchitectureSource, start: StartingWeights | None = None) -> None:
        """Add an architecture's retraining and transfers, or the transfers alone if it has given weights."""
        # Without seeds of their own, they have that of the architecture's search.
        for seed in self.part.retrain_seeds or (None,):
            trained = {}
            for name in self.part.retrain if start is None else ():
                trained[name] = self._evaluation(*self._protocol(name, "retrain"), source, seed)
            for entry in self.part.transfers:
                task, protocol = self._protocol(entry.protocol)
                weights: PipelineStage | Path | None = None
                card = None
                if trained and task.takes_weights:
                    weights = trained[entry.weights or self.part.retrain[0]]
                elif start is not None and task.takes_weights:
                    protocol, weights, card = start.fed(task, protocol), start.file, start.card
                self._evaluation(task, protocol, source, seed, weights, card)

    def _protocol(self, name: str, key: str = "") -> tuple[Task, Protocol]:
        """Load a protocol with the pipeline's options for its task; with `key`, it must be one of classification."""
        whole, changes = self.whole, self.changes
        if changes and name not in whole.kinds:
            whole.kinds[name] = str(load_config(name).values.get("task"))
        # The task must be known before loading only if there are changes.
        options = changes[whole.kinds[name]] if changes and whole.kinds[name] in changes else {}
        if name not in whole.protocols:
            whole.protocols[name] = load_protocol(name, _texts(options), EVALUATED)
        task, protocol = whole.protocols[name]
        if key and task.name != "classification":
            raise InputError(f"{self.where}: key {key!r}: {name!r}: expected a classification protocol")
        if whole.options.setdefault(name, options) != options:
            raise InputError(f"{self.where}: {name}: two parts give it different options; its records have one name")
        return task, protocol

    def _evaluation(
        self,
        task: Task,
        protocol: Protocol,
        source: ArchitectureSource,
        seed: int | None,
        weights: PipelineStage | Path | None = None,
        card: WeightCard | None = None,
    ) -> PipelineStage:
        own = source.own_seed if isinstance(source, Given) else None
        said = "" if seed is None and own is None else f", seed {own if seed is None else seed}"
        title = f"{protocol.name} · {source.label}{said}"
        return self._add(PipelineStage(title, task, protocol, source, seed, weights, card))

    def _add(self, stage: PipelineStage) -> PipelineStage:
        there = self.whole.stages.setdefault(stage.title, stage)
        if sorted(there.protocol.options) != sorted(stage.protocol.options):
            different = "is listed twice with different options; give each a 'method'"
            raise InputError(f"{self.where}: {stage.title}: {different}")
        if there.needs != stage.needs:
            raise InputError(f"{self.where}: {stage.title}: starts from two different weights; keep one")
        return stage


def _variants(search: PipelineStage, entry: SearchEntry, where: str) -> Iterator[Searched]:
    # A search without a supernet has one.
    stages = len(search.protocol.config.get("stages", [None]))
    for number in entry.after_stages:
        if number > stages:
            raise InputError(f"{where}: key 'after_stages': {number}: {entry.protocol} has {stages} stages")
    if not entry.max_skips and not entry.after_stages:
        yield Searched(search)
    yield from (Searched(search, max_skips=limit) for limit in entry.max_skips)
    yield from (Searched(search, stage=number) for number in entry.after_stages)


def _shown(options: Mapping[str, Any]) -> str:
    """Options of a search as shown in its title: its `method`, or else all of them."""
    if not options:
        return ""
    named = options.get("method") or ", ".join(f"{key}={value}" for key, value in options.items())
    return f" ({named})"


def _texts(options: Mapping[str, Any]) -> list[str]:
    """Options in the form of `--cfg-options`."""
    return [f"{key}={value!r}" for key, value in options.items()]
