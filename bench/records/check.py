"""A look at every record of a store: read with the plain reader, its curve digested, its parents looked up."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from backbones.errors import InputError
from backbones.files import file_digest
from bench.records.record import Record
from bench.records.store import RecordStore, read_record, record_files


@dataclass
class RecordReport:
    """What was found.

    Attributes:
        sound: how many records are whole.
        broken: a line for each that is not: its file, and the key.
        notes: what is odd and breaks no table.
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
    """Raises: InputError: the record has a digest of a curve that is missing, or another one."""
    if record.curve is None:
        return
    path, curve = store.path(record.name), store.curve_path(record.name)
    try:
        digest = file_digest(curve)
    except InputError as error:
        raise InputError(f"{path}: key 'curve': {error}") from error
    if record.curve != digest:
        raise InputError(f"{path}: key 'curve': {curve.name} is another file than the run's ({digest})")


def _lineage(store: RecordStore, record: Record, records: dict[str, Record]) -> list[str]:
    """Parents that are another run by now: moved aside, or run again."""
    return [
        f"{store.path(record.name)}: key 'parents': {parent.record} is another run by now"
        for parent in record.parents
        if parent.record in records and records[parent.record].key != parent.key
    ]


def _strangers(store: RecordStore, records: dict[str, Record]) -> list[str]:
    """Files that no record tells of, such as what an interrupted write left."""
    expected = {Path(path) for path in record_files(store.root)}
    expected |= {store.curve_path(name) for name, record in records.items() if record.curve}
    files = (path for path in sorted(store.root.rglob("*")) if path.is_file() and path not in expected)
    return [f"{path}: belongs to no record" for path in files]
