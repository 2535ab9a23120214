"""Where a stage's architecture and seed are from, and what must end before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from backbones import zoo
from backbones.errors import InputError
from bench.pipeline.assembly import _shown, _texts
from bench.pipeline.changes import MOST, _short
from bench.pipeline.memory import NOTE, _noted_parts
from bench.pipeline.stages import Best, Given, PipelineStage, Searched, drawn
from bench.pipeline.survival import comparable
from bench.records.record import Record
from bench.tasks.architectures import resolve
from tests.bench.runs.quick import QuickTask, quick_protocol

MakeRecord = Callable[..., Record]
SEARCH = PipelineStage("search/s · seed 4", QuickTask(), quick_protocol(), None, 4)


def cells(name: str) -> dict[str, Any]:
    return zoo.get(name).genotype.to_json()


@pytest.fixture
def searched(make_record: MakeRecord) -> Record:
    """M = 2 and stage 2 give the result, M = 3 and 4 and stage 1 one other genotype, M = 0 none."""
    skips = {"0": None, "2": cells("PDARTS"), "3": cells("DARTS_V2"), "4": cells("DARTS_V2")}
    resolved = {"max_skips": skips, "stages": [cells("DARTS_V1"), cells("PDARTS"), None]}
    return make_record(task="search", protocol="search/s", method="P-DARTS", metrics={}, resolved=resolved)


@pytest.mark.parametrize(
    ("source", "label", "name", "method", "cells_of"),
    [
        (Searched(SEARCH), "s · seed 4", "PDARTS", "P-DARTS", "PDARTS"),
        (Searched(SEARCH, max_skips=2), "s · seed 4, M=2", "PDARTS", "P-DARTS", "PDARTS"),
        (Searched(SEARCH, max_skips=3), "s · seed 4, M=3", "PDARTS-m3", "P-DARTS, M=3", "DARTS_V2"),
        # Of equal genotypes the first name.
        (Searched(SEARCH, max_skips=4), "s · seed 4, M=4", "PDARTS-m3", "P-DARTS, M=3", "DARTS_V2"),
        (Searched(SEARCH, stage=1), "s · seed 4, after stage 1", "PDARTS-stage1", "P-DARTS, stage 1", "DARTS_V1"),
        (Searched(SEARCH, stage=2), "s · seed 4, after stage 2", "PDARTS", "P-DARTS", "PDARTS"),
    ],
)
def test_a_search_gives_its_own_genotype_or_another(
    source: Searched, label: str, name: str, method: str, cells_of: str, searched: Record
) -> None:
    assert (source.label, source.needs, source.seed({})) == (label, (SEARCH.title,), 4)
    found = source.architecture({SEARCH.title: searched})
    assert (found.name, found.method) == (name, method)
    assert found.design.digest == zoo.get(cells_of).genotype.digest


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (Searched(SEARCH, max_skips=0), "the search has no genotype m0"),
        (Searched(SEARCH, max_skips=9), "the search has no genotype m9"),
        (Searched(SEARCH, stage=3), "the search has no genotype stage3"),
        (Searched(SEARCH, stage=4), "the search has no genotype stage4"),
    ],
)
def test_a_genotype_that_was_not_found_is_named(source: Searched, said: str, searched: Record) -> None:
    with pytest.raises(InputError, match=said):
        source.architecture({SEARCH.title: searched})
    older = searched.model_copy(update={"resolved": {}})
    what = "max_skips" if source.max_skips is not None else "stages"
    with pytest.raises(InputError, match=f"has no genotypes by '{what}'; move the record away"):
        source.architecture({SEARCH.title: older})


def test_the_first_of_the_best_goes_on(make_record: MakeRecord) -> None:
    def evaluated(error: float, seed: int = 0) -> Record:
        metric = {"value": error, "unit": "%", "higher_is_better": False}
        return make_record(seed=seed, metrics={"validation_error": metric})

    sources = [Given(resolve(name), own_seed) for name, own_seed in (("PDARTS", 3), ("DARTS_V2", 5), ("DARTS_V1", 6))]
    candidates = tuple(
        PipelineStage(f"held/{number}", QuickTask(), quick_protocol(), source, None)
        for number, source in enumerate(sources)
    )
    best = Best("search/s", candidates)
    assert best.label == "best of 3 of search/s"
    assert best.needs == ("held/0", "held/1", "held/2")
    found = {f"held/{number}": evaluated(error) for number, error in enumerate((4.0, 2.0, 2.0))}
    assert best.architecture(found).name == "DARTS_V2"
    assert best.seed(found) == 5
    assert best.report(found) == {
        "rule": "best by standalone validation",
        "of": "search/s",
        "chosen": "DARTS_V2",
        "candidates": {"PDARTS": 4.0, "DARTS_V2": 2.0, "DARTS_V1": 2.0},
        "metric": "validation_error",
        "protocol": quick_protocol().name,
    }
    behind = PipelineStage("behind", QuickTask(), quick_protocol(), best, None, candidates[0])
    assert behind.needs == (*best.needs, "held/0")
    assert (behind.seed(found), replace(behind, given_seed=0).seed(found)) == (5, 0)
    assert behind.architecture(found) == best.architecture(found)
    assert (SEARCH.architecture({}), SEARCH.needs) == (None, ())
    waiting = Best("search/s", (PipelineStage("held", QuickTask(), quick_protocol(), Searched(SEARCH), None),))
    assert waiting.needs == (SEARCH.title, "held")


def test_one_is_drawn_by_the_seed() -> None:
    assert [drawn(["a"], seed) for seed in range(3)] == ["a"] * 3
    assert {drawn([0, 1], seed) for seed in range(20)} == {0, 1}


def test_options_are_shown_by_their_method_or_all() -> None:
    assert _shown({}) == ""
    assert _shown({"method": "mine", "nodes": 3}) == " (mine)"
    assert _shown({"nodes": 3, "stages.0.epochs": 5}) == " (nodes=3, stages.0.epochs=5)"
    assert _texts({"nodes": 3, "name": "x"}) == ["nodes=3", "name='x'"]


@pytest.mark.parametrize(
    ("text", "short"), [("x" * 40, "x" * 40), ("x" * 41, "x" * 39 + "…"), (3, "3"), (None, "None")]
)
def test_a_long_value_is_cut(text: object, short: str) -> None:
    assert _short(text) == short
    assert MOST == 4


def test_the_number_of_parts_has_bounds(tmp_path: Any) -> None:
    note = tmp_path / NOTE
    for text in ("1", str(1 << 20)):
        note.write_text(text)
        assert _noted_parts(note) == int(text)
    for text in ("0", str((1 << 20) + 1), "true", "2.0", '"2"'):
        note.write_text(text)
        with pytest.raises(InputError, match=r"expected a number of parts .* remove it to try the batch whole"):
            _noted_parts(note)
    note.write_text(" " * 1024 + "2")
    with pytest.raises(InputError, match="1,024 at most"):
        _noted_parts(note)
    note.write_text(" " * 1023 + "2")
    assert _noted_parts(note) == 2


def test_records_are_compared_without_what_is_measured(make_record: MakeRecord) -> None:
    cost = {"seconds": 1.0, "peak_memory": 1, "params": 5, "macs": 10}
    weights = {"sha256": "sha256:" + "4" * 64, "record": "classification/c/PDARTS/seed0"}
    what: dict[str, Any] = {
        "task": "search",
        "protocol": "search/s",
        "initial_weights": weights,
        "resolved": {"stage_peak_memory": [1], "kept": 2},
        "metrics": {
            "search_cost": {"value": 1.0, "unit": "device-days", "higher_is_better": False},
            "skip_count": {"value": 2.0, "unit": "edges", "higher_is_better": False},
        },
    }
    one = comparable(make_record(**what, cost=cost))
    other = {**what, "resolved": {"stage_peak_memory": [9], "kept": 2}, "environment": {"python": "3.12"}}
    other["metrics"] = {**what["metrics"], "search_cost": {**what["metrics"]["search_cost"], "value": 9.0}}
    other["initial_weights"] = {**weights, "sha256": "sha256:" + "5" * 64}
    later = {"started": "2026-02-01T00:00:00+00:00", "finished": "2026-02-01T00:00:09+00:00"}
    assert comparable(make_record(**other, **later, cost={**cost, "seconds": 9.0, "peak_memory": 9})) == one
    for changes in ({"seed": 1}, {"resolved": {"kept": 3}}, {"cost": {**cost, "params": 6}}):
        assert comparable(make_record(**{**what, "cost": cost, **changes})) != one
