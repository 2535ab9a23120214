"""Schema of records, one JSON file for every finished run; tables read nothing else.

The path of a record is its name: `<results>/records/<task>/<protocol>/<architecture>/seed<k>.json`. A record is written
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
    #: Set after validation, so that an architecture that many records share is validated once.
    _sound: bool = PrivateAttr(default=False)

    @model_validator(mode="after")
    def _is_one_of_both(self) -> RecordedArchitecture:
        if self._sound:
            return self
        if (self.genotype is None) == (self.timm is None):
            raise ValueError("expected either a genotype or a timm model: one of both keys must be null")
        digest = None if self.genotype is None else Genotype.from_json(self.genotype, where="genotype").digest
        if digest != self.digest:
            raise ValueError("digest: expected that of the genotype")
        self._sound = True
        return self


class RecordedMetric(Schema):
    """Value of a metric, with its unit and direction."""

    value: Finite
    unit: str
    higher_is_better: bool


class RecordedData(Schema):
    """The data of a run: counts, and a digest over the file lists.

    Attributes:
        index: digest of the file that lists the images of a search's sample; `fingerprint` is of all images.
        per_class: for each part the number of images in every class: one number if all are equal.
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
    """Cost of a run: wall-clock seconds, peak memory in bytes, and the network's parameters and multiply-adds.

    Attributes:
        whole: cost of the whole network, if the record's own is its backbone's.
        unchanged: cost of the backbone as in the paper's table, if the run's has another stride or size: for
            re-identification at 224 × 224 with the last halving left in (P-DARTS Table 5). Null in older records.
        seconds_per_epoch, images_per_second: medians over the training's epochs, without validation.
    """

    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    peak_memory: Count
    whole: NetworkCost | None = None
    #: Not written if null, so that an older record is written unchanged.
    unchanged: NetworkCost | None = Field(default=None, exclude_if=lambda cost: cost is None)
    seconds_per_epoch: Positive | None = None
    images_per_second: Positive | None = None


class Parent(Schema):
    """A run that this one started from: `search` gave the genotype, `weights` the initial weights."""

    role: Literal["search", "weights"]
    record: str
    key: Digest


class InitialWeights(Schema):
    """Initial weights of a run: SHA-256 of the file, and the record of the run that wrote it, if known.

    The digest is null in older records.

    Attributes:
        card: name of the card of pretrained weights (`backbones.pretrained`).
    """

    sha256: Digest | None
    record: str | None
    #: Not written if null, so that an older record is written unchanged.
    card: str | None = Field(default=None, exclude_if=lambda card: card is None)


class Checkpoint(Schema):
    """Trained weights of a run: path below the work folder, and SHA-256 of the file."""

    path: str
    sha256: Digest


class Record(Schema):
    """A finished run (schema version 2; `bench.records.versions` reads earlier ones).

    Attributes:
        version: of the task's code (`Task.version`).
        key: SHA-256 over all that determines the result; runs with equal keys are the same.
        reduced: reasons why this is not a full run of its protocol; empty for a full run. Tables mark reduced runs.
        method: origin of the architecture, as a table names it (`PC-DARTS`, `published`, `random`, `given`).
        config: the resolved config, with data folders written as `$WILDNAS_DATA`.
        counts: numbers of images, queries, … that the metrics were computed on.
        resolved: values that the config leaves to the run, such as a fitted width.
        curve: SHA-256 of the training curve beside the record, a line of JSON for every epoch (`curve_path`).
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
            raise ValueError(f"protocol {self.protocol!r}: expected one of task {self.task!r}")
        return self

    @property
    def name(self) -> str:
        """Path of the record below `records/`, without the suffix."""
        return record_name(self.protocol, self.architecture.name, self.seed)

    def to_text(self) -> str:
        return json.dumps(self.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def record_name(protocol: str, architecture: str, seed: int) -> str:
    """Name of a record, `<task>/<protocol>/<architecture>/seed<k>`; a protocol's name starts with its task."""
    return f"{protocol}/{architecture}/seed{seed}"
