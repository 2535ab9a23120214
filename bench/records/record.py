"""Records: one JSON file for every finished run, the only thing that passes between a run and a table.

The path of a record is its key: `<results>/records/<task>/<protocol>/<architecture>/seed<k>.json`. A record is written
whole or not at all, and never overwritten by a different run.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, model_validator

from backbones.genotype import Genotype
from bench.records.versions import SCHEMA_VERSION as SCHEMA_VERSION
from search.configs import Schema

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
        unchanged: the backbone's as the paper's table counts it, where the run's is another one or at another size: for
            re-identification at 224 × 224 with its last halving left in (P-DARTS Table 5). Null in records from before
            it was counted.
        seconds_per_epoch, images_per_second: medians over the training's epochs, validation not counted.
    """

    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    peak_memory: Count
    whole: NetworkCost | None = None
    #: Left out where it was not counted, so that a record from before is written as it was.
    unchanged: NetworkCost | None = Field(default=None, exclude_if=lambda cost: cost is None)
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


def schema() -> dict[str, Any]:
    """The JSON schema of a record."""
    return Record.model_json_schema()
