"""Turn a pipeline's config into stages; every config that it names is found and checked before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backbones.errors import InputError
from backbones.pretrained import WeightCard
from bench.pipeline.selection import Best, drawn
from bench.pipeline.settings import (
    BaselineEntry,
    ByMultiplyAdds,
    Expected,
    PipelinePart,
    PipelineSettings,
    Resources,
    SearchEntry,
)
from bench.pipeline.stages import ArchitectureSource, Given, PipelineStage, Searched
from bench.runs.starting import planned_weights
from bench.tasks.architectures import NamedArchitecture, resolve
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
        self._options: dict[str, Mapping[str, Any]] = {}
        self._kinds: dict[str, str] = {}
        self._protocols: dict[str, tuple[Task, Protocol]] = {}

    def add_pipeline(self, name: str, options: Sequence[str], outer: Mapping[str, Mapping[str, Any]]) -> str:
        loaded = load_config(name, options)
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
        self._add_part(settings, where, changes)
        for part in settings.parts:
            if isinstance(part, str):
                self.add_pipeline(part, (), changes)
            else:
                self._add_part(part, where, changes)
        self._open.pop()
        return loaded.name

    def _add_part(self, part: PipelinePart, where: str, changes: Mapping[str, Mapping[str, Any]]) -> None:
        sources = [source for entry in part.searches for source in self._found(entry, part, where, changes)]
        for source in sources:
            self._retrain(source, part, where, changes)
        names = [
            *part.baselines,
            *(BaselineEntry(architecture=f"random:{seed}") for seed in range(part.random_baselines)),
        ]
        for entry in names:
            architecture = resolve(entry.architecture)
            for seed in dict.fromkeys(part.seeds if not part.retrain_seeds else part.seeds[:1]):
                if entry.weights is None:
                    self._retrain(Given(architecture, seed), part, where, changes)
                else:
                    self._transfer(architecture, seed, part, where, changes, entry.weights)

    def _found(
        self, entry: SearchEntry, part: PipelinePart, where: str, changes: Mapping[str, Mapping[str, Any]]
    ) -> list[ArchitectureSource]:
        """Add the stages of one entry of `searches`, and return the architectures to retrain."""
        options = {**changes.get("search", {}), **entry.options}
        task, protocol = load_protocol(entry.protocol, _texts(options), among=("search",))
        shown = _shown(entry.options)
        seeds = list(dict.fromkeys(entry.seeds or part.seeds))
        sources: list[Searched] = []
        for seed in seeds:
            search = PipelineStage(f"{protocol.name}{shown} · seed {seed}", task, protocol, None, seed)
            sources += _variants(search, entry, where)
        rule = entry.select or part.select
        if rule == "random":
            sources = [drawn(sources, seeds[0])]
        for source in sources:
            self._add(source.search, where)
        if rule != "best":
            return list(sources)
        assert part.selection_protocol is not None
        evaluated_by = self._protocol(part.selection_protocol, where, changes, "selection_protocol")
        candidates = [self._evaluation(*evaluated_by, source, None, None, where) for source in sources]
        best = Best(f"{protocol.name}{shown}", tuple(candidates))
        self.selections.append(best)
        return [best]

    def _retrain(
        self, source: ArchitectureSource, part: PipelinePart, where: str, changes: Mapping[str, Mapping[str, Any]]
    ) -> None:
        for seed in _seeds(part):
            trained = {}
            for name in part.retrain:
                task, protocol = self._protocol(name, where, changes, "retrain")
                trained[name] = self._evaluation(task, protocol, source, seed, None, where)
            for entry in part.transfers:
                task, protocol = self._protocol(entry.protocol, where, changes)
                starts = part.retrain and task.takes_weights
                weights = trained[entry.weights or part.retrain[0]] if starts else None
                self._evaluation(task, protocol, source, seed, weights, where)

    def _transfer(
        self,
        architecture: NamedArchitecture,
        own_seed: int,
        part: PipelinePart,
        where: str,
        changes: Mapping[str, Mapping[str, Any]],
        weights: str,
    ) -> None:
        """Add the transfers of a baseline with given weights."""
        start = planned_weights(weights, architecture.design)
        source = Given(start.named(architecture), own_seed)
        for seed in _seeds(part):
            for entry in part.transfers:
                task, protocol = self._protocol(entry.protocol, where, changes)
                if task.takes_weights:
                    protocol = start.fed(task, protocol)
                    self._evaluation(task, protocol, source, seed, start.file, where, start.card)
                else:
                    self._evaluation(task, protocol, source, seed, None, where)

    def _protocol(
        self, name: str, where: str, changes: Mapping[str, Mapping[str, Any]], key: str = ""
    ) -> tuple[Task, Protocol]:
        """Load a protocol with the pipeline's options for its task; with `key`, it must be one of classification."""
        if changes and name not in self._kinds:
            self._kinds[name] = str(load_config(name).values.get("task"))
        # The task must be known before loading only if there are changes.
        options = changes[self._kinds[name]] if changes and self._kinds[name] in changes else {}
        if name not in self._protocols:
            self._protocols[name] = load_protocol(name, _texts(options), EVALUATED)
        task, protocol = self._protocols[name]
        if key and task.name != "classification":
            raise InputError(f"{where}: key {key!r}: {name!r}: expected a classification protocol")
        if self._options.setdefault(name, options) != options:
            raise InputError(f"{where}: {name}: two parts give it different options; its records have one name")
        return task, protocol

    def _evaluation(
        self,
        task: Task,
        protocol: Protocol,
        source: ArchitectureSource,
        seed: int | None,
        weights: PipelineStage | Path | None,
        where: str,
        card: WeightCard | None = None,
    ) -> PipelineStage:
        own = source.own_seed if isinstance(source, Given) else None
        said = "" if seed is None and own is None else f", seed {own if seed is None else seed}"
        title = f"{protocol.name} · {source.label}{said}"
        stage = PipelineStage(title, task, protocol, source, seed, weights, card)
        self._add(stage, where)
        return stage

    def _add(self, stage: PipelineStage, where: str) -> None:
        there = self.stages.setdefault(stage.title, stage)
        if sorted(there.protocol.options) != sorted(stage.protocol.options):
            raise InputError(f"{where}: {stage.title}: is listed twice with different options; give each a 'method'")
        if there.needs != stage.needs:
            raise InputError(f"{where}: {stage.title}: starts from two different weights; keep one")


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


def _seeds(part: PipelinePart) -> Sequence[int | None]:
    """Seeds of evaluations; None is that of the architecture's search."""
    return part.retrain_seeds or (None,)


def _texts(options: Mapping[str, Any]) -> list[str]:
    """Options in the form of `--cfg-options`."""
    return [f"{key}={value!r}" for key, value in options.items()]
