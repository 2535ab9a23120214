"""Two commands on one results folder do not run the same thing at the same time."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.commands.cli import main
from bench.records.store import RecordStore
from bench.runs.locks import locked
from tests.bench.conftest import TINY_OPTIONS

OPTIONS = ["--cfg-options", *TINY_OPTIONS["classification"]]


def test_what_another_process_is_at_is_not_run(on_mini_digits: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["evaluate", "PDARTS", "--on", "classification/digits", *OPTIONS]
    with locked(Path("results"), "classification/digits/PDARTS/seed0", wait=True):
        assert main(command) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("wildnas: classification/digits/PDARTS/seed0: another process is running it")
    assert "give another results and work folder" in error
    assert not list(Path("results").rglob("*.json"))
    assert not list(Path("work").rglob("*.pth"))
    assert main(command) == 0
    assert RecordStore(Path("results")).find("classification/digits/PDARTS/seed0") is not None


def test_a_search_that_another_process_is_at(on_mini_digits: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from bench.runs.requests import search_of
    from bench.runs.run import Places, plan

    options = ["embedded=None"]
    planned = plan(search_of("search/digits_pc_darts", 0, options), Places())
    assert planned.name.startswith("search/digits_pc_darts/digits_pc_darts-s0-")
    with locked(Path("results"), planned.name, wait=True):
        assert main(["search", "search/digits_pc_darts", "--cfg-options", *options]) == 2
    assert "another process is running it" in capsys.readouterr().err


def test_what_another_process_has_just_done_is_not_done_again(
    on_mini_digits: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both have planned it; by the time that this one has the lock, the other one's record is there."""
    from bench.runs import session

    command = ["evaluate", "PDARTS", "--on", "classification/digits", *OPTIONS]
    assert main(command) == 0
    record = Path("results/records/classification/digits/PDARTS/seed0.json")
    text = record.read_text(encoding="utf-8")
    record.unlink()
    first = session.evaluate_alone

    def late(*arguments: object) -> object:
        record.write_text(text, encoding="utf-8")
        return first(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(session, "evaluate_alone", late)
    assert main(command) == 0
    assert record.read_text(encoding="utf-8") == text
