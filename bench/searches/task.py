"""Running a search into a record: the fourth that writes records."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backbones.errors import InputError
from backbones.files import file_digest, read_json
from bench.digits.embedded import ensure_embedded
from bench.machine import environment
from bench.records.record import SCHEMA_VERSION, Record, record_name
from bench.runs.recording import measured, redirected
from bench.runs.run import Places, determining, recorded_metrics, run_key
from bench.tasks.architectures import Architecture, save_found
from bench.tasks.contract import changed, other_data
from bench.tasks.metrics import METRICS
from search.configs import load_config, parse, portable
from search.settings import SearchSettings
from search.training.progress import ProgressCallback

#: Raised when a change of the code changes what a search finds: searches of other versions are other searches.
VERSION = 4


@dataclass(frozen=True)
class SearchProtocol:
    """A search config, resolved and validated."""

    name: str
    path: Path
    settings: SearchSettings
    options: tuple[str, ...]

    def reasons(self, counts: Mapping[str, int]) -> list[str]:
        """Why a search is not a full one: the config's own words, changed options, and data that are not all.

        Args:
            counts: of all images and classes that the proxy is drawn from.
        """
        # Where these have `expected` counts, or torchvision knows the files' digests, other data do not go unseen.
        roots = ["proxy.root", "proxy.kind"] if self.settings.expected else []
        roots += ["proxy.root"] if self.settings.proxy.kind != "folder" else []
        neutral = [*roots, "proxy.download", "proxy.decoding.workers", "execution"]
        return [
            *self.settings.reduced,
            *changed(self.options, neutral),
            *other_data(self.settings.expected, counts),
        ]

    def portable(self) -> dict[str, Any]:
        """The settings as a record holds them, without this machine's folders."""
        config: dict[str, Any] = portable(self.settings.model_dump(mode="json"))
        return config


def load_search(name: str, options: Sequence[str] = ()) -> SearchProtocol:
    """A search protocol by name or path.

    Raises:
        InputError: no such config, a config of something else, an unknown key, or a value that cannot be used.
    """
    loaded = load_config(name, options)
    if loaded.values.get("task") != "search":
        raise InputError(f"{loaded.path}: key 'task' is {loaded.values.get('task')!r}; a search config says 'search'")
    settings = parse(SearchSettings, loaded.values, str(loaded.path))
    return SearchProtocol(loaded.protocol("search"), loaded.path, settings, loaded.options)


@dataclass(frozen=True)
class PlannedSearch:
    """A search whose data have been looked at: its key, its name, and its record if it has been run.

    Attributes:
        found: how many images and classes there are to draw the proxy from.
    """

    protocol: SearchProtocol
    seed: int
    key: str
    name: str
    record: Record | None
    found: Mapping[str, int]

    def work_dir(self, places: Places) -> Path:
        return places.work / self.protocol.name / self.name


@dataclass(frozen=True)
class SearchData:
    """All images and classes that a search's proxy is drawn from: how many, and a digest over them."""

    counts: Mapping[str, int]
    fingerprint: str


def check_search(protocol: SearchProtocol, seed: int) -> SearchData:
    """Look at a search's data without opening an image.

    Raises:
        InputError: the data cannot be used.
    """
    from search.data.proxies import check_proxy

    ensure_embedded(protocol.settings.embedded)
    folder = check_proxy(protocol.settings.proxy, protocol.settings.batch_size, seed)
    return SearchData({"images": len(folder.files), "classes": len(folder.classes)}, folder.fingerprint())


def plan_search(protocol: SearchProtocol, seed: int, places: Places, data: SearchData | None = None) -> PlannedSearch:
    """Check a search's data, unless that has been done, and look for its record.

    Raises:
        InputError: the data cannot be used.
    """
    data = data or check_search(protocol, seed)
    key = run_key(
        {
            "protocol": protocol.name,
            "version": VERSION,
            "config": determining(protocol.portable()),
            "seed": seed,
            "data": data.fingerprint,
        }
    )
    # The key is part of the name: another config or data set is another record, never in this one's way.
    name = f"{protocol.name.removeprefix('search/').replace('/', '-')}-s{seed}-{key[7:15]}"
    existing = places.store.find(record_name(protocol.name, name, seed))
    return PlannedSearch(protocol, seed, key, name, existing, data.counts)


def steps_per_epoch(protocol: SearchProtocol, seed: int) -> int:
    """The batches of an epoch, out of the list of the proxy's images alone.

    Raises:
        InputError: the data cannot be used.
    """
    from search.data.proxies import check_proxy
    from search.data.split import draw_split

    settings = protocol.settings
    ensure_embedded(settings.embedded)
    source = check_proxy(settings.proxy, settings.batch_size, seed)
    return len(draw_split(source, settings.proxy, seed).weight) // settings.batch_size


def join_search(planned: PlannedSearch, places: Places) -> None:
    """Take part in a search whose first process writes the record; what libraries print goes nowhere."""
    from search.run import run_search

    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirected(nowhere):
        run_search(planned.protocol.settings, planned.work_dir(places), planned.seed)


def search(planned: PlannedSearch, places: Places, progress: ProgressCallback) -> Record:
    """Run a search into its record; an interrupted one is resumed. Of several processes, the first one calls this."""
    from search.loop.diagnostics import DIAGNOSTICS, peak_of_search
    from search.loop.epochs import CURVE
    from search.run import run_search
    from search.training.parallel import world_size

    places.prepare()
    protocol, seed, key, name = planned.protocol, planned.seed, planned.key, planned.name
    work_dir = planned.work_dir(places)
    with measured(work_dir) as run:
        result = run_search(protocol.settings, work_dir, seed, run.keeping(progress))
    architecture = Architecture(
        name, result.genotype, protocol.settings.method, (record_name(protocol.name, name, seed), key)
    )
    save_found(work_dir, architecture)
    curve = work_dir / CURVE
    peak_memory = max(run.peak_memory, peak_of_search(work_dir, len(protocol.settings.stages)))
    values = {
        "supernet_accuracy": result.accuracy,
        "skip_count": result.genotype.skip_count,
        # Days of the device that the record names: GPU-days only where that is a GPU.
        "search_cost": run.seconds * world_size() / 86_400,
    }
    record = Record.model_validate(
        {
            "schema_version": SCHEMA_VERSION,
            "task": "search",
            "version": VERSION,
            "protocol": protocol.name,
            "architecture": architecture.to_json(),
            "method": architecture.method,
            "seed": seed,
            "key": key,
            "reduced": protocol.reasons(planned.found),
            "config": protocol.portable(),
            "data": {"counts": result.counts, "fingerprint": result.fingerprint, "index": result.index},
            "environment": {**environment.describe(), "processes": world_size()},
            "parents": [],
            "initial_weights": None,
            "metrics": recorded_metrics(METRICS["search"], values),
            "counts": {"architecture images": result.counts["architecture images"]},
            "cost": {"seconds": run.seconds, "peak_memory": peak_memory, "params": result.params},
            "checkpoint": None,
            "resolved": {**other_genotypes(work_dir, protocol.settings), **read_json(work_dir / DIAGNOSTICS)},
            "curve": file_digest(curve),
            "started": run.started,
            "finished": run.finished,
        }
    )
    places.store.write(record, places.replace, curve=curve)
    return record


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
