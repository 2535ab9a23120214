"""`wildnas records check`."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from backbones.errors import InputError
from backbones.files import file_digest
from bench.commands.cli import main
from bench.records.check import confirm_recorded
from bench.records.record import Record
from bench.records.store import RecordStore

MakeRecord = Callable[..., Record]
SHAPES = Path(__file__).parent / "shapes"


def check(results: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = main(["records", "check", "--results", str(results)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize("shape", sorted(SHAPES.iterdir()), ids=lambda shape: shape.name)
def test_records_of_every_shape_are_sound(shape: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = check(shape, capsys)
    assert (code, err) == (0, "")
    assert out.endswith(" sound, 0 broken\n")


def test_a_broken_record_is_named_with_its_key(
    tmp_path: Path, make_record: MakeRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    store = RecordStore(tmp_path)
    store.write(make_record())
    path = store.write(make_record(seed=1))
    path.write_text(path.read_text().replace('"seconds": 1.0', '"seconds": -1'))
    code, out, _ = check(tmp_path, capsys)
    assert code == 1
    assert f"broken: {path}: key 'cost.seconds'" in out
    assert out.endswith("1 sound, 1 broken\n")


def test_a_curve_that_is_another_file_or_missing_is_broken(
    tmp_path: Path, make_record: MakeRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    store = RecordStore(tmp_path)
    curve = tmp_path / "curve.jsonl"
    curve.write_text('{"epoch": 1}\n')
    digest = f"sha256:{hashlib.sha256(curve.read_bytes()).hexdigest()}"
    record = make_record(curve=digest)
    store.write(record, curve=curve)
    assert check(tmp_path, capsys)[0] == 0
    store.curve_path(record.name).write_text('{"epoch": 2}\n')
    code, out, _ = check(tmp_path, capsys)
    assert code == 1
    assert "key 'curve': seed0.curve.jsonl: expected the recorded digest" in out
    store.curve_path(record.name).unlink()
    assert "seed0.curve.jsonl: cannot be read: No such file" in check(tmp_path, capsys)[1]


def test_odd_files_and_parents_that_are_gone_are_notes(
    tmp_path: Path, make_record: MakeRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(SHAPES / "1-weights", tmp_path, dirs_exist_ok=True)
    store = RecordStore(tmp_path)
    (store.root / "reid/seed0.json.7.partial").write_text("{")
    parent = next((store.root / "classification").rglob("seed0.json"))
    key = "sha256:" + "9" * 64
    text = parent.read_text()
    parent.write_text(text.replace(text.partition('"key": "')[2][: len(key)], key))
    code, _, err = check(tmp_path, capsys)
    assert code == 0
    assert "seed0.json.7.partial: belongs to no record" in err
    assert "key 'parents': classification/digits/digits_pc_darts-s0-b527807e/seed0 was run again" in err


def test_a_file_beside_a_recorded_checkpoint_is_not_that_checkpoint(tmp_path: Path, make_record: MakeRecord) -> None:
    store = RecordStore(tmp_path / "results")
    folder = tmp_path / "work" / make_record().name
    files = {name: folder / name for name in ("before.pth", "checkpoint.pth", "last.pth")}
    folder.mkdir(parents=True)
    for name, file in files.items():
        file.write_bytes(name.encode())
    recorded = {"path": f"{make_record().name}/checkpoint.pth", "sha256": file_digest(files["checkpoint.pth"])}
    record = make_record(checkpoint=recorded)
    store.write(record)
    assert confirm_recorded(files["checkpoint.pth"], tmp_path / "results") == record
    assert confirm_recorded(files["before.pth"], tmp_path / "results") is None
    assert confirm_recorded(files["last.pth"], tmp_path / "results") is None
    files["checkpoint.pth"].write_bytes(b"another")
    with pytest.raises(InputError, match="has another digest than in its record"):
        confirm_recorded(files["checkpoint.pth"], tmp_path / "results")
