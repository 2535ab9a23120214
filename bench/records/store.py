"""Find, read, write, move aside and restore records in a results folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from backbones.errors import InputError
from backbones.files import read_json, read_text, write_text
from bench.records.bounds import LARGEST_RECORD, confirm_record
from bench.records.record import Record, RecordedArchitecture, RecordedData
from bench.records.sections import Sections
from bench.records.versions import SCHEMA_VERSION as SCHEMA_VERSION
from bench.records.versions import migrated
from search.configs import first_problem

#: Errors that reading a file that is not a record can raise.
UNREADABLE = (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, MemoryError)


class RecordStore:
    """Records below a results folder."""

    def __init__(self, results: Path) -> None:
        self.results = results
        self.root = results / "records"

    def path(self, name: str) -> Path:
        return self.root / f"{name}.json"

    def find(self, name: str) -> Record | None:
        """Read the record with a name, or return None.

        Raises:
            InputError: the file is malformed.
        """
        path = self.path(name)
        return read_record(path, self.root) if path.is_file() else None

    def find_run(self, name: str, key: str) -> Record | None:
        """Read the record with a name and key, or return None.

        Raises:
            InputError: the file is malformed.
        """
        record = self.find(name)
        return record if record is not None and record.key == key else None

    def curve_path(self, name: str) -> Path:
        """Path of a record's training curve, a line of JSON for every epoch."""
        return self.root / f"{name}.curve.jsonl"

    def write(self, record: Record, replace: bool = False, curve: Path | None = None) -> Path:
        """Write a record after its training curve; each file appears whole or not at all.

        Args:
            curve: file of the training curve; the record has its digest.
            replace: whether to move a different run's record of the same name to `<results>/replaced/`.

        Raises:
            InputError: a different run has a record of this name and `replace` is off, or the folder cannot be written.
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
        """Read the record with a name and key that was moved aside, or return None."""
        path = self._aside(name, key)
        if not path.is_file():
            return None
        record = parse_record(path)
        return record if (record.name, record.key) == (name, key) else None

    def bring_back(self, record: Record) -> None:
        """Restore a record that was moved aside; a different record of that name is moved aside instead."""
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
        """Read all records, or those of one task; return the valid ones, and a line on each broken one."""
        records, problems = [], []
        for record in self.read_all(task):
            if isinstance(record, InputError):
                problems.append(str(record))
            else:
                records.append(record)
        return records, problems

    def read_all(self, task: str | None = None) -> Iterator[Record | InputError]:
        """Read all records, or those of one task, in the order of their names; a broken one yields its error."""
        read = QuickReader(self.root)
        for path in record_files(self.root / task if task else self.root):
            try:
                yield read(path)
            except InputError as error:
                yield error


def record_files(folder: Path) -> list[str]:
    """List the paths of all records below a folder, sorted."""
    return sorted(
        os.path.join(place, name)
        for place, _, names in os.walk(folder)
        for name in names
        if name.startswith("seed") and name.endswith(".json")
    )


class QuickReader:
    """`read_record` for thousands of records: sections that they share are checked once."""

    def __init__(self, root: Path | None = None) -> None:
        """Args: root: as for `read_record`."""
        self._root = root
        self._sections = Sections(
            {"architecture": RecordedArchitecture.model_validate, "data": RecordedData.model_validate}, confirm_record
        )

    def __call__(self, path: str) -> Record:
        """Read one record; raises as `read_record` does."""
        try:
            content = self._sections.parse(read_text(Path(path), LARGEST_RECORD))
            record = Record.model_validate(
                content if content["schema_version"] == SCHEMA_VERSION else migrated(content)
            )
        except UNREADABLE:
            # Another layout, or broken: the plain reader finds out.
            return read_record(Path(path), self._root)
        _in_its_place(Path(path), record, self._root)
        return record


def refuse_other_run(path: Path, existing: Record | None, key: str, replace: bool) -> None:
    """Raise InputError if a different run has a record of this name, unless `replace` is on."""
    if existing is not None and existing.key != key and not replace:
        raise InputError(
            f"{path}: holds the record of a different run (another config, data or parent); "
            "replace moves it to replaced/; another results folder keeps it where it is"
        )


def read_record(path: Path, root: Path | None = None) -> Record:
    """Read one record.

    Args:
        root: the folder of all records, in which a record must lie at the path of its name; None for a record outside
            of a store.

    Raises:
        InputError: not JSON, a key that is missing, unknown, of the wrong type or out of bounds, or a path that is not
            the record's name; names file and key.
    """
    record = parse_record(path)
    _in_its_place(path, record, root)
    return record


def parse_record(path: Path) -> Record:
    """Read a record at any path.

    Raises:
        InputError: not JSON, or a key that is missing, unknown or of the wrong type; names file and key.
    """
    content = read_json(path, LARGEST_RECORD)
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected a JSON object")
    try:
        confirm_record(content)
        return Record.model_validate(migrated(content))
    except ValidationError as error:
        raise InputError(f"{path}: {first_problem(error, Record)}") from error
    except UNREADABLE as error:
        raise InputError(f"{path}: {error}") from error


def _in_its_place(path: Path, record: Record, root: Path | None) -> None:
    there = path.as_posix().endswith(f"/{record.name}.json") if root is None else path == root / f"{record.name}.json"
    if not there:
        raise InputError(f"{path}: holds the record {record.name}; the path of a record must be its name")
