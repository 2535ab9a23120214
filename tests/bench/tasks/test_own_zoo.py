"""A user's own zoo: `$WILDNAS_ZOO`, or `zoo/` in the working directory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from backbones import zoo
from backbones.errors import InputError
from backbones.genotype import Genotype
from backbones.zoo import own
from bench.__main__ import main
from bench.tables.published import published_rows
from bench.tasks.architectures import resolve

CELLS = Genotype.random(5)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "zoo"
    place.mkdir()
    (place / "mine.json").write_text(json.dumps(CELLS.to_json()))
    (place / "log.txt").write_text(f"found: {CELLS}")
    (place / "notes.md").write_text("nothing of ours")
    monkeypatch.delenv("WILDNAS_ZOO", raising=False)
    monkeypatch.chdir(tmp_path)
    return place


def test_its_genotypes_are_listed_and_resolved_by_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["zoo", "list"]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert names == [*zoo.names(), "log", "mine"]
    for name in ("mine", "log"):
        found = resolve(name)
        assert (found.name, found.genotype, found.method) == (name, CELLS, "given")
    assert resolve("PDARTS").method == "published"
    assert main(["zoo", "show", "mine", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["digest"] == CELLS.digest


def test_the_variable_names_another_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "other.json").write_text(json.dumps({"genotype": CELLS.to_json(), "citation": "me"}))
    monkeypatch.setenv("WILDNAS_ZOO", str(elsewhere))
    assert set(own.files()) == {"other"}
    assert own.find("other") == CELLS
    monkeypatch.setenv("WILDNAS_ZOO", str(tmp_path / "missing"))
    assert main(["zoo", "list"]) == 2
    assert capsys.readouterr().err.endswith("missing: no such folder\n")


def test_what_cannot_be_used_is_named_and_left_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "PDARTS.json").write_text(json.dumps(CELLS.to_json()))
    (folder / "a name.json").write_text(json.dumps(CELLS.to_json()))
    (folder / "broken.json").write_text('{"normal": []}')
    assert main(["zoo", "list"]) == 0
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == len(zoo.names()) + 2
    for name, line in zip(("PDARTS.json", "a name.json", "broken.json"), said.err.splitlines(), strict=True):
        assert name in line
    assert resolve("PDARTS").genotype == zoo.get("PDARTS").genotype
    with pytest.raises(InputError, match=r"broken\.json"):
        resolve("broken")
    with pytest.raises(InputError, match="did you mean 'mine'"):
        resolve("minee")


def test_a_published_row_may_name_an_own_genotype(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "published").mkdir()
    (tmp_path / "published" / "mine.csv").write_text("task,paper,architecture,zoo\nclassification,Mine,Net,mine\n")
    (row,) = (row for row in published_rows("classification", tmp_path) if row.labels["source"] == "Mine")
    assert row.digest == CELLS.digest


def test_without_a_folder_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WILDNAS_ZOO", raising=False)
    monkeypatch.chdir(tmp_path)
    assert own.files() == {}
    assert list(own.left_out()) == []
