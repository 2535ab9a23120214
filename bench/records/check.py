"""Verify records with their curves and parents, and a checkpoint against the digest in its record."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from backbones.errors import InputError
from backbones.files import file_digest
from bench.records.record import Record
from bench.records.store import RecordStore, read_record, record_files


@dataclass
class RecordReport:
    """Result of a check.

    Attributes:
        sound: number of valid records.
        broken: a line for each broken record, with its file and key.
        notes: oddities that no table depends on.
    """

    sound: int = 0
    broken: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def check_records(results: Path) -> RecordReport:
    """Read every record below a results folder.

    Raises:
        InputError: there is no such folder.
    """
    store = RecordStore(results)
    if not store.root.is_dir():
        raise InputError(f"{store.root}: no such folder")
    report, records = RecordReport(), {}
    for path in record_files(store.root):
        try:
            record = read_record(Path(path), store.root)
            _check_curve(store, record)
        except InputError as error:
            report.broken.append(str(error))
            continue
        records[record.name] = record
        report.sound += 1
    for record in records.values():
        report.notes += _lineage(store, record, records)
    report.notes += _strangers(store, records)
    return report


def _check_curve(store: RecordStore, record: Record) -> None:
    """Raise InputError if the record's curve is missing or has another digest."""
    if record.curve is None:
        return
    path, curve = store.path(record.name), store.curve_path(record.name)
    try:
        digest = file_digest(curve)
    except InputError as error:
        raise InputError(f"{path}: key 'curve': {error}") from error
    if record.curve != digest:
        raise InputError(f"{path}: key 'curve': {curve.name}: expected the recorded digest (got {digest})")


def _lineage(store: RecordStore, record: Record, records: dict[str, Record]) -> list[str]:
    """Note parents whose name now belongs to another run."""
    return [
        f"{store.path(record.name)}: key 'parents': {parent.record} was run again with another key"
        for parent in record.parents
        if parent.record in records and records[parent.record].key != parent.key
    ]


def _strangers(store: RecordStore, records: dict[str, Record]) -> list[str]:
    """Note files that belong to no record, such as those of an interrupted write."""
    expected = {Path(path) for path in record_files(store.root)}
    expected |= {store.curve_path(name) for name, record in records.items() if record.curve}
    files = (path for path in sorted(store.root.rglob("*")) if path.is_file() and path not in expected)
    return [f"{path}: belongs to no record" for path in files]


_TASKS = ("classification", "detection", "reid")


def confirm_recorded(file: Path, results: Path) -> Record | None:
    """Compare a checkpoint with the digest in its run's record; one without a record is accepted.

    A run's checkpoint lies at `<work>/<record's name>/<key>/…`.

    Returns:
        The record, if there is one.

    Raises:
        InputError: the record has another digest for this path, or cannot be read.
    """
    store, parts = RecordStore(results), file.resolve().parts
    for begin, part in enumerate(parts):
        ends = [end for end in range(begin, len(parts)) if parts[end].startswith("seed")] if part in _TASKS else []
        for end in ends:
            name, path = "/".join(parts[begin : end + 1]), "/".join(parts[begin:])
            record = store.find(name)
            if record is None or record.checkpoint is None or record.checkpoint.path != path:
                continue
            if file_digest(file) != record.checkpoint.sha256:
                raise InputError(
                    f"{file}: has another digest than in its record {store.path(name)}: it was replaced or damaged; "
                    "run again, or use it under another path if you trust it"
                )
            return record
    return None
