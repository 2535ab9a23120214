"""The report of a results folder with records of all tasks, written once for all tests of the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.records.record import Record
from bench.records.store import RecordStore
from bench.report import write_report
from tests.bench.report.made_records import made_records


@dataclass(frozen=True)
class Report:
    """The report of `records`, all of which are below `results`."""

    results: Path
    file: Path
    records: dict[str, Record]
    problems: list[str]

    @property
    def text(self) -> str:
        return self.file.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory, make_record: Callable[..., Record]) -> Report:
    results = tmp_path_factory.mktemp("report") / "results"
    records = {}
    store = RecordStore(results)
    for record, curve in made_records(make_record, tmp_path_factory.mktemp("curves")):
        store.write(record, curve=curve)
        records[record.name] = record
    file, problems = write_report(results, results / "report")
    return Report(results, file, records, problems)
