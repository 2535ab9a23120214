"""A checkpoint below a work folder is the one that its record tells of, or is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from backbones.errors import InputError
from backbones.files import file_digest
from bench.records.check import confirm_recorded
from bench.records.record import Record
from bench.records.store import RecordStore

PATH = "classification/digits/PDARTS/seed0/0123abcd/checkpoint.pth"


def test_another_file_in_its_place_is_refused(tmp_path: Path, make_record: Callable[..., Record]) -> None:
    file = tmp_path / "work" / PATH
    file.parent.mkdir(parents=True)
    file.write_bytes(b"weights")
    results = tmp_path / "results"
    confirm_recorded(file, results)
    record = make_record(checkpoint={"path": PATH, "sha256": file_digest(file)})
    RecordStore(results).write(record)
    confirm_recorded(file, results)
    file.write_bytes(b"others")
    with pytest.raises(InputError, match="has another digest than in its record"):
        confirm_recorded(file, results)
    elsewhere = tmp_path / "elsewhere.pth"
    elsewhere.write_bytes(b"others")
    confirm_recorded(elsewhere, results)
