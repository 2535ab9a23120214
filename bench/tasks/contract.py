"""Interface between the tasks and everything else.

Search, classification, detection, re-identification and zero-cost each subclass `Task`. A task checks the data of a
protocol, runs a job and measures its speed; it does not know records, tables or pipelines. A search's job has no
architecture and its outcome has one; for all others it is the reverse. Every task passes the tests in
`tests/bench/tasks/test_task_contract.py`.
"""

from __future__ import annotations

import abc
import copy
import functools
import json
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from backbones.errors import InputError
from search.training.progress import ProgressCallback

if TYPE_CHECKING:
    from backbones.cost import Cost
    from backbones.design import Design
    from backbones.genotype import Genotype
    from backbones.pretrained import Normalisation
    from bench.tasks.architectures import NamedArchitecture
    from bench.tasks.own_data import OwnData
    from bench.tasks.workload import Workload


@dataclass(frozen=True)
class Metric:
    """One number that a task reports; the order in `Task.metrics` is the order of the table's columns.

    Attributes:
        shown: `always`, `present` (if a run in the table has it) or `never` (in the records only).
    """

    key: str
    label: str
    unit: str
    higher_is_better: bool
    shown: Literal["always", "present", "never"] = "always"

    @property
    def title(self) -> str:
        """Label with the unit, if any."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


@dataclass(frozen=True)
class Protocol:
    """One protocol, resolved: a config file with this run's options merged in and validated by its task.

    Attributes:
        name: its path under `configs/` without the suffix, such as `detection/coco_ssd320`.
        path: the config file.
        config: the resolved config as plain values, with this machine's data roots.
        options: the changes of `--cfg-options` (`key=value`), in order.
        neutral: keys, with all below them, that change execution or data location but do not make a run a reduced one.
        silent: keys that do not change the result; they are in no key and no record.
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
        """Reasons why a run of this protocol is reduced; none for a full run.

        They are the config's `reduced`, every changed option that is not neutral, missing weights if the config
        is `pretrained`, and counts of the data that differ from the config's `expected`.

        Args:
            counts: as in `DataReport`; None skips the comparison with `expected`.
        """
        missing = self.config.get("pretrained", False) and not pretrained
        return (
            *self.config.get("reduced", ()),
            *changed(self.options, self.neutral),
            *(["not pretrained"] if missing else []),
            *other_data(self.config.get("expected", {}), counts),
        )


def changed(options: Sequence[str], neutral: Sequence[str]) -> list[str]:
    """Options that make a run a reduced one, in words: those that are neither neutral keys nor below one."""
    return [
        f"option {option}"
        for option in options
        if not any(option.partition("=")[0] == key or option.startswith(f"{key}.") for key in neutral)
    ]


def other_data(expected: Mapping[str, int], counts: Mapping[str, int] | None) -> list[str]:
    """Differences between the data and the whole data set, in words."""
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
        counts: numbers by name, such as `{"train images": 1257}`.
        fingerprint: a digest over the file lists with their sizes; it does not depend on the folder.
        per_class: for each part of the data the number of images in every class, if a task has classes.
    """

    counts: Mapping[str, int]
    fingerprint: str
    per_class: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """One protocol under one seed, with the architecture to train; a search has none.

    Attributes:
        work_dir: folder of logs and checkpoints; an interrupted job resumes from them.
        weights: a checkpoint of `backbones.weights.save` with initial weights; None is from scratch.
        new_classifier: whether a classifier that the weights lack, or have for other classes, is trained from scratch.
        evaluate_only: whether the weights are scored without training.
        progress: called with the fraction that is done and the present activity.
    """

    protocol: Protocol
    architecture: NamedArchitecture | None
    seed: int
    work_dir: Path
    weights: Path | None = None
    evaluate_only: bool = False
    progress: ProgressCallback = field(default=lambda fraction, doing: None)
    new_classifier: bool = False

    @property
    def design(self) -> Design:
        """The architecture's genotype or timm model."""
        return given(self.architecture).design


def given(architecture: NamedArchitecture | None) -> NamedArchitecture:
    """The architecture, which every task but a search needs.

    Raises:
        InputError: it is None.
    """
    if architecture is None:
        raise InputError("an architecture is missing; every task but a search needs one")
    return architecture


@dataclass(frozen=True)
class Parameters:
    """Cost of a supernet: its parameters alone."""

    params: int

    def to_json(self) -> dict[str, int]:
        return {"params": self.params}


@dataclass(frozen=True)
class Drawn:
    """The part of the data that a run has drawn by its seed.

    Attributes:
        counts: numbers of what was drawn, by name.
        index: SHA-256 of the file that lists them.
    """

    counts: Mapping[str, int]
    index: str


@dataclass(frozen=True)
class Outcome:
    """Result of a job.

    Attributes:
        metrics: a value for every metric of the task, in the metric's unit; one that is undefined on the data (no large
            object to find) is missing.
        counts: numbers of images, queries, … that the metrics were computed on.
        cost: parameters and multiply-adds at the run's input size: of a classifier; of the backbone alone of a detector
            or re-identifier, as in the papers' tables; of a search the supernet's parameters.
        checkpoint: the trained network, written by `backbones.weights.save`, if the task leaves one.
        whole: parameters and multiply-adds of the whole network, if `cost` is its backbone's.
        unchanged: cost of the backbone as in the paper's table, if the run's has another stride or size.
        pace: speed of the training, if measured.
        curve: a file with a line of JSON for every epoch, kept beside the record.
        resolved: values that the config leaves to the run, such as a fitted width.
        genotype: the genotype that a search has found.
        drawn: the images of a run that draws a sample; None is all of them.
        peak_memory: bytes that the measurement from outside misses, such as an interrupted run's.
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
    """Medians over a training's epochs, without validation."""

    seconds_per_epoch: float
    images_per_second: float


@dataclass(frozen=True)
class Speed:
    """Images per second of several repetitions after a warm-up; quote the median of each list.

    Attributes:
        latency: seconds of each pass over a single image, if measured.
        peak_memory: bytes; of the GPU if there is one, else the growth of the process.
        sample: some computed numbers from a fixed seed, to compare two implementations.
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
        """Build from the seconds of steps on one batch."""
        train, inference = ([batch_size / step for step in steps] for steps in (train_seconds, inference_seconds))
        return cls(batch_size, train, inference, **others)


class Task(abc.ABC):
    """A kind of run: a search, or a training and test of an architecture."""

    name: ClassVar[str]
    #: Increase it when a change of the code changes the meaning of a protocol's numbers: it is part of a run's key.
    version: ClassVar[int] = 1
    title: ClassVar[str]
    metrics: ClassVar[tuple[Metric, ...]]
    #: Whether a job has an architecture; a search's outcome has one instead.
    needs_architecture: ClassVar[bool] = True
    #: Whether weights can be scored without training (`Job.evaluate_only`).
    scores_weights: ClassVar[bool] = False
    #: Whether a run can start from given weights.
    takes_weights: ClassVar[bool] = True
    #: Whether one job can run in several processes (`search.training.parallel`).
    distributed: ClassVar[bool] = False
    #: Keys of the task's configs that do not change the result (`Protocol.silent`).
    silent: ClassVar[tuple[str, ...]] = ()

    def neutral(self, config: Mapping[str, Any]) -> tuple[str, ...]:
        """Keys that change execution or data location, not the result (`Protocol.neutral`)."""
        return ()

    @abc.abstractmethod
    def validate(self, config: Mapping[str, Any], where: str) -> dict[str, Any]:
        """Return the config with defaults filled in, plain JSON-ready values.

        Raises:
            InputError: a key is unknown or a value cannot be used; names `where` and the key.
        """

    def method(self, protocol: Protocol) -> str:
        """Method of a search protocol, as a table names it."""
        raise InputError(f"{protocol.name}: is not a search; it needs an architecture")

    def spent(self, device_seconds: float) -> dict[str, float]:
        """Metrics that follow from a run's duration, summed over its devices."""
        return {}

    def config_text(self, protocol: Protocol, architecture: NamedArchitecture) -> str:
        """Resolved protocol as text; for detection a config of MMDetection."""
        return json.dumps({**protocol.config, "architecture": architecture.to_json()}, indent=1, ensure_ascii=False)

    def normalisation(self, config: Mapping[str, Any]) -> Normalisation | None:
        """Mean and deviation by which a config normalises images; None if it does not."""
        return None

    def normalised(self, protocol: Protocol, by: Normalisation) -> Protocol:
        """Protocol that normalises images as given weights need it; unchanged where it does so already."""
        own = self.normalisation(protocol.config)
        if own is not None and own.is_close(by):
            return protocol
        config = copy.deepcopy(dict(protocol.config))
        self.set_normalisation(config, by)
        return replace(protocol, config=config)

    def set_normalisation(self, config: dict[str, Any], by: Normalisation) -> None:
        """Write mean and deviation into a config.

        Raises:
            InputError: the task takes no weights.
        """
        raise InputError(f"{self.name} starts from no weights")

    def divided(self, protocol: Protocol, parts: int) -> Protocol:
        """Protocol with every batch divided into `parts` times as many parts, for a GPU that it does not fit.

        Raises:
            InputError: the task does not support it, or the batch cannot be divided evenly.
        """
        raise InputError(f"{self.name} cannot compute a batch in parts")

    @abc.abstractmethod
    def check(self, protocol: Protocol) -> DataReport:
        """Check the protocol's data without training.

        Raises:
            InputError: data are missing or not in the expected layout; names the folder or file.
        """

    def look(self, protocol: Protocol) -> None:
        """Open every image that `check` does not open, for `wildnas data check`.

        Raises:
            InputError: an image cannot be read; names the first few.
        """
        return None

    def own_data(self, config: Mapping[str, Any], folder: Path, work: Path) -> OwnData:
        """Recognise the data in a user's folder, and give the options that make a config of this task read them.

        Args:
            work: folder for data that are converted to the task's format.

        Raises:
            InputError: the folder's layout is unknown.
        """
        raise InputError(f"data: {self.name} supports its protocols' data only; leave your folder out")

    @abc.abstractmethod
    def run(self, job: Job) -> Outcome:
        """Search, or train and score the job's architecture; resume an interrupted run in `job.work_dir`.

        Each of several processes (`distributed`) calls this; the first one writes the files.
        """

    @abc.abstractmethod
    def workload(
        self, protocol: Protocol, architecture: NamedArchitecture | None, counts: Mapping[str, int]
    ) -> Workload:
        """Count the arithmetic of a training, without reading data.

        Args:
            counts: as in `DataReport`; empty if the data are missing, which uses the config's `expected` instead.

        Raises:
            InputError: the number of training images is unknown, or the protocol is for another architecture.
        """

    @abc.abstractmethod
    def speed(
        self, protocol: Protocol, architecture: NamedArchitecture | None, batch_size: int, repetitions: int = 5
    ) -> Speed:
        """Time training steps and inference steps on synthetic images of the protocol's size."""
