"""Studies are found by name, sealed by their manifest, and shown by themselves."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backbones.errors import InputError
from backbones.files import file_digest
from bench import api
from bench.commands.cli import main
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.records.studies import seal, studies_root, study_folder, study_names

MakeRecord = Callable[..., Record]


@pytest.fixture
def study(tmp_path: Path, make_record: MakeRecord) -> Path:
    store = RecordStore(tmp_path / "results")
    for seed in (0, 1):
        store.write(make_record(seed=seed))
    return seal(tmp_path / "results", tmp_path / "study", "Does it hold?")


def test_a_study_is_found_by_its_name(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.records.studies.studies_root", lambda: study.parent)
    assert study_names() == ["study"]
    assert study_folder("study") == study


def test_every_shipped_study_is_whole() -> None:
    assert studies_root().is_dir()
    assert [study_folder(name) for name in study_names()] == [studies_root() / name for name in study_names()]


def test_a_study_is_shown_without_the_papers_rows(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = api.results("classification", study=str(study))
    assert len(frame) == 2
    assert set(frame["source"]) == {"measured"}
    assert main(["table", "classification", "--study", str(study)]) == 0
    assert "PC-DARTS" not in capsys.readouterr().out
    assert main(["report", "--study", str(study), "--out", str(study / "page")]) == 0
    page = (study / "page/index.html").read_text(encoding="utf-8")
    assert "2 measured runs." in " ".join(re.sub("<[^>]*>", "", page).split())


@pytest.mark.parametrize(("length", "fits"), [(0, False), (1, True), (200, True), (201, False)])
def test_a_title_has_1_to_200_characters(study: Path, length: int, fits: bool) -> None:
    manifest = study / "study.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "title": "T" * length}))
    if fits:
        assert study_folder(str(study)) == study
    else:
        with pytest.raises(InputError, match="key 'title'"):
            study_folder(str(study))


def _lose(study: Path) -> None:
    next((study / "records").rglob("seed0.json")).unlink()


def _change(study: Path) -> None:
    file = next((study / "records").rglob("seed0.json"))
    file.write_text(file.read_text().replace("0", "1", 1))


def _add(study: Path) -> None:
    file = next((study / "records").rglob("seed0.json"))
    shutil.copy(file, file.with_name("seed7.json"))


def _set(study: Path, **keys: Any) -> None:
    content = json.loads((study / "study.json").read_text())
    (study / "study.json").write_text(json.dumps({**content, **keys}))


def _forget_files(study: Path) -> None:
    """Leave the manifest as earlier versions wrote it."""
    content = json.loads((study / "study.json").read_text())
    del content["files"]
    (study / "study.json").write_text(json.dumps(content))


def _cut(study: Path) -> None:
    text = (study / "study.json").read_text()
    (study / "study.json").write_text(text[: len(text) // 2])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_lose, "seed0.json of its study.json is missing; put it back as it was, or seal"),
        (_add, "seed7.json is not in its study.json"),
        (_change, "seed0.json was changed after it was sealed by study.json"),
        (lambda study: (_forget_files(study), _lose(study)), "has 1 records, not the 2"),
        (lambda study: (_forget_files(study), _add(study)), "has 3 records, not the 2"),
        (lambda study: (_forget_files(study), _change(study)), "a file below records/ is not that of its study.json"),
        (lambda study: _set(study, records=3), "has 2 records, not the 3"),
        (lambda study: _set(study, records=-1), "key 'records'"),
        (_cut, "study.json"),
    ],
)
def test_a_damaged_study_is_one_line(
    study: Path, damage: Callable[[Path], object], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(study)
    for command in (["transfer"], ["table", "classification"], ["report", "--out", str(study / "page")]):
        assert main([*command, "--study", str(study)]) == 2
        out, error = capsys.readouterr()
        assert not out
        assert said in error
        assert len(error.splitlines()) == 1
    assert not (study / "page").exists()


def test_an_unknown_study_names_those_that_there_are(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bench.records.studies.studies_root", lambda: study.parent)
    assert main(["transfer", "--study", "stud"]) == 2
    assert "did you mean 'study'?" in capsys.readouterr().err


def test_a_broken_or_empty_folder_is_not_sealed(tmp_path: Path, make_record: MakeRecord) -> None:
    with pytest.raises(InputError, match="records: no such folder"):
        seal(tmp_path, tmp_path / "study", "T")
    (tmp_path / "empty/records").mkdir(parents=True)
    with pytest.raises(InputError, match="holds no record"):
        seal(tmp_path / "empty", tmp_path / "study", "T")
    store = RecordStore(tmp_path / "results")
    file = store.write(make_record(seed=0))
    seal(tmp_path / "results", tmp_path / "study", "T")
    with pytest.raises(InputError, match="exists"):
        seal(tmp_path / "results", tmp_path / "study", "T")
    curve = tmp_path / "curve.jsonl"
    curve.write_text("{}\n")
    store.write(make_record(seed=1, curve=file_digest(curve)), curve=curve)
    store.curve_path("classification/digits/PDARTS/seed1").unlink()
    with pytest.raises(InputError, match=r"seed1\.json: key 'curve'"):
        seal(tmp_path / "results", tmp_path / "other", "T")
    file.write_text("{")
    with pytest.raises(InputError, match=r"seed0\.json"):
        seal(tmp_path / "results", tmp_path / "other", "T")
    assert not (tmp_path / "other").exists()
