"""Experiment trackers: mmengine's visualisation backends, by short names (`execution.trackers`).

None is installed with wildnas. TensorBoard's files and mmengine's own are always written and need no name.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import VISBACKENDS

from backbones.errors import InputError
from search.configs import nearest

#: mmengine's backend, and the package that it imports, by the name of a tracker.
TRACKERS = {
    "wandb": ("WandbVisBackend", "wandb"),
    "mlflow": ("MLflowVisBackend", "mlflow"),
    "clearml": ("ClearMLVisBackend", "clearml"),
    "neptune": ("NeptuneVisBackend", "neptune"),
    "dvclive": ("DVCLiveVisBackend", "dvclive"),
    "aim": ("AimVisBackend", "aim"),
}


def tracker_configs(names: Sequence[str]) -> list[dict[str, Any]]:
    """The backends' configs, for a Runner's visualizer.

    Args:
        names: of `TRACKERS`, or of backends that are registered with mmengine.

    Raises:
        InputError: a name is unknown, or its package is not installed.
    """
    packages, found = dict(TRACKERS.values()), []
    for name in names:
        backend = TRACKERS[name][0] if name in TRACKERS else name
        package = packages.get(backend)
        if backend in _OWN:
            raise InputError(f"execution.trackers: {name!r}: its files are always written; leave it out")
        if VISBACKENDS.get(backend) is None:
            raise InputError(f"execution.trackers: {name!r}: no such tracker; {nearest(name, list(TRACKERS))}")
        if package and importlib.util.find_spec(package) is None:
            raise InputError(f"execution.trackers: {name!r} needs the package {package}: pip install {package}")
        found.append(backend)
    return [{"type": backend} for backend in dict.fromkeys(found)]


#: Backends that a training has anyway; mmengine takes none twice.
_OWN = ("LocalVisBackend", "TensorboardVisBackend")


class TrackedWriter:
    """TensorBoard's writer, whose scalars go to trackers as well: for trainings that mmengine does not run."""

    def __init__(self, writer: Any, names: Sequence[str], folder: Path, config: dict[str, Any]) -> None:
        """Args:
        writer: the `SummaryWriter`.
        folder: where trackers keep their files.
        config: what a tracker shows as the run's parameters.
        """
        self.writer = writer
        settings = ({**each, "save_dir": str(folder)} for each in tracker_configs(names))
        self.backends = [VISBACKENDS.build(each) for each in settings]
        for backend in self.backends:
            backend.add_config(Config(config))

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self.writer.add_scalar(name, value, step)
        for backend in self.backends:
            backend.add_scalar(name, value, step)

    def close(self) -> None:
        self.writer.close()
        for backend in self.backends:
            backend.close()
