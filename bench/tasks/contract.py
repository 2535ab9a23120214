"""The contract of the tasks: the few calls by which pipeline, command and tables know them.

Search, classification, detection and re-identification each subclass `Task`. A task checks the data of a protocol, runs
a job and measures its speed; it knows nothing of records, tables or pipelines. A search's job is given no architecture,
and its outcome gives one; every other job is given one. `tests/bench/tasks/test_task_contract.py` holds the tests that
every task passes.
"""

from __future__ import annotations

import abc
import copy
import functools
import json
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from backbones.errors import InputError
from search.training.progress import ProgressCallback

if TYPE_CHECKING:
    from backbones.cost import Cost
    from backbones.design import Design
    from backbones.genotype import Genotype
    from bench.tasks.architectures import NamedArchitecture
    from bench.tasks.own_data import OwnData
    from bench.tasks.workload import Workload


@dataclass(frozen=True)
class Metric:
    """One number that a task reports; its place in `Task.metrics` is its column in the table.

    Attributes:
        shown: `always`, `present` (where a run in the table has it) or `never`: such a one is in the records only.
    """

    key: str
    label: str
    unit: str
    higher_is_better: bool
    shown: Literal["always", "present", "never"] = "always"

    @property
    def title(self) -> str:
        """The label with the unit, where there is one."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


@dataclass(frozen=True)
class Protocol:
    """One protocol, resolved: a config file with this run's options merged in and validated by its task.

    Attributes:
        name: its path under `configs/` without the suffix, such as `detection/coco_ssd320`.
        path: the config file.
        config: the resolved config, plain JSON-ready values, data roots as they are on this machine.
        options: what `--cfg-options` changed (`key=value`), in order.
        neutral: keys, with all below them, that say how or from where a run is made and not what it is of.
        silent: keys of no effect on the result, which make no other run and are in no record.
    """

    name: str
    path: Path
    config: Mapping[str, Any]
    options: tuple[str, ...] = ()
    neutral: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()

    @property
    def recorded(self) -> dict[str, Any]:
        """The config without its silent keys."""
        config = copy.deepcopy(dict(self.config))
        for key in self.silent:
            *folders, name = key.split(".")
            del functools.reduce(operator.getitem, folders, config)[name]
        return config

    def reasons(self, pretrained: bool, counts: Mapping[str, int] | None = None) -> tuple[str, ...]:
        """Why a run of this protocol is not a full one; none for a full one.

        They are the config's own words (`reduced`), every changed option that is not neutral, missing weights where the
        config says that the protocol starts from pretrained ones (`pretrained`), and data that are not all of the data
        set (`expected`).

        Args:
            counts: the data's, as in `DataReport`; None leaves that reason out.
        """
        missing = self.config.get("pretrained", False) and not pretrained
        return (
            *self.config.get("reduced", ()),
            *changed(self.options, self.neutral),
            *(["not pretrained"] if missing else []),
            *other_data(self.config.get("expected", {}), counts),
        )


def changed(options: Sequence[str], neutral: Sequence[str]) -> list[str]:
    """The options that make a run another one than its config's, in words; neutral keys and all below them do not."""
    return [
        f"option {option}"
        for option in options
        if not any(option.partition("=")[0] == key or option.startswith(f"{key}.") for key in neutral)
    ]


def other_data(expected: Mapping[str, int], counts: Mapping[str, int] | None) -> list[str]:
    """How the data differ from the whole data set, in words."""
    if counts is None:
        return []
    return [
        f"{counts.get(name, 0):,} {name}, not {count:,}"
        for name, count in expected.items()
        if counts.get(name) != count
    ]


@dataclass(frozen=True)
class DataReport:
    """The data of a protocol as found on disk.

    Attributes:
        counts: how many of what, such as `{"train images": 1257}`.
        fingerprint: a digest over the file lists with their sizes; equal data have equal ones wherever they lie.
        per_class: of each part of the data, how many images every class has, where a task has classes.
    """

    counts: Mapping[str, int]
    fingerprint: str
    per_class: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """One protocol under one seed, with the architecture that is trained; a search has none.

    Attributes:
        work_dir: where logs and checkpoints go; a job that was interrupted resumes from what it finds here.
        weights: a checkpoint of `backbones.weights.save` that the backbone starts from; None is from scratch.
        evaluate_only: whether the weights are scored as they are.
        progress: called as the job goes on.
    """

    protocol: Protocol
    architecture: NamedArchitecture | None
    seed: int
    work_dir: Path
    weights: Path | None = None
    evaluate_only: bool = False
    progress: ProgressCallback = field(default=lambda fraction, doing: None)

    @property
    def design(self) -> Design:
        """What the architecture is made from, of a job that is given one."""
        return given(self.architecture).design


def given(architecture: NamedArchitecture | None) -> NamedArchitecture:
    """The architecture that a training and test needs.

    Raises:
        InputError: there is none, as for a search.
    """
    if architecture is None:
        raise InputError("an architecture is missing; only a search does without")
    return architecture


@dataclass(frozen=True)
class Parameters:
    """The cost of a network whose multiply-adds are not told: a supernet's."""

    params: int

    def to_json(self) -> dict[str, int]:
        return {"params": self.params}


@dataclass(frozen=True)
class Drawn:
    """The part of the data that a run has drawn by its seed.

    Attributes:
        counts: how many of what were drawn.
        index: SHA-256 of the file that lists them.
    """

    counts: Mapping[str, int]
    index: str


@dataclass(frozen=True)
class Outcome:
    """What came out of a job.

    Attributes:
        metrics: a value for every metric of the task, in the metric's unit; one that is undefined on the data (no large
            object to find) is left out.
        counts: on how many images, queries, … the metrics were computed.
        cost: parameters and multiply-adds at the size it was run at: of the classifier, or, as in the papers' tables,
            of a detector's or re-identifier's backbone alone; of a search the supernet's parameters.
        checkpoint: the trained network, written by `backbones.weights.save`, or None where a task leaves none.
        whole: parameters and multiply-adds of the whole network, where `cost` is its backbone's.
        unchanged: those of the backbone as the paper's table counts it, where the run's has another stride or size.
        pace: how fast the training went, where that was measured.
        curve: a file with a line of JSON for every epoch, kept beside the record.
        resolved: what the config has left to the run, such as the width that `fit` has come to; plain values.
        genotype: what a search has found.
        drawn: the images of a run that draws some; None is all of them.
        peak_memory: bytes that the job knows of beside what is measured from outside, such as an interrupted try's.
    """

    metrics: Mapping[str, float]
    counts: Mapping[str, int]
    cost: Cost | Parameters
    checkpoint: Path | None = None
    whole: Cost | None = None
    unchanged: Cost | None = None
    pace: TrainingPace | None = None
    curve: Path | None = None
    resolved: Mapping[str, Any] = field(default_factory=dict)
    genotype: Genotype | None = None
    drawn: Drawn | None = None
    peak_memory: int = 0


@dataclass(frozen=True)
class TrainingPace:
    """The medians over a training's epochs, without validation."""

    seconds_per_epoch: float
    images_per_second: float


@dataclass(frozen=True)
class Speed:
    """Images per second over several repetitions after a warm-up: the median of each list is what to quote.

    Attributes:
        device, precision: on what, and in which numbers.
        latency: seconds of each pass over a single image, where that was measured.
        peak_memory: bytes; of the GPU where there is one, else what the process grew by.
        sample: some of the numbers that were computed, from a fixed seed, so that two ways to compute can be compared.
    """

    batch_size: int
    train_images_per_second: Sequence[float]
    inference_images_per_second: Sequence[float]
    device: str = ""
    precision: str = "fp32"
    latency: Sequence[float] = ()
    peak_memory: int = 0
    sample: Sequence[float] = ()

    @classmethod
    def of(
        cls, batch_size: int, train_seconds: Sequence[float], inference_seconds: Sequence[float], **others: Any
    ) -> Speed:
        """The speed of steps on one batch, from their seconds."""
        train, inference = ([batch_size / step for step in steps] for steps in (train_seconds, inference_seconds))
        return cls(batch_size, train, inference, **others)


class Task(abc.ABC):
    """A kind of run: a search, or a training and test of an architecture."""

    name: ClassVar[str]
    #: Raised when a change of the code changes what a protocol's numbers mean: runs of other versions are other runs.
    version: ClassVar[int] = 1
    title: ClassVar[str]
    metrics: ClassVar[tuple[Metric, ...]]
    #: Whether a job is given the architecture; a search's outcome gives one instead.
    needs_architecture: ClassVar[bool] = True
    #: Whether weights can be scored without training (`Job.evaluate_only`).
    scores_weights: ClassVar[bool] = False
    #: Whether a run may start from given weights.
    takes_weights: ClassVar[bool] = True
    #: Whether one job can run in several processes (`search.training.parallel`).
    distributed: ClassVar[bool] = False
    #: Keys of every config of the task that change no result.
    silent: ClassVar[tuple[str, ...]] = ()

    def neutral(self, config: Mapping[str, Any]) -> tuple[str, ...]:
        """The keys of a config that say how, or from where, a run is made: one that changes them is no reduced run."""
        return ()

    @abc.abstractmethod
    def validate(self, config: Mapping[str, Any], where: str) -> dict[str, Any]:
        """Return the config with defaults filled in, plain JSON-ready values.

        Raises:
            InputError: a key is unknown or a value cannot be used; names `where` and the key.
        """

    def method(self, protocol: Protocol) -> str:
        """The method by which a run of the protocol finds its genotype, as a table names it."""
        raise InputError(f"{protocol.name}: finds no architecture; it needs one")

    def spent(self, device_seconds: float) -> dict[str, float]:
        """Those of the metrics that are told by how long a run has taken, all its devices together."""
        return {}

    def config_text(self, protocol: Protocol, architecture: NamedArchitecture) -> str:
        """The resolved protocol as a text to take away; for detection a config of MMDetection."""
        return json.dumps({**protocol.config, "architecture": architecture.to_json()}, indent=1, ensure_ascii=False)

    def divided(self, protocol: Protocol, parts: int) -> Protocol:
        """The protocol with every batch computed in so many times as many parts, for a GPU that it does not fit.

        Raises:
            InputError: the task has no such thing, or the batch does not divide.
        """
        raise InputError(f"{self.name} cannot compute a batch in parts")

    @abc.abstractmethod
    def check(self, protocol: Protocol) -> DataReport:
        """Look at the protocol's data without training anything.

        Raises:
            InputError: data are missing or not in the expected layout; names the folder or file.
        """

    def look(self, protocol: Protocol) -> None:
        """Open every image of the protocol's data, where `check` does not: `wildnas data check` asks for it.

        Raises:
            InputError: an image cannot be read; names the first few.
        """
        return None

    def own_data(self, config: Mapping[str, Any], folder: Path, work: Path) -> OwnData:
        """What a user's folder holds, and the options that make a config of this task read it.

        Args:
            work: where a data set of another format is written in the task's own.

        Raises:
            InputError: the folder is not laid out as any that the task knows.
        """
        raise InputError(f"--data: {self.name} reads its own data only")

    @abc.abstractmethod
    def run(self, job: Job) -> Outcome:
        """Search, or train and score the job's architecture; resume what an interrupted run left in `job.work_dir`.

        In several processes (`distributed`) all of them call this, and the first one writes what it leaves.
        """

    @abc.abstractmethod
    def workload(
        self, protocol: Protocol, architecture: NamedArchitecture | None, counts: Mapping[str, int]
    ) -> Workload:
        """How much a training computes; no data are looked at.

        Args:
            counts: of the data, as in `DataReport`, or empty where these are not there; then the config's `expected`
                counts stand for them.

        Raises:
            InputError: neither tells how many training images there are, or the protocol is of another architecture.
        """

    @abc.abstractmethod
    def speed(
        self, protocol: Protocol, architecture: NamedArchitecture | None, batch_size: int, repetitions: int = 5
    ) -> Speed:
        """Time one training step and one inference step on made images of the protocol's size."""
