"""Running a search into a record: the fourth that writes records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backbones.errors import InputError
from bench import environment
from bench.architectures import Architecture, save_found
from bench.contract import ProgressCallback
from bench.embedded import ensure_embedded
from bench.jobs import Places, measured, recorded_metrics, run_key
from bench.metrics import METRICS
from bench.records import SCHEMA_VERSION, Record, record_name
from search.configs import load_config, parse, portable
from search.settings import SearchSettings

@dataclass(frozen=True)
class SearchProtocol:
    """A search config, resolved and validated."""

    name: str
    path: Path
    settings: SearchSettings
    options: tuple[str, ...]

    @property
    def reduced(self) -> list[str]:
        return [*self.settings.reduced, *(f"option {option}" for option in self.options)]


def load_search(name: str, options: Sequence[str] = ()) -> SearchProtocol:
    """A search protocol by name or path.

    Raises:
        InputError: no such config, a config of something else, an unknown key, or a value that cannot be used.
    """
    loaded = load_config(name, options)
    if loaded.values.get("task") != "search":
        raise InputError(f"{loaded.path}: key 'task' is {loaded.values.get('task')!r}; a search config says 'search'")
    protocol = loaded.name if loaded.name.startswith("search/") else f"search/{loaded.path.stem}"
    settings = parse(SearchSettings, loaded.values, str(loaded.path))
    return SearchProtocol(protocol, loaded.path, settings, loaded.options)


def search(protocol: SearchProtocol, seed: int, places: Places, progress: ProgressCallback) -> tuple[Record, bool]:
    """The record of a search, and whether it had to be run for it; an interrupted one is resumed.

    Raises:
        InputError: the data cannot be used; nothing has been trained then.
    """
    from search.proxies import check_proxy
    from search.run import run_search

    ensure_embedded(protocol.settings.embedded)
    folder = check_proxy(protocol.settings.proxy, protocol.settings.batch_size)
    config = portable(protocol.settings.model_dump(mode="json"))
    key = run_key(
        {"task": "search", "protocol": protocol.name, "config": config, "seed": seed, "data": folder.fingerprint()}
    )
    # The key is part of the name: another config or data set is another record, never in this one's way.
    name = f"{protocol.name.removeprefix('search/').replace('/', '-')}-s{seed}-{key[7:15]}"
    existing = places.store.find(record_name(protocol.name, name, seed))
    if existing is not None:
        return existing, False
    work_dir = places.work / protocol.name / name
    with measured(work_dir) as run:
        result = run_search(protocol.settings, work_dir, seed, progress)
    record_path = record_name(protocol.name, name, seed)
    architecture = Architecture(name, result.genotype, protocol.settings.method, (record_path, key))
    save_found(work_dir, architecture)
    values = {
        "supernet_accuracy": result.accuracy,
        "skip_count": result.genotype.skip_count,
        # Days of the device that the record names: GPU-days only where that is a GPU.
        "search_cost": run.seconds / 86_400,
    }
    record = Record.model_validate(
        {
            "schema_version": SCHEMA_VERSION,
            "task": "search",
            "protocol": protocol.name,
            "architecture": architecture.to_json(),
            "method": architecture.method,
            "seed": seed,
            "key": key,
            "reduced": protocol.reduced,
            "config": config,
            "data": {"counts": result.counts, "fingerprint": result.fingerprint},
            "environment": environment.describe(),
            "parents": [],
            "metrics": recorded_metrics(METRICS["search"], values),
            "counts": {"architecture images": result.counts["architecture images"]},
            "cost": {"seconds": run.seconds, "peak_memory": run.peak_memory, "params": result.params},
            "checkpoint": None,
            "started": run.started,
            "finished": run.finished,
        }
    )
    places.store.write(record, places.replace)
    return record, True
