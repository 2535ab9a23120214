"""The search task: data in, genotype out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from backbones.errors import InputError
from backbones.files import read_json
from backbones.genotype import Genotype
from bench.digits.embedded import ensure_embedded
from bench.tasks.architectures import NamedArchitecture
from bench.tasks.contract import DataReport, Drawn, Job, Outcome, Parameters, Protocol, Speed, Task
from bench.tasks.metrics import METRICS, TITLES
from bench.tasks.own_data import OwnData, as_options, find_part, require
from bench.tasks.registry import load_protocol
from bench.tasks.workload import Workload
from search.configs import parse
from search.settings import SearchSettings

#: Raised when a change of the code changes what a search finds: searches of other versions are other searches.
VERSION = 4


class SearchTask(Task):
    """A search of a cell's genotype; what it reports is the supernet's accuracy, the skip connections and the cost."""

    name = "search"
    version = VERSION
    title = TITLES["search"]
    metrics = METRICS["search"]
    needs_architecture = False
    distributed = True
    silent = ("proxy.download", "proxy.decoding.workers", "execution")

    def neutral(self, config: Mapping[str, Any]) -> tuple[str, ...]:
        # Where there are `expected` counts, or torchvision knows the files' digests, other data do not go unseen.
        roots: tuple[str, ...] = ("proxy.root", "proxy.kind") if config.get("expected") else ()
        roots += ("proxy.root",) if config["proxy"]["kind"] != "folder" else ()
        return (*roots, *self.silent)

    def validate(self, config: Mapping[str, Any], where: str) -> dict[str, Any]:
        settings = parse(SearchSettings, config, where)
        values = settings.model_dump(mode="json")
        # A dump leaves out what changes no result; a run needs it.
        values["proxy"]["download"] = settings.proxy.download
        values["proxy"]["decoding"]["workers"] = settings.proxy.decoding.workers
        values["execution"] = settings.execution.model_dump(mode="json")
        return values

    def method(self, protocol: Protocol) -> str:
        return settings_of(protocol).method

    def spent(self, device_seconds: float) -> dict[str, float]:
        # Days of the device that the record names: GPU-days only where that is a GPU.
        return {"search_cost": device_seconds / 86_400}

    def check(self, protocol: Protocol) -> DataReport:
        """All images and classes that the proxy is drawn from: another seed draws others, but as many of the same."""
        from search.data.names import as_counts
        from search.data.proxies import check_proxy

        settings = settings_of(protocol)
        ensure_embedded(settings.embedded)
        source = check_proxy(settings.proxy, settings.batch_size)
        counts = {"images": len(source.files), "classes": len(source.classes), **as_counts(source.passed_over)}
        return DataReport(counts, source.fingerprint())

    def look(self, protocol: Protocol) -> None:
        from search.data.proxies import check_proxy

        settings = settings_of(protocol)
        check_proxy(settings.proxy, settings.batch_size).check()

    def own_data(self, config: Mapping[str, Any], folder: Path, work: Path) -> OwnData:
        """The training part of an image folder or its zip file, or the folder itself, in the place of the proxy."""
        if not folder.is_file():
            require(folder)
        root = (None if folder.is_file() else find_part(folder, "train", archives=True)) or folder
        values = {"proxy.kind": "folder", "proxy.root": str(root)}
        return OwnData(f"{folder}: images by class in {root}", as_options(values, config))

    def run(self, job: Job) -> Outcome:
        from search.loop.diagnostics import DIAGNOSTICS, peak_of_search
        from search.loop.epochs import CURVE
        from search.run import run_search
        from search.training.parallel import is_main

        settings = settings_of(job.protocol)
        result = run_search(settings, job.work_dir, job.seed, job.progress)
        # The first process writes the files that are read here.
        told = read_json(job.work_dir / DIAGNOSTICS) if is_main() else {}
        return Outcome(
            {"supernet_accuracy": result.accuracy, "skip_count": result.genotype.skip_count},
            {"architecture images": result.counts["architecture images"]},
            Parameters(result.params),
            curve=job.work_dir / CURVE,
            resolved={**other_genotypes(job.work_dir, settings), **told} if is_main() else {},
            genotype=result.genotype,
            drawn=Drawn(result.counts, result.index),
            peak_memory=peak_of_search(job.work_dir, len(settings.stages)),
        )

    def workload(
        self, protocol: Protocol, architecture: NamedArchitecture | None, counts: Mapping[str, int]
    ) -> Workload:
        from bench.searches.workload import search_workload

        return search_workload(settings_of(protocol), counts)

    def speed(
        self, protocol: Protocol, architecture: NamedArchitecture | None, batch_size: int, repetitions: int = 5
    ) -> Speed:
        """Images per second of the weight steps, and of passes forward and backward, over all stages."""
        from bench.searches.speed import measure_stage

        settings = settings_of(protocol)
        stages = [measure_stage(settings, place, batch_size, repetitions) for place in range(len(settings.stages))]
        passes, steps = (
            [sum(seconds) / len(stages) for seconds in zip(*(getattr(stage, kind) for stage in stages), strict=True)]
            for kind in ("forward_backward", "weight_step")
        )
        memory = max(stage.peak_memory for stage in stages)
        named = {"device": stages[0].device, "precision": stages[0].precision, "peak_memory": memory}
        return Speed.of(batch_size, steps, passes, **named)


def settings_of(protocol: Protocol) -> SearchSettings:
    """The settings of a search protocol."""
    return parse(SearchSettings, protocol.config, str(protocol.path))


def search_settings(name: str, options: Sequence[str] = ()) -> SearchSettings:
    """The settings of a search protocol by name or path. See `load_protocol`."""
    return settings_of(load_protocol(name, options, ("search",))[1])


def search_concerns(genotype: Genotype) -> list[str]:
    """What a user should know before what a search has found is retrained, a sentence each; nothing for most."""
    from search.loop.epochs import concerns, imagenet_cost

    return concerns(genotype, imagenet_cost(genotype))


def steps_per_epoch(protocol: Protocol, seed: int) -> int:
    """The batches of an epoch, out of the list of the proxy's images alone.

    Raises:
        InputError: the data cannot be used.
    """
    from search.data.proxies import check_proxy
    from search.data.split import draw_split

    settings = settings_of(protocol)
    ensure_embedded(settings.embedded)
    source = check_proxy(settings.proxy, settings.batch_size, seed)
    return len(draw_split(source, settings.proxy, seed).weight) // settings.batch_size


def other_genotypes(work_dir: Path, settings: SearchSettings) -> dict[str, Any]:
    """What else a finished search tells of: its genotype under every M, and the one after each of its stages.

    `{"max_skips": {"0": genotype or None, …}, "stages": [genotype or None, …]}`; None cannot be derived.
    """
    from search.derive import derive, read_architecture

    limits = read_json(work_dir / "genotypes.json")["max_skips"]
    stages: list[Any] = []
    for place in range(len(settings.stages)):
        try:
            stages.append(derive(read_architecture(work_dir / f"stage{place + 1}" / "architecture.json")).to_json())
        except InputError:
            # Its candidates do not allow as few skip connections as the search's M.
            stages.append(None)
    return {"max_skips": {limit: entry["genotype"] for limit, entry in limits.items()}, "stages": stages}
