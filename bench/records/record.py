"""Records: one JSON file for every finished run, the only thing that passes between a run and a table.

The path of a record is its key: `<results>/records/<task>/<protocol>/<architecture>/seed<k>.json`. A record is written
whole or not at all, and never overwritten by a different run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, ValidationError, model_validator

from backbones.errors import InputError
from backbones.files import read_json, write_text
from backbones.genotype import Genotype
from bench.records.sections import Sections
from bench.records.versions import SCHEMA_VERSION as SCHEMA_VERSION
from bench.records.versions import migrated
from search.configs import Schema, first_problem

Finite = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}(,sha256:[0-9a-f]{64})*$")]


class RecordedArchitecture(Schema):
    """The architecture of a run: its name (safe as a folder name), and its genotype or the name of a timm model.

    `digest` is the genotype's, or null for a timm model.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    genotype: dict[str, Any] | None
    timm: str | None = None
    digest: str | None
    #: An architecture that many records share is looked at once, though every record asks.
    _sound: bool = PrivateAttr(default=False)

    @model_validator(mode="after")
    def _is_one_of_both(self) -> RecordedArchitecture:
        if self._sound:
            return self
        if (self.genotype is None) == (self.timm is None):
            raise ValueError("an architecture is a genotype or a timm model: one of both keys is null")
        digest = None if self.genotype is None else Genotype.from_json(self.genotype, where="genotype").digest
        if digest != self.digest:
            raise ValueError("digest is not that of the genotype")
        self._sound = True
        return self


class RecordedMetric(Schema):
    """A number that came out, with its unit and direction."""

    value: Finite
    unit: str
    higher_is_better: bool


class RecordedData(Schema):
    """The data of a run: how many of what, and a digest over the file lists.

    Attributes:
        index: of the file that lists the images which a search drew by its seed; `fingerprint` is of all.
        per_class: of each part, how many images every class has: one number where it is the same for all.
    """

    counts: dict[str, Count]
    fingerprint: Digest
    index: Digest | None = None
    per_class: dict[str, Count | dict[str, Count]] = {}


Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class NetworkCost(Schema):
    """A network's parameters and multiply-adds; `published_macs` are in the papers' convention."""

    params: Count
    macs: Count | None = None
    published_macs: Count | None = None


class RecordedCost(NetworkCost):
    """What a run cost: wall-clock seconds, peak memory in bytes, and the network's parameters and multiply-adds.

    Attributes:
        whole: the whole network's, where the record's own are its backbone's.
        seconds_per_epoch, images_per_second: medians over the training's epochs, validation not counted.
    """

    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    peak_memory: Count
    whole: NetworkCost | None = None
    seconds_per_epoch: Positive | None = None
    images_per_second: Positive | None = None


class Parent(Schema):
    """A run that this one started from: `search` gave the genotype, `weights` the initial weights."""

    role: Literal["search", "weights"]
    record: str
    key: Digest


class InitialWeights(Schema):
    """The weights that a run started from: the file's SHA-256, and the record of the run that left it, where known.

    The digest is null in records from before it was kept.
    """

    sha256: Digest | None
    record: str | None


class Checkpoint(Schema):
    """The weights that a run left: a path below the work folder, and the file's SHA-256."""

    path: str
    sha256: Digest


class Record(Schema):
    """A finished run (schema version 2; `bench.records.versions` reads earlier ones).

    Attributes:
        version: of the task's code (`Task.version`).
        key: SHA-256 of all that determines the result; equal keys are the same run.
        reduced: why this is not a full run of its protocol; empty for a full one. No table shows the two unmarked.
        method: how the architecture was found, as a table names it (`PC-DARTS`, `published`, `random`, `given`).
        config: the resolved config, with data folders written as `$WILDNAS_DATA`.
        counts: on how many images, queries, … the metrics were computed.
        resolved: what the config has left to the run, such as a width that was fitted.
        curve: SHA-256 of the file beside the record that has a line of JSON for every epoch (`curve_path`).
        environment: versions, device and git commit.
    """

    schema_version: Literal[2]
    task: str
    version: Count
    protocol: str
    architecture: RecordedArchitecture
    method: str
    seed: Count
    key: Digest
    reduced: list[str]
    config: dict[str, Any]
    data: RecordedData
    environment: dict[str, Any]
    parents: list[Parent]
    initial_weights: InitialWeights | None
    metrics: dict[str, RecordedMetric]
    counts: dict[str, Count]
    cost: RecordedCost
    checkpoint: Checkpoint | None = None
    resolved: dict[str, Any] = {}
    curve: Digest | None = None
    started: str
    finished: str

    @model_validator(mode="after")
    def _protocol_is_of_the_task(self) -> Record:
        if not self.protocol.startswith(f"{self.task}/"):
            raise ValueError(f"protocol {self.protocol!r} is not one of task {self.task!r}")
        return self

    @property
    def name(self) -> str:
        """The record's path below `records/`, without the suffix."""
        return record_name(self.protocol, self.architecture.name, self.seed)

    def to_text(self) -> str:
        return json.dumps(self.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def record_name(protocol: str, architecture: str, seed: int) -> str:
    """`<task>/<protocol>/<architecture>/seed<k>`; a protocol's name begins with its task."""
    return f"{protocol}/{architecture}/seed{seed}"


class RecordStore:
    """The records below a results folder."""

    def __init__(self, results: Path) -> None:
        self.results = results
        self.root = results / "records"

    def path(self, name: str) -> Path:
        return self.root / f"{name}.json"

    def find(self, name: str) -> Record | None:
        """The record of that name, or None.

        Raises:
            InputError: the file is malformed.
        """
        path = self.path(name)
        return read_record(path) if path.is_file() else None

    def find_run(self, name: str, key: str) -> Record | None:
        """The record of that name if it is that run's, or None.

        Raises:
            InputError: the file is malformed.
        """
        record = self.find(name)
        return record if record is not None and record.key == key else None

    def curve_path(self, name: str) -> Path:
        """Where the training curve of the record of that name is, if it has one: a line of JSON for every epoch."""
        return self.root / f"{name}.curve.jsonl"

    def write(self, record: Record, replace: bool = False, curve: Path | None = None) -> Path:
        """Write a record, and its training curve beside it before; each file appears whole or not at all.

        Args:
            curve: the file of which the record has the digest.
            replace: whether a different run's record of the same name may be moved aside, into `<results>/replaced/`.

        Raises:
            InputError: the name holds a different run's record and `replace` is off, or the folder cannot be written.
        """
        path = self.path(record.name)
        existing = self.find(record.name)
        refuse_other_run(path, existing, record.key, replace)
        try:
            if existing is not None and existing.key != record.key:
                self._move_aside(existing)
            if curve is not None:
                write_text(self.curve_path(record.name), curve.read_text(encoding="utf-8"))
            write_text(path, record.to_text())
        except OSError as error:
            raise InputError(f"{path}: cannot be written: {error.strerror}") from error
        return path

    def find_aside(self, name: str, key: str) -> Record | None:
        """The record of that name and key that has been moved aside, or None."""
        path = self._aside(name, key)
        if not path.is_file():
            return None
        record = parse_record(path)
        return record if (record.name, record.key) == (name, key) else None

    def bring_back(self, record: Record) -> None:
        """Put a record that has been moved aside in its place again; a different one that is there is moved aside."""
        aside, existing = self._aside(record.name, record.key), self.find(record.name)
        if existing is not None and existing.key != record.key:
            self._move_aside(existing)
        curve = aside.with_name(f"{aside.stem}.curve.jsonl")
        self.path(record.name).parent.mkdir(parents=True, exist_ok=True)
        if curve.is_file():
            os.replace(curve, self.curve_path(record.name))
        os.replace(aside, self.path(record.name))

    def _aside(self, name: str, key: str) -> Path:
        return self.results / "replaced" / f"{name}-{key[7:15]}.json"

    def _move_aside(self, record: Record) -> None:
        aside = self._aside(record.name, record.key).with_suffix("")
        aside.parent.mkdir(parents=True, exist_ok=True)
        os.replace(self.path(record.name), aside.with_name(f"{aside.name}.json"))
        curve = self.curve_path(record.name)
        if curve.is_file():
            os.replace(curve, aside.with_name(f"{aside.name}.curve.jsonl"))

    def read_sound(self, task: str | None = None) -> tuple[list[Record], list[str]]:
        """The records that can be read, all or those of one task, and what is wrong with each of the others."""
        records, problems = [], []
        for record in self.read_all(task):
            if isinstance(record, InputError):
                problems.append(str(record))
            else:
                records.append(record)
        return records, problems

    def read_all(self, task: str | None = None) -> Iterator[Record | InputError]:
        """All records, or those of one task, in the order of their names; a broken one is given as its error."""
        read = QuickReader()
        for path in record_files(self.root / task if task else self.root):
            try:
                yield read(path)
            except InputError as error:
                yield error


def record_files(folder: Path) -> list[str]:
    """The paths of all records below a folder, sorted."""
    return sorted(
        os.path.join(place, name)
        for place, _, names in os.walk(folder)
        for name in names
        if name.startswith("seed") and name.endswith(".json")
    )


class QuickReader:
    """`read_record` for thousands of records: each configuration, architecture, … that they share is checked once."""

    def __init__(self) -> None:
        self._sections = Sections(
            {"architecture": RecordedArchitecture.model_validate, "data": RecordedData.model_validate}
        )

    def __call__(self, path: str) -> Record:
        """Read one record; raises as `read_record` does."""
        try:
            with open(path, encoding="utf-8") as stream:
                content = self._sections.parse(stream.read())
            record = Record.model_validate(
                content if content["schema_version"] == SCHEMA_VERSION else migrated(content)
            )
        except (OSError, ValueError, LookupError, RecursionError):
            # Laid out in another way, or broken: the plain reader says which, and where.
            return read_record(Path(path))
        _in_its_place(path, record)
        return record


def refuse_other_run(path: Path, existing: Record | None, key: str, replace: bool) -> None:
    """Refuse to lose the record of a different run."""
    if existing is not None and existing.key != key and not replace:
        raise InputError(
            f"{path}: holds the record of a different run (another config, data or parent); "
            "--replace moves it to replaced/, --results keeps it and writes elsewhere"
        )


def read_record(path: Path) -> Record:
    """Read one record.

    Raises:
        InputError: not JSON, a key that is missing, unknown or of the wrong type, or a file whose place does not fit
            what it says; names file and key.
    """
    record = parse_record(path)
    _in_its_place(path.as_posix(), record)
    return record


def parse_record(path: Path) -> Record:
    """Read a record wherever it lies.

    Raises:
        InputError: not JSON, or a key that is missing, unknown or of the wrong type; names file and key.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise InputError(f"{path}: a record is a JSON object")
    try:
        return Record.model_validate(migrated(content))
    except ValidationError as error:
        raise InputError(f"{path}: {first_problem(error, Record)}") from error
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error


def _in_its_place(path: str, record: Record) -> None:
    if not path.endswith(f"{record.name}.json"):
        raise InputError(f"{path}: says that it is {record.name}; the path of a record is its key")


def schema() -> dict[str, Any]:
    """The JSON schema of a record."""
    return Record.model_json_schema()
