"""What is done of a pipeline and what has changed, read off frozen records; nothing is trained."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.pipeline.assembly import load_pipeline
from bench.pipeline.changes import differences
from bench.pipeline.survey import PipelineData, Seen, Status, survey
from bench.records.record import Record
from bench.runs.run import Evaluation, Places, plan
from bench.tasks.architectures import resolve
from search.configs import config_root
from tests.bench.runs.frozen_runs import FROZEN, OWN, PIPELINE_STAGES, write_pipeline
from tests.bench.runs.quick import DATA, QuickTask, quick_protocol

MakeRecord = Callable[..., Record]


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., list[Seen]]:
    """How the frozen pipeline stands with options, beside the records of its run and without its data."""
    monkeypatch.setenv("WILDNAS_DIGITS", str(tmp_path / "nowhere"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bench.searches.task.SearchTask.version", 3)
    for folder in FROZEN.glob(f"records/*/local-{OWN}-*"):
        shutil.copytree(folder, tmp_path / "results" / folder.relative_to(FROZEN))
    pipeline = write_pipeline(tmp_path / OWN, config_root())

    def look(options: Sequence[str] = ()) -> list[Seen]:
        return survey(load_pipeline(str(pipeline), options), Places(replace=True), PipelineData())

    return look


def state(seen: Sequence[Seen]) -> dict[str, list[Status]]:
    found: dict[str, list[Status]] = {}
    for look in seen:
        found.setdefault(look.stage.protocol.name.rpartition("-")[2], []).append(look.status)
    return found


def test_without_data_what_has_its_record_is_done(looked: Callable[..., list[Seen]]) -> None:
    seen = looked()
    assert len(seen) == PIPELINE_STAGES
    assert {look.status for look in seen} == {Status.DONE}
    assert all(look.why.startswith("not here to compare: ") and "nowhere" in look.why for look in seen)
    assert all(look.record is not None and look.record.name == look.name for look in seen)


def test_without_data_a_changed_search_is_not_done(looked: Callable[..., list[Seen]]) -> None:
    done, missing = Status.DONE, Status.NO_DATA
    seen = looked(["options.search={'nodes': 3}"])
    # The random genotype's stages have nothing to do with it; what the search would find has no data either.
    assert state(seen) == {name: [missing, done] for name in ("train", "detect", "identify")} | {"search": [missing]}
    assert all("nowhere" in look.why and look.lacks and look.record is None for look in seen if look.status is missing)
    # Of another seed, too.
    assert state(looked(["seeds=[1]"]))["search"] == [missing]


def test_without_data_a_changed_training_is_not_done_and_nothing_behind_it(looked: Callable[..., list[Seen]]) -> None:
    missing = Status.NO_DATA
    seen = state(looked(["options.classification={'epochs': 2}"]))
    assert seen == {name: [missing] * 2 for name in ("train", "detect", "identify")} | {"search": [Status.DONE]}
    seen = state(looked(["options.reid={'parts': 2}"]))
    assert seen["identify"] == [missing] * 2
    assert [status for name in ("search", "train", "detect") for status in seen[name]] == [Status.DONE] * 5


def other_search(results: Path, nodes: int) -> Path:
    """A record as the frozen search would have left it with so many nodes."""
    (file,) = results.glob(f"records/search/local-{OWN}-search/local-{OWN}-search-s0-11c0c003/seed0.json")
    content = json.loads(file.read_text())
    content["config"]["nodes"] = nodes
    content["key"] = "sha256:" + "ab" * 32
    # Its name comes before that of the other one.
    content["architecture"]["name"] = f"local-{OWN}-search-s0-00000000"
    other = file.parents[1] / content["architecture"]["name"] / "seed0.json"
    other.parent.mkdir(exist_ok=True)
    other.write_text(json.dumps(content))
    return other


def test_a_changed_search_is_compared_with_the_newest_one(
    looked: Callable[..., list[Seen]], mini_digits: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WILDNAS_DIGITS", str(mini_digits))
    other = other_search(tmp_path / "results", 5)
    (first,) = other.parents[1].glob("*-11c0c003/seed0.json")
    for newest, nodes in ((first, 2), (other, 5)):
        for age, file in enumerate(sorted((first, other), key=lambda file: file == newest)):
            os.utime(file, (1e9 + age, 1e9 + age))
        search = looked(["options.search={'nodes': 3}"])[0]
        assert (search.status, search.why) == (Status.READY, f"changed: nodes {nodes} → 3")


def test_the_run_that_gave_the_weights_is_told_by_its_key(tmp_path: Path, make_record: MakeRecord) -> None:
    one, two = (f"sha256:{digit * 64}" for digit in "12")
    places = Places(tmp_path / "results", tmp_path / "work")
    evaluation = Evaluation(QuickTask(), quick_protocol(), resolve("PDARTS"), 0)
    config = {"task": "classification", "epochs": 3}
    data = {"counts": {}, "fingerprint": DATA.fingerprint}

    def told(before: Record | None, now: Record | None, **changes: Any) -> str:
        parents = [] if before is None else [{"role": "weights", "record": before.name, "key": before.key}]
        record = make_record(version=7, config=config, data=data, parents=parents, **changes)
        return differences(record, plan(replace(evaluation, retrained=now), places))

    parent = make_record(key=one)
    name = parent.name
    assert told(parent, make_record(key=two)) == f"its weights run is another one: {name}"
    # Also of a key that comes before the old one.
    assert told(make_record(key=two), parent) == f"its weights run is another one: {name}"
    # The same run under another name is the same run.
    assert told(parent, make_record(key=one, protocol="classification/other")) == "another run"
    assert told(None, parent) == f"starts from the weights run {name}"
    assert told(parent, None) == f"started from the weights run {name}"


def test_what_differs_is_told_at_most_four_times(tmp_path: Path, make_record: MakeRecord) -> None:
    weights = tmp_path / "theirs.pth"
    weights.write_bytes(b"theirs")
    protocol = quick_protocol(a=[1, {"b": 2}], long="x" * 50, same=1)
    evaluation = Evaluation(QuickTask(), protocol, resolve("DARTS_V2"), 0, weights_file=weights)
    planned = plan(evaluation, Places(tmp_path / "results", tmp_path / "work"))
    old = {"task": "classification", "epochs": 2, "a": [1, {"b": 3}, 4], "same": 1, "reduced": ["x"], "gone": None}
    record = make_record(version=6, config=old)
    assert differences(record, planned) == (
        "version of the classification code 6 → 7; epochs 2 → 3; a.1.b 3 → 2; a.2 4 → None; …"
    )
    config = {"task": "classification", "epochs": 3, "a": [1, {"b": 2}], "same": 1}
    record = make_record(version=7, config=config)
    assert differences(record, planned) == (
        f"long None → {'x' * 39}…; another genotype; other initial weights; other data"
    )


def test_missing_weights_of_a_card_are_told_with_the_way_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WILDNAS_DATA", str(tmp_path / "data"))
    pipeline = tmp_path / "weights.py"
    given = [
        "dict(architecture='DARTS_V2', weights='darts_imagenet')",
        "dict(architecture='PDARTS', weights='mine.pt')",
    ]
    pipeline.write_text(
        f"task = 'pipeline'\nbaselines = [{', '.join(given)}]\ntransfers = ['reid/market1501_p3']\n", encoding="utf-8"
    )
    seen = survey(load_pipeline(str(pipeline)), Places(tmp_path / "results", tmp_path / "work"), PipelineData())
    assert {look.status for look in seen} == {Status.NO_DATA}
    (card,), (bare,) = ([line for line in look.lacks if "initial weights" in line] for look in seen)
    assert "darts_imagenet.pt: no such file" in card
    assert "; get it from https://github.com/quark0/darts" in card
    assert bare.endswith("mine.pt: no such file; expected initial weights of PDARTS")
