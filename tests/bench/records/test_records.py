"""Records: what is written is what is read, and what is malformed is named."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from backbones.errors import InputError
from backbones.files import file_digest
from bench.records.record import Record
from bench.records.store import RecordStore, read_record

MakeRecord = Callable[..., Record]

KEY_OF_NONE = "sha256:" + "9" * 64


def test_a_record_comes_back_equal_from_its_path(tmp_path: Path, make_record: MakeRecord) -> None:
    store = RecordStore(tmp_path)
    record = make_record(seed=3)
    path = store.write(record)
    assert path == tmp_path / "records/classification/digits/PDARTS/seed3.json"
    assert read_record(path) == record
    assert store.find(record.name) == record
    assert [file.name for file in path.parent.iterdir()] == ["seed3.json"]


def test_the_same_run_may_be_written_again_but_no_other(tmp_path: Path, make_record: MakeRecord) -> None:
    store = RecordStore(tmp_path)
    path = store.write(make_record())
    store.write(make_record(finished="2026-01-02T00:00:00+00:00"))
    before = path.read_bytes()
    other = make_record(key="sha256:" + "2" * 64)
    with pytest.raises(InputError, match="different run"):
        store.write(other)
    assert path.read_bytes() == before


def test_replace_moves_the_other_run_aside(tmp_path: Path, make_record: MakeRecord) -> None:
    store = RecordStore(tmp_path)
    first = make_record()
    before = store.write(first).read_bytes()
    other = make_record(key="sha256:" + "2" * 64)
    store.write(other, replace=True)
    assert store.find(other.name) == other
    aside = tmp_path / "replaced/classification/digits/PDARTS/seed0-00000000.json"
    assert aside.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda content: content.pop("metrics"), "key 'metrics' is missing"),
        (lambda content: content.update(metric={}), "unknown key 'metric'; did you mean 'metrics'?"),
        (lambda content: content["cost"].update(seconds="long"), "key 'cost.seconds'"),
        (lambda content: content["cost"].update(secnds=1), "did you mean 'seconds'?"),
        (lambda content: content["metrics"]["top1_error"].update(value=float("nan")), "metrics.top1_error.value"),
        (lambda content: content.update(schema_version=99), "'schema_version': 99"),
        (lambda content: content.update(key="abc"), "key 'key'"),
        (lambda content: content["architecture"].update(digest="0" * 64), "digest: expected that of the genotype"),
        (lambda content: content["architecture"]["genotype"].pop("normal"), "key 'normal' is missing"),
        (lambda content: content.update(seed=1), "the path of a record must be its name"),
        (lambda content: content.update(task="reid"), "expected one of task 'reid'"),
        (lambda content: content["architecture"].update(timm="resnet50"), "a genotype or a timm model"),
    ],
)
def test_a_malformed_record_is_named_with_its_key(
    tmp_path: Path, make_record: MakeRecord, change: Callable[[dict], object], said: str
) -> None:
    path = RecordStore(tmp_path).write(make_record())
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(InputError) as caught:
        read_record(path)
    assert str(path) in str(caught.value)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, "\x00", "1" * 5000])
def test_what_is_no_record_at_all_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "records/classification/digits/PDARTS/seed0.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(InputError, match=r"seed0\.json"):
        read_record(path)


def test_a_broken_record_does_not_hide_the_others(tmp_path: Path, make_record: MakeRecord) -> None:
    store = RecordStore(tmp_path)
    store.write(make_record(seed=0))
    store.path("classification/digits/PDARTS/seed1").write_text("{")
    store.write(make_record(seed=2))
    found = list(store.read_all("classification"))
    assert [type(item) for item in found] == [Record, InputError, Record]


def test_sound_records_and_what_is_wrong_with_the_others(tmp_path: Path, make_record: MakeRecord) -> None:
    store = RecordStore(tmp_path)
    sound = [make_record(seed=0), make_record(seed=2)]
    other = make_record(task="reid", protocol="reid/digits_p3")
    for record in (*sound, other):
        store.write(record)
    broken = store.path("classification/digits/PDARTS/seed1")
    broken.write_text("{")
    records, (problem,) = store.read_sound()
    assert records == [*sound, other]
    assert problem.startswith(f"{broken}: ")
    assert store.read_sound("classification") == (sound, [problem])
    assert store.read_sound("reid") == ([other], [])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_folder_is_one_clear_line(tmp_path: Path, make_record: MakeRecord) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="cannot be written"):
        RecordStore(tmp_path).write(make_record())


def test_a_file_in_the_place_of_the_folder_is_one_clear_line(tmp_path: Path, make_record: MakeRecord) -> None:
    (tmp_path / "records").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        RecordStore(tmp_path).write(make_record())


def test_a_curve_lies_beside_its_record_and_moves_aside_with_it(tmp_path: Path, make_record: MakeRecord) -> None:
    store, curve = RecordStore(tmp_path / "results"), tmp_path / "curve.jsonl"
    curve.write_text('{"epoch": 1}\n')
    first = make_record(curve=file_digest(curve), resolved={"channels": 46})
    path = store.write(first, curve=curve)
    beside = path.with_name("seed0.curve.jsonl")
    assert store.curve_path(first.name) == beside
    assert read_record(path) == first
    assert file_digest(beside) == first.curve
    # A curve is no record.
    assert list(store.read_all()) == [first]
    other = make_record(key="sha256:" + "2" * 64)
    with pytest.raises(InputError, match="different run"):
        store.write(other)
    assert beside.is_file()
    store.write(other, replace=True)
    assert not beside.exists()
    aside = tmp_path / "results/replaced" / f"{first.name}-00000000.curve.jsonl"
    assert aside.read_text() == curve.read_text()
    assert list(store.read_all()) == [other]


def test_the_same_run_again_replaces_its_curve(tmp_path: Path, make_record: MakeRecord) -> None:
    store, curve = RecordStore(tmp_path / "results"), tmp_path / "curve.jsonl"
    for seconds in (1, 2):
        curve.write_text(f'{{"epoch": 1, "seconds": {seconds}}}\n')
        record = make_record(curve=file_digest(curve))
        store.write(record, curve=curve)
        assert file_digest(store.curve_path(record.name)) == record.curve
    assert not (tmp_path / "results/replaced").exists()


def test_the_documented_schema_is_the_reader_s() -> None:
    # Written by: print(json.dumps(Record.model_json_schema(), indent=1))
    documented = Path(__file__).parents[3] / "results" / "record.schema.json"
    assert json.loads(documented.read_text()) == Record.model_json_schema()


def test_what_is_brought_back_takes_the_place_of_another_that_is_kept(tmp_path: Path, make_record: MakeRecord) -> None:
    store, records = RecordStore(tmp_path / "results"), []
    for number in (1, 2):
        curve = tmp_path / f"curve{number}.jsonl"
        curve.write_text(f'{{"epoch": {number}}}\n')
        records.append(make_record(key=f"sha256:{str(number) * 64}", curve=file_digest(curve)))
        store.write(records[-1], replace=True, curve=curve)
    first, second = records

    def in_place() -> tuple[Record | None, str]:
        return store.find(first.name), store.curve_path(first.name).read_text()

    for wanted, other, number in ((first, second, 1), (second, first, 2), (first, second, 1)):
        assert store.find_aside(wanted.name, wanted.key) == wanted
        store.bring_back(wanted)
        assert in_place() == (wanted, f'{{"epoch": {number}}}\n')
        # Nothing is lost, and nothing is there twice.
        assert store.find_aside(other.name, other.key) == other
        assert store.find_aside(wanted.name, wanted.key) is None
        assert len(list((tmp_path / "results/replaced").rglob("*.*"))) == 2
    # Also one without a curve, and into an empty place.
    third = make_record(key="sha256:" + "3" * 64)
    store.write(third, replace=True)
    store.bring_back(second)
    store.bring_back(third)
    assert store.find(third.name) == third
    assert not store.curve_path(third.name).exists()
    store.path(first.name).unlink()
    store.bring_back(second)
    assert store.find(second.name) == second
    assert store.find_aside(first.name, KEY_OF_NONE) is None


def test_a_record_aside_is_found_by_its_whole_key(tmp_path: Path, make_record: MakeRecord) -> None:
    store = RecordStore(tmp_path)
    first = make_record()
    store.write(first)
    store.write(make_record(key="sha256:" + "2" * 64), replace=True)
    assert store.find_aside(first.name, first.key) == first
    # A file's name has eight digits of the key only.
    assert store.find_aside(first.name, first.key[:-1] + "7") is None
    assert store.find_run(first.name, first.key) is None
    assert store.find_run(first.name, "sha256:" + "2" * 64) == store.find(first.name)


def test_a_cost_without_an_unchanged_backbone_is_written_as_before_there_was_that_key(make_record: MakeRecord) -> None:
    cost = {"seconds": 1.0, "peak_memory": 1, "params": 2, "macs": 3, "published_macs": 4}
    backbone = {"params": 2, "macs": 5, "published_macs": 6}
    assert "unchanged" not in json.loads(make_record(cost=cost).to_text())["cost"]
    assert json.loads(make_record(cost={**cost, "unchanged": backbone}).to_text())["cost"]["unchanged"] == backbone


@pytest.mark.parametrize("speed", [0.0, -1.0, math.inf, math.nan])
def test_a_speed_is_a_finite_number_above_zero(speed: float, make_record: MakeRecord) -> None:
    cost = make_record().cost.model_dump()
    make_record(cost=cost | {"images_per_second": 0.5, "seconds_per_epoch": 0.5})
    for key in ("images_per_second", "seconds_per_epoch"):
        with pytest.raises(ValidationError, match=rf"cost\.{key}"):
            make_record(cost=cost | {key: speed})
