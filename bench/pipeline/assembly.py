"""From a pipeline's config to its stages: every config that it names is found and checked before anything is run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backbones.errors import InputError
from bench.pipeline.selection import Best, drawn
from bench.pipeline.settings import (
    BaselineEntry,
    ByMultiplyAdds,
    Expected,
    Part,
    PipelineSettings,
    Resources,
    SearchEntry,
)
from bench.pipeline.stages import ArchitectureSource, Given, PipelineStage, Searched
from bench.tasks.architectures import resolve
from bench.tasks.contract import Protocol, Task
from bench.tasks.metrics import EVALUATED
from bench.tasks.registry import load_protocol
from search.configs import load_config, parse


@dataclass(frozen=True)
class Pipeline:
    """A pipeline whose configs have all been found and checked.

    Attributes:
        stages: by title, each behind all that it needs.
    """

    name: str
    stages: Mapping[str, PipelineStage]
    selections: tuple[Best, ...]
    expected: Mapping[str, Expected]
    resources: Mapping[str, Resources]
    by_multiply_adds: ByMultiplyAdds | None = None

    @property
    def tasks(self) -> list[str]:
        """The names of the tasks that architectures are evaluated on, in the order of the stages."""
        tasks = [stage.task for stage in self.stages.values() if stage.task.needs_architecture]
        return list(dict.fromkeys(task.name for task in tasks))


def load_pipeline(name: str, options: Sequence[str] = ()) -> Pipeline:
    """Read a pipeline and every config that it names; data are not looked at.

    Raises:
        InputError: a config, key or value that cannot be used.
    """
    assembly = _Assembly()
    pipeline_name = assembly.add_pipeline(name, options, {})
    if not assembly.stages:
        raise InputError(f"{name}: no 'searches' and no 'baselines' that anything is to be done with")
    # What nothing is before stands first; the others as they were added, each behind what it needs.
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
    """Gathers the stages of a pipeline and of those that it names; what two of them have in common is one stage."""

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
        # What the outermost pipeline says holds.
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

    def _add_part(self, part: Part, where: str, changes: Mapping[str, Mapping[str, Any]]) -> None:
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
                given = Given(architecture, seed)
                if entry.weights is None:
                    self._retrain(given, part, where, changes)
                else:
                    self._transfer(given, part, where, changes, Path(entry.weights))

    def _found(
        self, entry: SearchEntry, part: Part, where: str, changes: Mapping[str, Mapping[str, Any]]
    ) -> list[ArchitectureSource]:
        """What one entry of `searches` gives to be retrained."""
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
        self, source: ArchitectureSource, part: Part, where: str, changes: Mapping[str, Mapping[str, Any]]
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
        source: ArchitectureSource,
        part: Part,
        where: str,
        changes: Mapping[str, Mapping[str, Any]],
        weights: Path,
    ) -> None:
        """Transfers of a baseline that comes with weights."""
        for seed in _seeds(part):
            for entry in part.transfers:
                task, protocol = self._protocol(entry.protocol, where, changes)
                self._evaluation(task, protocol, source, seed, weights if task.takes_weights else None, where)

    def _protocol(
        self, name: str, where: str, changes: Mapping[str, Mapping[str, Any]], key: str = ""
    ) -> tuple[Task, Protocol]:
        """A protocol with the pipeline's options of its task; `key` says where it has to be of classification."""
        if changes and name not in self._kinds:
            self._kinds[name] = str(load_config(name).values.get("task"))
        # Without changes, which task it is of need not be known before it is loaded.
        options = changes[self._kinds[name]] if changes and self._kinds[name] in changes else {}
        if name not in self._protocols:
            self._protocols[name] = load_protocol(name, _texts(options), EVALUATED)
        task, protocol = self._protocols[name]
        if key and task.name != "classification":
            raise InputError(f"{where}: key {key!r}: {name!r} is no classification protocol")
        if self._options.setdefault(name, options) != options:
            raise InputError(f"{where}: {name} stands in two parts with different options: its records have one name")
        return task, protocol

    def _evaluation(
        self,
        task: Task,
        protocol: Protocol,
        source: ArchitectureSource,
        seed: int | None,
        weights: PipelineStage | Path | None,
        where: str,
    ) -> PipelineStage:
        own = source.own_seed if isinstance(source, Given) else None
        said = "" if seed is None and own is None else f", seed {own if seed is None else seed}"
        title = f"{protocol.name} · {source.label}{said}"
        stage = PipelineStage(title, task, protocol, source, seed, weights)
        self._add(stage, where)
        return stage

    def _add(self, stage: PipelineStage, where: str) -> None:
        there = self.stages.setdefault(stage.title, stage)
        if sorted(there.protocol.options) != sorted(stage.protocol.options):
            raise InputError(f"{where}: {stage.title}: stands twice with different options; name them by 'method'")
        if there.needs != stage.needs:
            raise InputError(f"{where}: {stage.title}: starts from two different weights: the record has one name")


def _variants(search: PipelineStage, entry: SearchEntry, where: str) -> Iterator[Searched]:
    stages = len(search.protocol.config["stages"])
    for place in entry.after_stages:
        if place > stages:
            raise InputError(f"{where}: key 'after_stages': {place}: {entry.protocol} has {stages} stages")
    if not entry.max_skips and not entry.after_stages:
        yield Searched(search)
    yield from (Searched(search, max_skips=limit) for limit in entry.max_skips)
    yield from (Searched(search, stage=place) for place in entry.after_stages)


def _shown(options: Mapping[str, Any]) -> str:
    """A search's options in its title: the name that it has for its method, or else all of them."""
    if not options:
        return ""
    named = options.get("method") or ", ".join(f"{key}={value}" for key, value in options.items())
    return f" ({named})"


def _seeds(part: Part) -> Sequence[int | None]:
    """The seeds that evaluations are given; None: that of the architecture's search."""
    return part.retrain_seeds or (None,)


def _texts(options: Mapping[str, Any]) -> list[str]:
    """Options as `--cfg-options` has them."""
    return [f"{key}={value!r}" for key, value in options.items()]
