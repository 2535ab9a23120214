"""Experiment trackers: every task gives its numbers to a backend that is registered with mmengine."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mmengine.registry import VISBACKENDS
from mmengine.visualization.vis_backend import BaseVisBackend

from backbones.errors import InputError
from bench.runs.recording import redirected
from bench.runs.run import Evaluation
from bench.tasks.architectures import resolve
from bench.tasks.contract import DataReport, Job
from bench.tasks.registry import load_protocol
from search.training.trackers import TRACKERS, tracker_configs
from tests.bench.conftest import TINY_OPTIONS, TINY_PROTOCOLS
from tests.bench.tasks.test_task_contract import SEARCH_OPTIONS

DATA = DataReport({}, "sha256:" + "d" * 64)
PROTOCOLS = {**TINY_PROTOCOLS, "search": "search/digits_pc_darts"}
OPTIONS: dict[str, tuple[str, ...]] = {**TINY_OPTIONS, "search": SEARCH_OPTIONS}


class KeptInMemory(BaseVisBackend):
    """A tracker that needs no network.

    Attributes:
        kept: of all instances, name, value and step.
        closed: number of instances that were closed.
    """

    kept: list[tuple[str, float, int]] = []
    configs: list[Any] = []
    closed = 0

    @property
    def experiment(self) -> Any:
        return self

    def _init_env(self) -> None:
        pass

    def add_config(self, config: Any, **others: Any) -> None:
        self.configs.append(config)

    def add_scalar(self, name: str, value: Any, step: int = 0, **others: Any) -> None:
        self.kept.append((name, float(value), step))

    def add_scalars(
        self, scalar_dict: dict[str, Any], step: int = 0, file_path: str | None = None, **others: Any
    ) -> None:
        for name, value in scalar_dict.items():
            if isinstance(value, (int, float)):
                self.add_scalar(name, value, step)

    def close(self) -> None:
        type(self).closed += 1


@pytest.fixture
def tracker() -> Iterator[type[KeptInMemory]]:
    VISBACKENDS.register_module(name="KeptInMemory", module=KeptInMemory, force=True)
    KeptInMemory.kept, KeptInMemory.configs, KeptInMemory.closed = [], [], 0
    yield KeptInMemory
    VISBACKENDS.module_dict.pop("KeptInMemory")


@pytest.mark.parametrize(
    ("name", "number"), [("search", "loss"), ("classification", "loss"), ("detection", "loss"), ("reid", "Train/loss")]
)
def test_a_training_s_numbers_reach_the_tracker(
    name: str, number: str, tracker: type[KeptInMemory], on_mini_digits: Path, tmp_path: Path
) -> None:
    task, plain = load_protocol(PROTOCOLS[name], OPTIONS[name])
    _, tracked = load_protocol(PROTOCOLS[name], [*OPTIONS[name], "execution.trackers=['KeptInMemory']"])
    architecture = resolve("PDARTS") if task.needs_architecture else None
    keys = {Evaluation(task, protocol, architecture, 0).key(DATA) for protocol in (plain, tracked)}
    # The run is the same, and is no reduced one.
    assert len(keys) == 1
    assert tracked.recorded == plain.recorded
    assert tracked.reasons(False) == plain.reasons(False)
    folder = tmp_path / "work"
    folder.mkdir()
    with (tmp_path / "log").open("w") as log, redirected(log):
        task.run(Job(tracked, architecture, 0, folder))
    values = [value for key, value, _ in tracker.kept if key.endswith(number) or key.endswith("loss_main")]
    assert values
    assert all(0 < value < 100 for value in values)
    # A search is run from objects, not from a config.
    assert bool(tracker.configs) == (name != "search")
    if name == "reid":
        assert {"Test/wildnas-market1501/rank1", "Test/wildnas-market_folder/rank1"} & {key for key, *_ in tracker.kept}
        assert tracker.closed >= 1


def test_unknown_and_missing_trackers_are_one_line() -> None:
    assert tracker_configs([]) == []
    with pytest.raises(InputError, match=r"execution\.trackers: 'wand': no such tracker; did you mean 'wandb'\?"):
        tracker_configs(["wand"])
    absent = [name for name, (_, package) in TRACKERS.items() if importlib.util.find_spec(package) is None]
    # None is installed with wildnas.
    assert absent
    for name in absent:
        with pytest.raises(InputError, match=rf"'{name}' needs the package {TRACKERS[name][1]}: pip install"):
            tracker_configs([name])
        with pytest.raises(InputError, match=rf"VisBackend' needs the package {TRACKERS[name][1]}: pip install"):
            tracker_configs([TRACKERS[name][0]])
    assert all(VISBACKENDS.get(backend) is not None for backend, _ in TRACKERS.values())
    # mmengine takes no backend twice.
    for name in ("LocalVisBackend", "TensorboardVisBackend"):
        with pytest.raises(InputError, match=rf"execution\.trackers: '{name}': its files are always written"):
            tracker_configs([name])


def test_a_tracker_under_both_of_its_names_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    assert tracker_configs(["wandb", "WandbVisBackend", "wandb"]) == [{"type": "WandbVisBackend"}]


@pytest.mark.parametrize("name", ["classification", "detection", "reid", "search"])
def test_a_missing_tracker_stops_a_run_before_its_training(name: str, on_mini_digits: Path, tmp_path: Path) -> None:
    task, protocol = load_protocol(PROTOCOLS[name], [*OPTIONS[name], "execution.trackers=['neptune']"])
    architecture = resolve("PDARTS") if task.needs_architecture else None
    folder = tmp_path / "work"
    folder.mkdir()
    with (
        (tmp_path / "log").open("w") as log,
        redirected(log),
        pytest.raises(InputError, match=r"execution\.trackers: 'neptune' needs the package neptune"),
    ):
        task.run(Job(protocol, architecture, 0, folder))
    with pytest.raises(InputError, match=r"execution|trackers"):
        load_protocol(PROTOCOLS[name], [*OPTIONS[name], "execution.trackers=3"])
