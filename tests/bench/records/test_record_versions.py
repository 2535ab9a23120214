"""Records of every shape that was ever written are read, and say no more than they said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from backbones.errors import InputError
from bench.records.record import SCHEMA_VERSION, Record
from bench.records.store import QuickReader, RecordStore, read_record, record_files
from bench.records.versions import UNKNOWN_WEIGHTS, migrated

SHAPES = Path(__file__).parent / "shapes"
FILES = [Path(file) for file in record_files(SHAPES)]


def of_shape(shape: str) -> dict[str, Record]:
    records = {}
    for record in RecordStore(SHAPES / shape).read_all():
        assert isinstance(record, Record), record
        records[record.name] = record
    return records


def test_there_is_a_fixture_of_every_version() -> None:
    versions = {json.loads(file.read_text())["schema_version"] for file in FILES}
    assert versions == set(range(1, SCHEMA_VERSION + 1))


@pytest.mark.parametrize("file", FILES, ids=lambda file: "-".join((file.parts[-6], file.parts[-4])))
def test_nothing_that_a_record_says_is_lost(file: Path) -> None:
    record = read_record(file)
    before, after = json.loads(file.read_text()), json.loads(record.to_text())
    assert record.schema_version == SCHEMA_VERSION
    for key, value in before.items():
        if key == "reduced":
            assert after[key][: len(value)] == value
        elif isinstance(value, dict):
            assert value.items() <= after[key].items()
        elif key != "schema_version":
            assert after[key] == value
    # What is written in the present version is read as the same.
    assert Record.model_validate(after) == record


def test_the_first_records_do_not_pass_for_full_runs_of_today() -> None:
    records = of_shape("1-first")
    classification, reid, search = (records[name] for name in sorted(records))
    assert {record.version for record in records.values()} == {0}
    # Whether weights were given was not recorded, unless a pipeline's run had left them.
    assert classification.reduced == [UNKNOWN_WEIGHTS]
    assert classification.initial_weights is None
    assert reid.initial_weights is not None
    assert (reid.initial_weights.sha256, reid.initial_weights.record) == (None, classification.name)
    assert reid.reduced == search.reduced == []
    assert search.initial_weights is None


def test_version_1_with_all_that_2_requires_is_the_same_record() -> None:
    for shape in ("1-weights", "1-curve"):
        for name, record in of_shape(shape).items():
            content = json.loads(RecordStore(SHAPES / shape).path(name).read_text())
            assert record == Record.model_validate({**content, "schema_version": SCHEMA_VERSION})


@pytest.mark.parametrize("version", [0, 3, "1", None, True, 1.0])
def test_another_version_is_refused(tmp_path: Path, version: object) -> None:
    with pytest.raises(ValueError, match="reads 1, 2"):
        migrated({"schema_version": version})
    content = json.loads(FILES[0].read_text())
    path = tmp_path / "seed0.json"
    path.write_text(json.dumps({**content, "schema_version": version}))
    with pytest.raises(InputError, match=r"seed0\.json: key 'schema_version'"):
        read_record(path)


@pytest.mark.parametrize("content", [{"parents": 3}, {"parents": [3]}, {"reduced": None}])
def test_a_malformed_old_record_is_named_and_not_mended(tmp_path: Path, content: dict[str, object]) -> None:
    file = next(file for file in FILES if "1-first" in file.parts and "classification" in file.parts)
    path = tmp_path / "seed0.json"
    path.write_text(json.dumps({**json.loads(file.read_text()), **content}))
    with pytest.raises(InputError, match=next(iter(content))):
        read_record(path)


@pytest.mark.parametrize("file", FILES, ids=lambda file: "-".join((file.parts[-6], file.parts[-4])))
def test_the_quick_reader_reads_what_the_plain_one_does(file: Path, tmp_path: Path) -> None:
    read = QuickReader()
    assert read(str(file)) == read(str(file)) == read_record(file)
    # However it is laid out.
    record = read_record(file)
    other = RecordStore(tmp_path).path(record.name)
    other.parent.mkdir(parents=True)
    for indent in (None, 0, 1, 2):
        other.write_text(json.dumps(json.loads(file.read_text()), indent=indent, sort_keys=indent == 1))
        assert read(str(other)) == record
