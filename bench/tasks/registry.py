"""The tasks by name. Each is imported when it is first asked for: MMDetection and torchreid take seconds."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from backbones.errors import InputError
from bench.tasks.contract import DataReport, Protocol, Task
from bench.tasks.own_data import OwnData
from search.configs import load_config, nearest

#: Is told what a user should know, a line each.
Notice = Callable[[str], None]

_HOMES = {
    "search": ("bench.searches.task", "SearchTask"),
    "classification": ("bench.classification.task", "ClassificationTask"),
    "detection": ("bench.detection.task", "DetectionTask"),
    "reid": ("bench.reid.task", "ReidTask"),
    "zerocost": ("bench.zerocost.task", "ZerocostTask"),
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
    return get_task(str(values.get("task"))).own_data(values, folder, work)


def with_own_data(name: str, options: Sequence[str], folder: Path | None, work: Path, notice: Notice) -> list[str]:
    """The options of a protocol with those of `own_data` before them; `notice` is told what the folder holds."""
    if folder is None:
        return list(options)
    found = own_data(name, folder, work)
    notice(found.found)
    return [*found.options, *options]


def load_protocol(name: str, options: Sequence[str] = (), among: Sequence[str] | None = None) -> tuple[Task, Protocol]:
    """A task's protocol by name or path, with options merged in and every key checked.

    Args:
        among: the names of the tasks that it may be of; None is all.

    Raises:
        InputError: no such protocol, a config of something else, an unknown key, or a value that cannot be used.
    """
    loaded = load_config(name, options)
    kind = str(loaded.values.get("task"))
    known = task_names() if among is None else among
    if kind not in known:
        expected = repr(known[0]) if len(known) == 1 else f"one of {', '.join(known)}"
        raise InputError(f"{loaded.path}: key 'task' is {kind!r}; expected {expected}")
    task = get_task(kind)
    config = task.validate(loaded.values, str(loaded.path))
    name, neutral = loaded.protocol(kind), task.neutral(config)
    return task, Protocol(name, loaded.path, config, loaded.options, neutral, task.silent)


def check_data(
    name: str,
    options: Sequence[str] = (),
    data: Path | None = None,
    work: Path = Path("work"),
    notice: Notice = warnings.warn,
) -> DataReport:
    """Look at the data of a protocol by name and open every image, without training.

    Args:
        data: a folder of one's own in the place of the protocol's data.
        work: where data of other formats are converted.

    Raises:
        InputError: no such protocol, or data that cannot be used.
    """
    task, protocol = load_protocol(name, with_own_data(name, options, data, work, notice))
    report = task.check(protocol)
    task.look(protocol)
    return report
