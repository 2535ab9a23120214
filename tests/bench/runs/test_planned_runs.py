"""What makes two runs the same one, and what a run's record says of it; on a task that trains nothing."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from backbones.errors import InputError
from backbones.files import file_digest
from bench.records.record import Record
from bench.records.store import RecordStore, read_record
from bench.runs.run import Evaluation, Places, Planned, checkpoint_of, evaluate, join, plan, work_dir_of
from bench.tasks.architectures import resolve
from tests.bench.runs.quick import DATA, QuickTask, quick_protocol

MakeRecord = Callable[..., Record]

PDARTS = resolve("PDARTS")
KEYS = [f"sha256:{digit * 64}" for digit in "1234"]


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "results", tmp_path / "work")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    file = tmp_path / "theirs.pth"
    file.write_bytes(b"theirs")
    return file


def wanted(task: QuickTask | None = None, **changes: object) -> Evaluation:
    return replace(Evaluation(task or QuickTask(), quick_protocol(), PDARTS, 0), **changes)  # type: ignore[arg-type]


def run(planned: Planned, places: Places, weights: Path | None = None, parts: int = 1) -> Record:
    return evaluate(planned, places, weights, lambda fraction, doing: None, parts)


def test_all_that_determines_a_result_is_in_its_key(
    places: Places, weights: Path, make_record: MakeRecord, tmp_path: Path
) -> None:
    other = tmp_path / "other.pth"
    other.write_bytes(b"other")
    runs = {
        "plain": wanted(),
        "seed": wanted(seed=1),
        "config": wanted(protocol=quick_protocol(epochs=4)),
        "protocol": wanted(protocol=replace(quick_protocol(), name="classification/other")),
        "genotype": wanted(architecture=resolve("DARTS_V2")),
        "model": wanted(architecture=resolve("timm:resnet18")),
        "weights": wanted(weights_file=weights),
        "other weights": wanted(weights_file=other),
        "evaluated": wanted(weights_file=weights, evaluate_only=True),
        # One name, two keys: a run that was trained again is another parent.
        "parent": wanted(retrained=make_record(key=KEYS[0])),
        "parent trained again": wanted(retrained=make_record(key=KEYS[1])),
        "search": wanted(architecture=replace(PDARTS, search=("search/s/a/seed0", KEYS[2]))),
        "searched again": wanted(architecture=replace(PDARTS, search=("search/s/a/seed0", KEYS[3]))),
    }
    keys = {name: plan(evaluation, places).key for name, evaluation in runs.items()}
    data = replace(DATA, fingerprint="sha256:" + "e" * 64)
    keys["data"] = plan(wanted(), places, data).key
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(QuickTask, "version", 8)
        keys["version"] = plan(wanted(), places).key
    assert len(set(keys.values())) == len(keys)
    # The file's digest stands for the file.
    assert plan(wanted(weights_file=weights), places, DATA, file_digest(weights)).key == keys["weights"]
    assert plan(wanted(weights_file=weights), places, DATA, file_digest(other)).key == keys["other weights"]


def test_a_key_is_the_digest_of_canonical_json(places: Places, make_record: MakeRecord, weights: Path) -> None:
    parent = make_record(key=KEYS[0])
    config = {"config": {"epochs": 3, "task": "classification"}, "data": DATA.fingerprint}
    parents = [{"role": "weights", "record": parent.name, "key": KEYS[0]}]
    rest = {"protocol": "classification/quick", "seed": 2, "version": 7, "genotype": PDARTS.design.digest}
    assert [vars(one) for one in wanted(retrained=parent).parents] == parents

    def key(**more: object) -> str:
        text = json.dumps({**config, **rest, **more}, sort_keys=True).replace(": ", ":").replace(", ", ",")
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"

    plain = wanted(seed=2)
    assert plan(plain, places).key == key(parents=[], weights=None)
    assert plan(replace(plain, retrained=parent), places).key == key(parents=[KEYS[0]], weights=None)
    scored = replace(plain, weights_file=weights, evaluate_only=True)
    assert plan(scored, places).key == key(parents=[], weights=file_digest(weights), evaluate_only=True)


def test_earlier_records_are_those_of_the_same_name_the_newest_first(places: Places, make_record: MakeRecord) -> None:
    store = RecordStore(places.results)
    made = {}
    for when, name in enumerate(("PDARTS", "DARTS_V2", "PC_DARTS_image")):
        for seed in (0, 1):
            genotype = resolve(name).design
            named = {"name": name, "genotype": genotype.to_json(), "digest": genotype.digest}
            made[name, seed] = make_record(protocol="classification/quick", architecture=named, seed=seed)
            os.utime(store.write(made[name, seed]), (when, when))
    assert list(wanted(seed=1).earlier(store)) == [made["PDARTS", 1]]
    # A search has no architecture before it has ended.
    searched = list(wanted(architecture=None).earlier(store))
    assert searched == [made[name, 0] for name in ("PC_DARTS_image", "DARTS_V2", "PDARTS")]
    assert not list(wanted(seed=2).earlier(store))


def test_nothing_else_is_in_a_key(places: Places, make_record: MakeRecord) -> None:
    silent = quick_protocol(silent=("loud.not",), loud={"not": 1, "but": 2})
    same = [
        plan(wanted(protocol=quick_protocol(loud={"but": 2})), places),
        # In whatever order it is written.
        plan(wanted(protocol=replace(silent, config=dict(reversed(silent.config.items())))), places),
        plan(wanted(protocol=silent), places),
        plan(wanted(protocol=replace(silent, path=Path("elsewhere.py"), options=("epochs=3",))), places),
        plan(wanted(protocol=quick_protocol(loud={"but": 2}, reduced=["short"], expected={"images": 1})), places),
        plan(wanted(protocol=quick_protocol(loud={"but": 2}, test_part={"root": "x"})), places),
        plan(wanted(protocol=silent), places, replace(DATA, counts={"train images": 3}, per_class={})),
        plan(wanted(protocol=silent, architecture=replace(PDARTS, name="of-mine", method="given")), places),
    ]
    assert len({planned.key for planned in same}) == 1
    parent = make_record(key=KEYS[0])
    renamed = make_record(key=KEYS[0], protocol="classification/elsewhere")
    assert plan(wanted(retrained=parent), places).key == plan(wanted(retrained=renamed), places).key


def test_the_child_of_a_parent_that_was_trained_again_is_not_done(places: Places, make_record: MakeRecord) -> None:
    child = wanted(retrained=make_record(key=KEYS[0]))
    record = run(plan(child, places), places)
    assert plan(child, places).record == record
    again = replace(child, retrained=make_record(key=KEYS[1]))
    with pytest.raises(InputError, match="holds the record of a different run"):
        plan(again, places)
    assert plan(again, replace(places, replace=True)).record is None
    assert plan(child, replace(places, replace=True)).record == record


def test_reasons_of_the_weights_run_are_inherited(places: Places, make_record: MakeRecord, weights: Path) -> None:
    parent = make_record(key=KEYS[0], reduced=["option epochs=1", "2 val images, not 5"])
    protocol = quick_protocol(options=("epochs=3",), pretrained=True, reduced=["a third"], expected={"val images": 6})
    own = ["a third", "option epochs=3"]
    inherited = ["weights: option epochs=1", "weights: 2 val images, not 5"]
    evaluation = wanted(protocol=protocol, retrained=parent)
    record = run(plan(evaluation, places), places, weights)
    assert record.reduced == [*own, "5 val images, not 6", *inherited]
    assert [parent.model_dump() for parent in record.parents] == [
        {"role": "weights", "record": parent.name, "key": KEYS[0]}
    ]
    # Of a full run, none.
    full = wanted(protocol=replace(protocol, name="classification/full"), retrained=make_record(key=KEYS[0]))
    assert run(plan(full, places), places, weights).reduced == [*own, "5 val images, not 6"]
    bare = wanted(protocol=replace(protocol, name="classification/bare"))
    assert run(plan(bare, places), places).reduced == [*own, "not pretrained", "5 val images, not 6"]


def test_scored_weights_are_marked(places: Places, weights: Path) -> None:
    task = QuickTask()
    evaluation = wanted(task, architecture=PDARTS.with_weights(weights), weights_file=weights, evaluate_only=True)
    record = run(plan(evaluation, places), places, weights)
    assert record.reduced == ["evaluated only; trained elsewhere"]
    assert (task.jobs[0].weights, task.jobs[0].evaluate_only) == (weights, True)
    digest = file_digest(weights)
    assert record.architecture.name == f"PDARTS-w{digest.removeprefix('sha256:')[:8]}"
    assert record.initial_weights is not None
    assert record.initial_weights.model_dump() == {"sha256": digest, "record": None}
    assert record.parents == []


def test_a_record_says_what_came_out_and_what_it_cost(places: Places, make_record: MakeRecord, weights: Path) -> None:
    task, parent = QuickTask(), make_record(key=KEYS[0])
    architecture = replace(PDARTS, search=("search/s/a/seed0", KEYS[1]), method="P-DARTS")
    evaluation = wanted(task, architecture=architecture, retrained=parent, seed=4)
    planned = plan(evaluation, places)
    assert planned.record is None
    record = run(planned, places, weights)
    path = places.results / "records/classification/quick/PDARTS/seed4.json"
    assert read_record(path) == record == plan(evaluation, places).record
    (job,) = task.jobs
    assert (job.protocol, job.architecture, job.seed) == (evaluation.protocol, architecture, 4)
    assert (job.weights, job.evaluate_only) == (weights, False)
    assert job.work_dir == places.work / "classification/quick/PDARTS/seed4" / planned.key[7:15]
    assert work_dir_of(planned, places) == job.work_dir
    assert "what a library prints" in (job.work_dir / "output.log").read_text()
    assert (record.key, record.version, record.seed, record.method) == (planned.key, 7, 4, "P-DARTS")
    assert record.config == {"task": "classification", "epochs": 3}
    assert record.data.model_dump() == {
        "counts": {"train images": 20, "val images": 5},
        "fingerprint": DATA.fingerprint,
        "index": None,
        # One number where it is the same for all classes.
        "per_class": {"train": 10, "val": {"even": 2, "odd": 3}},
    }
    assert [parent.role for parent in record.parents] == ["search", "weights"]
    assert [parent.key for parent in record.parents] == [KEYS[1], KEYS[0]]
    assert record.initial_weights is not None
    assert record.initial_weights.model_dump() == {"sha256": file_digest(weights), "record": parent.name}
    assert {key: metric.model_dump() for key, metric in record.metrics.items()} == {
        "top1_error": {"value": 12.5, "unit": "%", "higher_is_better": False}
    }
    assert record.counts == {"val images": 5}
    assert (record.cost.params, record.cost.macs, record.cost.published_macs) == (100, 1000, 1100)
    assert record.cost.whole is not None
    assert (record.cost.whole.params, record.cost.whole.published_macs) == (200, 2200)
    assert (record.cost.seconds_per_epoch, record.cost.images_per_second) == (2.0, 10.0)
    assert 0 <= record.cost.seconds < 60
    assert record.cost.peak_memory > 0
    assert record.environment["processes"] == 1
    assert record.resolved == {"channels": 46}
    assert record.curve == file_digest(places.store.curve_path(record.name))
    assert record.started <= record.finished


def test_what_did_not_come_out_is_left_out(places: Places) -> None:
    task = QuickTask(outcome={"checkpoint": None, "whole": None, "pace": None, "curve": None, "resolved": {}})
    record = run(plan(wanted(task), places), places)
    assert record.checkpoint is record.curve is record.cost.whole is record.cost.seconds_per_epoch is None
    assert record.initial_weights is None
    assert not places.store.curve_path(record.name).exists()
    assert checkpoint_of(record, places) is None


def test_a_checkpoint_is_found_while_it_is_the_run_s_own(places: Places) -> None:
    record = run(plan(wanted(), places), places)
    assert record.checkpoint is not None
    file = places.work / record.checkpoint.path
    assert checkpoint_of(record, places) == file
    assert file.read_bytes() == b"weights"
    file.write_bytes(b"others")
    assert checkpoint_of(record, places) is None
    file.unlink()
    assert checkpoint_of(record, places) is None


def test_a_batch_in_parts_is_the_same_run(places: Places) -> None:
    task = QuickTask()
    planned = plan(wanted(task), places)
    record = run(planned, places, parts=2)
    assert record.key == planned.key
    assert record.resolved == {"channels": 46, "batch_parts": 2}
    assert record.config == {"task": "classification", "epochs": 3}
    assert task.jobs[0].protocol.config["parts"] == 2
    # What the whole batch has left cannot be gone on with.
    assert task.jobs[0].work_dir.name == f"{planned.key[7:15]}-p2"


def test_a_process_that_takes_part_writes_and_prints_nothing(places: Places, capfd: pytest.CaptureFixture[str]) -> None:
    task = QuickTask()
    planned = plan(wanted(task), places)
    planned_dir = places.work / planned.name / planned.key[7:15]
    planned_dir.mkdir(parents=True)
    join(planned, places, None)
    assert [job.work_dir for job in task.jobs] == [planned_dir]
    assert capfd.readouterr() == ("", "")
    assert not places.results.exists()


@pytest.mark.parametrize("folder", ["results", "work"])
def test_folders_that_cannot_be_written_are_told_of_before_anything_is_run(folder: str, places: Places) -> None:
    task = QuickTask()
    planned = plan(wanted(task), places)
    (places.work.parent / folder).write_text("a file")
    with pytest.raises(OSError, match=folder):
        run(planned, places)
    assert task.jobs == []


def test_another_run_s_record_is_moved_aside_only_on_demand(places: Places) -> None:
    first = run(plan(wanted(), places), places)
    other = wanted(protocol=quick_protocol(epochs=9))
    with pytest.raises(InputError, match=r"seed0\.json: holds the record of a different run"):
        plan(other, places)
    moving = replace(places, replace=True)
    second = run(plan(other, moving), moving)
    assert plan(other, places).record == second
    assert places.store.find_aside(first.name, first.key) == first
    content = json.loads(places.store.path(first.name).read_text())
    assert content["config"]["epochs"] == 9


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="has no folder in which nobody can make a file")
def test_a_folder_in_which_nothing_can_be_made_is_told_of(places: Places) -> None:
    with pytest.raises(OSError, match="/proc"):
        replace(places, work=Path("/proc/self")).prepare()
    places.prepare()
    assert [list(folder.iterdir()) for folder in (places.results, places.work)] == [[], []]


def test_without_places_it_is_results_and_work_here() -> None:
    assert Places() == Places(results=Path("results"), work=Path("work"), replace=False)
    assert Places().store.root == Path("results/records")
