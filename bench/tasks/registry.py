"""The tasks by name. Each is imported when it is first asked for: MMDetection and torchreid take seconds."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from backbones.errors import InputError
from bench.tasks.contract import Protocol, Task
from bench.tasks.own_data import OwnData, search_data
from search.configs import load_config, nearest

_HOMES = {
    "classification": ("bench.classification.task", "ClassificationTask"),
    "detection": ("bench.detection.task", "DetectionTask"),
    "reid": ("bench.reid.task", "ReidTask"),
}


def task_names() -> tuple[str, ...]:
    return tuple(_HOMES)


@cache
def get_task(name: str) -> Task:
    """The task of that name.

    Raises:
        InputError: there is none.
    """
    if name not in _HOMES:
        raise InputError(f"{name}: no such task; {nearest(name, task_names())}")
    module, attribute = _HOMES[name]
    task: Task = getattr(importlib.import_module(module), attribute)()
    return task


def own_data(name: str, folder: Path, work: Path) -> OwnData:
    """What a folder holds for a protocol, and the options that make the protocol read it (`--data FOLDER`).

    Args:
        name: of a task's protocol or a search's, or the path of one.
        work: the work folder, where data sets of other formats are converted.

    Raises:
        InputError: no such protocol, or the folder is not laid out as any that its task knows.
    """
    values = load_config(name).values
    if values.get("task") == "search":
        return search_data(values, folder)
    return get_task(str(values.get("task"))).own_data(values, folder, work)


def load_protocol(name: str, options: Sequence[str] = ()) -> tuple[Task, Protocol]:
    """A task's protocol by name or path, with options merged in and every key checked.

    Raises:
        InputError: no such protocol, a config of something else, an unknown key, or a value that cannot be used.
    """
    loaded = load_config(name, options)
    kind = loaded.values.get("task")
    if kind not in _HOMES:
        raise InputError(f"{loaded.path}: key 'task' is {kind!r}; a protocol to evaluate on is one of {task_names()}")
    task = get_task(kind)
    config = task.validate(loaded.values, str(loaded.path))
    name, neutral = loaded.protocol(kind), task.neutral(config)
    return task, Protocol(name, loaded.path, config, loaded.options, neutral, task.silent)
