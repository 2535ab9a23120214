"""Find tasks and protocols by name; a task is imported at its first use, as MMDetection and torchreid take seconds."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from backbones.errors import InputError
from bench.tasks.contract import DataReport, Protocol, Task
from search.configs import load_config, nearest

#: Called with a line that the user should know.
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
    """Import the task with that name.

    Raises:
        InputError: no such task.
    """
    if name not in _HOMES:
        raise InputError(f"{name}: no such task; {nearest(name, task_names())}")
    module, attribute = _HOMES[name]
    task: Task = getattr(importlib.import_module(module), attribute)()
    return task


def with_own_data(name: str, options: Sequence[str], folder: Path | None, work: Path, notice: Notice) -> list[str]:
    """Add the options that make a protocol read a user's folder (`--data FOLDER`), and report what it holds.

    Args:
        folder: None returns the options alone.
        work: the work folder, where data of other formats are converted.

    Raises:
        InputError: no such protocol, or its task does not know the folder's layout.
    """
    if folder is None:
        return list(options)
    values = load_config(name).values
    found = get_task(str(values.get("task"))).own_data(values, folder, work)
    notice(found.found)
    return [*found.options, *options]


def load_protocol(name: str, options: Sequence[str] = (), among: Sequence[str] | None = None) -> tuple[Task, Protocol]:
    """Load a protocol by name or path, with options merged in and every key checked, and its task.

    Args:
        among: names of the tasks that are allowed; None is all.

    Raises:
        InputError: no such protocol, a config of another kind, an unknown key, or a value that cannot be used.
    """
    known = task_names() if among is None else among
    loaded = load_config(name, options, known)
    kind = str(loaded.values.get("task"))
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
    """Check the data of a protocol and open every image, without training.

    Args:
        data: a folder of your own data that replaces the protocol's.
        work: folder for data that are converted from other formats.

    Raises:
        InputError: no such protocol, or data that cannot be used.
    """
    task, protocol = load_protocol(name, with_own_data(name, options, data, work, notice))
    report = task.check(protocol)
    task.look(protocol)
    return report
