"""Searches by each method from end to end: interrupted, repeated, stopped early, selected by perturbation."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from backbones.errors import InputError
from backbones.genotype import Genotype
from search.derive import derive, read_architecture
from search.loop import early
from search.run import run_search
from search.settings import SearchSettings
from tests.search.methods.made import METHODS
from tests.search.test_search_run import Interrupted, interrupt_at, weights

Settings = Callable[..., SearchSettings]

STAGE = {"epochs": 2, "frozen_epochs": 0, "layers": 3, "channels": 4}

#: Besides the parts of `METHODS`: what else a run does.
RUNS: dict[str, dict[str, Any]] = {
    **{name: {"architecture": parts} for name, parts in METHODS.items() if name != "darts"},
    "curvature": {"architecture": {"stop": {"type": "curvature", "window": 1, "lag": 1, "ratio": 1.5}}},
    "fair_threshold": {
        "architecture": METHODS["fair_darts"],
        "selection": {"type": "threshold", "threshold": 0.5},
        "operations": ["skip_connect", "sep_conv_3x3"],
    },
}


def settings_of(tiny_search: Settings, **changes: Any) -> SearchSettings:
    architecture = {"lr": 0.01, **changes.pop("architecture", {})}
    values = {"stages": [STAGE], "max_skips": None, "rule": "darts", "method": "some"}
    return tiny_search(**{**values, "architecture": architecture, **changes})


def left(folder: Path) -> dict[str, bytes]:
    names = ("architecture.json", "curve.jsonl", "stage1/epochs.jsonl", "stage1/summary.json")
    return {name: (folder / name).read_bytes() for name in names}


@pytest.mark.parametrize("method", RUNS)
def test_an_interrupted_search_resumed_equals_an_uninterrupted_one(
    method: str, tiny_search: Settings, tmp_path: Path
) -> None:
    """By the same seed, whatever the generators were before: the bytes of its files, and every weight."""
    settings = settings_of(tiny_search, **RUNS[method])
    whole = run_search(settings, tmp_path / "whole", seed=1)
    with pytest.raises(Interrupted):
        run_search(settings, tmp_path / "resumed", 1, interrupt_at(1, 2))
    torch.manual_seed(99)
    assert run_search(settings, tmp_path / "resumed", 1) == whole
    assert left(tmp_path / "resumed") == left(tmp_path / "whole")
    one, other = (weights(tmp_path / name / "stage1") for name in ("resumed", "whole"))
    assert all(torch.equal(value, other[name]) for name, value in one.items())
    assert derive(read_architecture(tmp_path / "whole" / "architecture.json")) == whole.genotype


SCHEDULED = {
    "snas": ("temperature", [1.0, 0.3]),
    "gdas": ("temperature", [10.0, 0.1]),
    "drnas": ("anchor_weight", [0.001, 0.001]),
    "darts_minus": ("auxiliary_skip", [1.0, 0.5]),
    "beta_darts": ("beta_decay_weight", [0.0, 25.0]),
    "sdarts": ("perturbation", [0.03, 0.165]),
}


@pytest.mark.parametrize("method", SCHEDULED)
def test_schedules_are_in_every_epoch_s_line(method: str, tiny_search: Settings, tmp_path: Path) -> None:
    run_search(settings_of(tiny_search, architecture=METHODS[method]), tmp_path, seed=1)
    lines = [json.loads(line) for line in (tmp_path / "stage1/epochs.jsonl").read_text(encoding="utf-8").splitlines()]
    key, values = SCHEDULED[method]
    assert [line[key] for line in lines] == pytest.approx(values)


def test_the_weights_of_other_relaxations_are_in_the_architecture(tiny_search: Settings, tmp_path: Path) -> None:
    found = run_search(settings_of(tiny_search, architecture=METHODS["drnas"]), tmp_path, seed=1).architecture
    for cell in ("normal", "reduce"):
        concentration = torch.nn.functional.elu(torch.tensor(getattr(found, f"alpha_{cell}"), dtype=torch.float64)) + 1
        expected = concentration / concentration.sum(dim=1, keepdim=True)
        torch.testing.assert_close(torch.tensor(getattr(found, f"weights_{cell}"), dtype=torch.float64), expected)


def test_a_search_stops_where_the_rule_says(
    tiny_search: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The eigenvalues are made up: 1, 1, 9. The architecture is that of epoch 2; a killed search stops again."""
    values = iter([1.0, 1.0, 9.0])
    monkeypatch.setattr("search.loop.bilevel.Bilevel.curvature", lambda model, data: next(values))
    rule = {"type": "curvature", "window": 1, "lag": 1, "ratio": 1.5}
    settings = settings_of(tiny_search, stages=[{**STAGE, "epochs": 5}], architecture={"stop": rule})
    taken: list[int] = []
    take = early.take_epoch

    def die_first(supernet: Any, log: Path, epoch: int) -> None:
        taken.append(epoch)
        if len(taken) == 1:
            raise Interrupted
        take(supernet, log, epoch)

    monkeypatch.setattr("search.run.take_epoch", die_first)
    with pytest.raises(Interrupted):
        run_search(settings, tmp_path, 1)
    found = run_search(settings, tmp_path, 1)
    assert taken == [2, 2]
    lines = [json.loads(line) for line in (tmp_path / "stage1/epochs.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["eigenvalue"] for line in lines] == [1.0, 1.0, 9.0]
    assert found.architecture.alpha_normal == lines[1]["alpha_normal"]
    assert found.genotype == Genotype.from_json(lines[1]["genotype"])
    summary = json.loads((tmp_path / "stage1/summary.json").read_text(encoding="utf-8"))
    assert (summary["epochs"], summary["chosen_epoch"]) == (3, 2)
    # A finished search is read, not run again.
    assert run_search(settings, tmp_path, 1) == found


def test_a_search_stops_at_its_skip_connections(tiny_search: Settings, tmp_path: Path) -> None:
    """DARTS+: here all edges are skip connections from the start."""
    settings = settings_of(
        tiny_search,
        stages=[{**STAGE, "epochs": 4}],
        operations=["none", "skip_connect"],
        architecture={"stop": {"type": "skips", "most": 2}},
    )
    run_search(settings, tmp_path, 1)
    summary = json.loads((tmp_path / "stage1/summary.json").read_text(encoding="utf-8"))
    assert (summary["epochs"], summary["chosen_epoch"]) == (1, 1)


def interrupt_selection(at: int) -> Callable[[float, str], None]:
    count = 0

    def progress(fraction: float, doing: str) -> None:
        nonlocal count
        count += doing.startswith("selection")
        if count == at:
            raise Interrupted

    return progress


@pytest.mark.parametrize("tune_epochs", [0, 1])
def test_an_interrupted_selection_resumed_equals_an_uninterrupted_one(
    tune_epochs: int, tiny_search: Settings, tmp_path: Path
) -> None:
    settings = settings_of(
        tiny_search,
        nodes=1,
        stages=[{**STAGE, "epochs": 1}],
        operations=["none", "skip_connect", "sep_conv_3x3"],
        selection={"type": "perturbation", "tune_epochs": tune_epochs, "tune_lr": 0.01},
    )
    whole = run_search(settings, tmp_path / "whole", 1)
    found = read_architecture(tmp_path / "whole" / "architecture.json")
    assert found.selected == whole.genotype.to_json()
    told: list[float] = []
    # Two steps of two batches each; the second try begins in the second step.
    for at in (2 if tune_epochs == 0 else 3,):
        with pytest.raises(Interrupted):
            run_search(settings, tmp_path / "resumed", 1, interrupt_selection(at))
    torch.manual_seed(99)
    assert run_search(settings, tmp_path / "resumed", 1, lambda fraction, doing: told.append(fraction)) == whole
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)
    for name in ("architecture.json", "selection/decisions.jsonl", "selection/genotype.json"):
        assert (tmp_path / "resumed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    if tune_epochs:
        one, other = (weights(tmp_path / name / "selection") for name in ("resumed", "whole"))
        assert all(torch.equal(value, other[name]) for name, value in one.items())
    # A selected genotype's skip connections cannot be restricted.
    count = whole.genotype.skip_count
    assert derive(found, count) == whole.genotype
    if count:
        with pytest.raises(InputError, match="was not selected by its weights"):
            derive(found, count - 1)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"architecture": {"levels": 1}, "order": 2}, "order=2 needs architecture.levels=2"),
        ({"architecture": METHODS["sdarts"], "order": 2}, "order=2 needs architecture.levels=2"),
        ({"selection": {"type": "threshold", "threshold": 0.5}}, "needs architecture.relaxation 'sigmoid'"),
        ({"selection": {"type": "perturbation"}, "max_skips": 2}, "max_skips is for genotypes"),
        (
            {"architecture": {**METHODS["gdas"], "perturbation": METHODS["sdarts"]["perturbation"]}},
            "perturbation needs relaxation 'softmax'",
        ),
    ],
)
def test_parts_that_do_not_fit_are_refused(changes: dict[str, Any], said: str, tiny_search: Settings) -> None:
    with pytest.raises(ValueError, match=said):
        settings_of(tiny_search, **changes)


def test_defaults_are_in_no_dump(tiny_search: Settings) -> None:
    """So that keys of other searches stay."""
    dump = settings_of(tiny_search).model_dump(mode="json")
    assert set(dump["architecture"]) == {"lr", "betas", "weight_decay"}
    assert "selection" not in dump
