"""The search task: from images to a genotype."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from backbones.errors import InputError
from backbones.files import read_json
from backbones.genotype import Genotype
from bench.digits.recipe import ensure_embedded
from bench.searches.speed import measure_stage
from bench.searches.workload import sampled_workload, search_workload
from bench.tasks.architectures import NamedArchitecture
from bench.tasks.contract import DataReport, Drawn, Job, Outcome, Parameters, Protocol, Speed, Task
from bench.tasks.metrics import METRICS, TITLES
from bench.tasks.own_data import OwnData, as_options, find_part, require
from bench.tasks.registry import load_protocol
from bench.tasks.workload import Workload
from search.data.names import as_counts
from search.data.proxies import check_proxy
from search.data.split import draw_split
from search.derive import derive, read_architecture
from search.loop.diagnostics import DIAGNOSTICS, peak_of_search
from search.loop.epochs import CURVE, concerns, imagenet_cost
from search.run import run_search
from search.sampling.run import run_sampled
from search.sampling.settings import SampledSettings, parse_search
from search.settings import SearchSettings
from search.training.parallel import is_main

#: Increase it when a change of the code changes what a search finds: it is part of a search's key.
VERSION = 4


class SearchTask(Task):
    """Search a cell's genotype; report the supernet's accuracy, the number of skip connections and the cost."""

    name = "search"
    version = VERSION
    title = TITLES["search"]
    metrics = METRICS["search"]
    needs_architecture = False
    distributed = True
    silent = ("proxy.download", "proxy.decoding.workers", "execution")

    def neutral(self, config: Mapping[str, Any]) -> tuple[str, ...]:
        # `expected` counts, or torchvision's digests of the files, notice other data at these locations.
        roots: tuple[str, ...] = ("proxy.root", "proxy.kind") if config.get("expected") else ()
        roots += ("proxy.root",) if config["proxy"]["kind"] != "folder" else ()
        return (*roots, *self.silent)

    def validate(self, config: Mapping[str, Any], where: str) -> dict[str, Any]:
        settings = parse_search(config, where)
        values = settings.model_dump(mode="json")
        # A dump leaves out keys that do not change the result; a run needs them.
        values["proxy"]["download"] = settings.proxy.download
        values["proxy"]["decoding"]["workers"] = settings.proxy.decoding.workers
        values["execution"] = settings.execution.model_dump(mode="json")
        return values

    def method(self, protocol: Protocol) -> str:
        return any_settings_of(protocol).method

    def spent(self, device_seconds: float) -> dict[str, float]:
        # In days of the device that the record names, which may be a CPU.
        return {"search_cost": device_seconds / 86_400}

    def check(self, protocol: Protocol) -> DataReport:
        """Count all images and classes that a proxy is drawn from; each seed draws others of them."""
        settings = any_settings_of(protocol)
        ensure_embedded(settings.embedded)
        source = check_proxy(settings.proxy, settings.batch_size)
        counts = {"images": len(source.files), "classes": len(source.classes), **as_counts(source.passed_over)}
        return DataReport(counts, source.fingerprint())

    def look(self, protocol: Protocol) -> None:
        settings = any_settings_of(protocol)
        check_proxy(settings.proxy, settings.batch_size).check()

    def own_data(self, config: Mapping[str, Any], folder: Path, work: Path) -> OwnData:
        """Use the training part of an image folder or its zip file, or the folder itself, as the proxy."""
        if not folder.is_file():
            require(folder)
        root = (None if folder.is_file() else find_part(folder, "train", archives=True)) or folder
        values = {"proxy.kind": "folder", "proxy.root": str(root)}
        return OwnData(f"{folder}: images by class in {root}", as_options(values, config))

    def run(self, job: Job) -> Outcome:
        settings = any_settings_of(job.protocol)
        metrics: dict[str, float] = {}
        if isinstance(settings, SampledSettings):
            result, stages = run_sampled(settings, job.work_dir, job.seed, job.progress), 1
        else:
            result, stages = run_search(settings, job.work_dir, job.seed, job.progress), len(settings.stages)
            metrics["supernet_accuracy"] = result.accuracy
        # The first process writes the files that are read here.
        told = read_json(job.work_dir / DIAGNOSTICS) if is_main() else {}
        return Outcome(
            {**metrics, "skip_count": result.genotype.skip_count},
            {"architecture images": result.counts["architecture images"]},
            Parameters(result.params),
            curve=job.work_dir / CURVE,
            resolved={**other_genotypes(job.work_dir, stages), **told} if is_main() else {},
            genotype=result.genotype,
            drawn=Drawn(result.counts, result.index),
            peak_memory=peak_of_search(job.work_dir, stages),
        )

    def workload(
        self, protocol: Protocol, architecture: NamedArchitecture | None, counts: Mapping[str, int]
    ) -> Workload:
        settings = any_settings_of(protocol)
        if isinstance(settings, SampledSettings):
            return sampled_workload(settings, counts)
        return search_workload(settings, counts)

    def speed(
        self, protocol: Protocol, architecture: NamedArchitecture | None, batch_size: int, repetitions: int = 5
    ) -> Speed:
        """Measure images per second of weight steps, and of forward and backward passes, over all stages."""
        settings = settings_of(protocol)
        stages = [measure_stage(settings, place, batch_size, repetitions) for place in range(len(settings.stages))]
        passes, steps = (
            [sum(seconds) / len(stages) for seconds in zip(*(getattr(stage, kind) for stage in stages), strict=True)]
            for kind in ("forward_backward", "weight_step")
        )
        memory = max(stage.peak_memory for stage in stages)
        named = {"device": stages[0].device, "precision": stages[0].precision, "peak_memory": memory}
        return Speed.of(batch_size, steps, passes, **named)


def any_settings_of(protocol: Protocol) -> SearchSettings | SampledSettings:
    """Settings of a search protocol, with a supernet or without one."""
    return parse_search(protocol.config, str(protocol.path))


def settings_of(protocol: Protocol) -> SearchSettings:
    """Settings of a search protocol with a supernet.

    Raises:
        InputError: it has none.
    """
    settings = any_settings_of(protocol)
    if isinstance(settings, SampledSettings):
        raise InputError(f"{protocol.name}: trains one genotype after another, and has no supernet to measure")
    return settings


def search_settings(name: str, options: Sequence[str] = ()) -> SearchSettings:
    """Settings of a search protocol with a supernet, by name or path. See `load_protocol` and `settings_of`."""
    return settings_of(load_protocol(name, options, ("search",))[1])


def search_concerns(genotype: Genotype) -> list[str]:
    """Reasons for doubt about a search's genotype before it is retrained, a sentence each; usually none."""
    return concerns(genotype, imagenet_cost(genotype))


def steps_per_epoch(protocol: Protocol, seed: int) -> int:
    """Number of steps of an epoch, from the list of the proxy's images.

    Raises:
        InputError: the data cannot be used.
    """
    settings = any_settings_of(protocol)
    ensure_embedded(settings.embedded)
    source = check_proxy(settings.proxy, settings.batch_size, seed)
    return len(draw_split(source, settings.proxy, seed).weight) // settings.batch_size


def other_genotypes(work_dir: Path, count: int) -> dict[str, Any]:
    """Further genotypes of a finished search: for every limit M of skip connections, and after each of `count` stages.

    `{"max_skips": {"0": genotype or None, …}, "stages": [genotype or None, …]}`; None if it cannot be derived.
    """
    limits = read_json(work_dir / "genotypes.json")["max_skips"]
    stages: list[Any] = []
    for number in range(1, count + 1):
        try:
            stages.append(derive(read_architecture(work_dir / f"stage{number}" / "architecture.json")).to_json())
        except InputError:
            # The candidates of this stage do not allow the search's limit M.
            stages.append(None)
    return {"max_skips": {limit: entry["genotype"] for limit, entry in limits.items()}, "stages": stages}
