"""Check that a checkpoint is still the file that its run has written."""

from __future__ import annotations

from pathlib import Path

from backbones.errors import InputError
from backbones.files import file_digest
from bench.records.record import Record
from bench.records.store import RecordStore

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
