"""Pipelines over miniature protocols, as a user would write them: own files that inherit those of wildnas."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.records.record import Record
from bench.records.store import RecordStore
from search.configs import config_root, parse_option
from tests.bench.conftest import TINY_OPTIONS, TINY_PROTOCOLS

#: One search, and a random genotype, each retrained and transferred to two tasks.
STAGES = 7


def write_configs(folder: Path, epochs: int = 1) -> Path:
    """A pipeline of one search and one random genotype, each retrained, in a detector and in a re-identifier.

    Args:
        epochs: of retraining and re-identification; a detector's takes much longer, and one is made.
    """
    write_search(folder)
    for task in TINY_PROTOCOLS:
        write_protocol(folder, task, () if task == "detection" else (f"epochs={epochs}",))
    pipeline = f"""task = 'pipeline'
searches = [{str(folder / "tiny_search.py")!r}]
baselines = ['random:0']
retrain = {str(folder / "tiny_classification.py")!r}
transfers = [{str(folder / "tiny_detection.py")!r}, {str(folder / "tiny_reid.py")!r}]
"""
    (folder / "tiny.py").write_text(pipeline)
    return folder / "tiny.py"


def write_search(folder: Path) -> Path:
    search = f"""_base_ = {str(config_root() / "search/digits_pc_darts.py")!r}
embedded = None
proxy = dict(image_size=8, augmentation=dict(crop_padding=0))
nodes = 2
stages = [dict(epochs=2, frozen_epochs=1, layers=3, channels=4)]
batch_size = 128
"""
    (folder / "tiny_search.py").write_text(search)
    return folder / "tiny_search.py"


def write_protocol(folder: Path, task: str, more: Sequence[str] = (), name: str = "") -> Path:
    file = folder / f"tiny_{name or task}.py"
    changes = as_assignments((*TINY_OPTIONS[task], *more))
    file.write_text(f"_base_ = {str(config_root() / TINY_PROTOCOLS[task]) + '.py'!r}\n{changes}\n")
    return file


def write_retraining(folder: Path, *architectures: str, more: str = "", limit: int | None = 128) -> Path:
    """A pipeline that only trains given architectures, by one step each; without a limit, for seconds each."""
    protocol = write_protocol(folder, "classification", () if limit is None else (f"limit={limit}",))
    text = f"task = 'pipeline'\nbaselines = {list(architectures)!r}\nretrain = {str(protocol)!r}\n{more}\n"
    (folder / "retraining.py").write_text(text)
    return folder / "retraining.py"


def as_assignments(options: Sequence[str]) -> str:
    """`a.b=1` and `a.c=2` as `a = {"b": 1, "c": 2}`; the last of several values holds."""
    values: dict[str, Any] = {}
    for key, value in map(parse_option, options):
        *parents, last = key.split(".")
        place = values
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return "\n".join(f"{key} = {value!r}" for key, value in values.items())


def all_records(folder: Path) -> dict[str, Record]:
    found = RecordStore(folder / "results").read_all()
    return {record.name: record for record in found if isinstance(record, Record)}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in (folder / "results/records").rglob("*.json")}
