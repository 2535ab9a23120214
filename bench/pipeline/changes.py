"""Describe the differences between an existing record and a planned run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from backbones.files import file_digest
from bench.records.record import Record
from bench.runs.run import Planned, determining
from search.configs import portable

#: Largest number of differences that are listed.
MOST = 4


def differences(record: Record, wanted: Planned) -> str:
    """Compare everything that the key is made of, and list the differences in words."""
    found = list(_found(record, wanted))
    return "; ".join([*found[:MOST], *(["…"] if len(found) > MOST else [])]) or "another run"


def _found(record: Record, wanted: Planned) -> Iterator[str]:
    evaluation = wanted.evaluation
    version = evaluation.task.version
    if record.version != version:
        yield f"version of the {record.task} code {record.version} → {version}"
    yield from _config(record, portable(evaluation.protocol.recorded))
    architecture = evaluation.architecture
    if architecture is not None and record.architecture.digest != architecture.to_json()["digest"]:
        yield "another genotype"
    before = {parent.role: parent for parent in record.parents}
    now = {parent.role: parent for parent in evaluation.parents}
    for role in ("search", "weights"):
        old, new = before.get(role), now.get(role)
        if old is not None and new is not None and old.key != new.key:
            yield f"its {role} run is another one: {new.record}"
        elif (old is None) != (new is None):
            yield f"starts from the {role} run {new.record}" if new else f"started from the {role} run {old.record}"  # type: ignore[union-attr]
    if evaluation.weights_file is not None:
        weights = record.initial_weights
        if weights is None or weights.sha256 != file_digest(evaluation.weights_file):
            yield "other initial weights"
    if record.data.fingerprint != wanted.data.fingerprint:
        yield "other data"


def _config(record: Record, config: Mapping[str, Any]) -> list[str]:
    before, now = (dict(_flat(determining(dict(values)))) for values in (record.config, config))
    return [
        f"{key} {_short(before.get(key))} → {_short(now.get(key))}"
        for key in dict.fromkeys([*before, *now])
        if before.get(key) != now.get(key)
    ]


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    items: Sequence[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        items = list(value.items())
    elif isinstance(value, (list, tuple)):
        items = list(enumerate(value))
    if not items:
        yield key, value
    for name, item in items:
        yield from _flat(item, f"{key}.{name}" if key else str(name))


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
