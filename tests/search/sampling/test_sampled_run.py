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
from search.sampling.run import run_sampled
from search.sampling.settings import SampledSettings, parse_search
from search.settings import SearchSettings
from tests.search.test_search_run import Interrupted


@pytest.fixture
def settings(tiny_search: Callable[..., SearchSettings]) -> Callable[..., SampledSettings]:
    def make(**changes: Any) -> SampledSettings:
        values: dict[str, Any] = {
            "task": "search",
            "method": "Evolution",
            "proxy": tiny_search().proxy.model_dump(),
            "nodes": 2,
            "sampler": {"type": "evolution", "population": 2, "sample": 1},
            "candidates": 3,
            "epochs": 2,
            "layers": 3,
            "channels": 4,
            "batch_size": 4,
            "weights": {"lr": 0.05, "weight_decay": 3e-4},
        }
        return SampledSettings.model_validate({**values, **changes})

    return make


def interrupt_at(candidate: int, epoch: int) -> Callable[[float, str], None]:
    def progress(fraction: float, doing: str) -> None:
        if f"candidate {candidate} of" in doing and f"epoch {epoch} of" in doing:
            raise Interrupted

    return progress


def files(folder: Path) -> dict[str, bytes]:
    names = ("architecture.json", "genotypes.json", "curve.jsonl", "stage1/epochs.jsonl", "stage1/architecture.json")
    return {name: (folder / name).read_bytes() for name in names}


@pytest.mark.parametrize("sampler", [{"type": "random"}, {"type": "evolution", "population": 2, "sample": 1}])
def test_an_interrupted_search_resumed_equals_an_uninterrupted_one(
    sampler: dict[str, Any], settings: Callable[..., SampledSettings], tmp_path: Path
) -> None:
    own = settings(sampler=sampler)
    told: list[float] = []
    whole = run_sampled(own, tmp_path / "whole", 1, lambda fraction, doing: told.append(fraction))
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)
    for place in ((2, 1), (3, 2)):
        with pytest.raises(Interrupted):
            run_sampled(own, tmp_path / "resumed", 1, interrupt_at(*place))
        torch.manual_seed(99)
    assert run_sampled(own, tmp_path / "resumed", 1) == whole
    assert files(tmp_path / "resumed") == files(tmp_path / "whole")
    # A finished one trains nothing.
    assert run_sampled(own, tmp_path / "whole", 1, interrupt_at(1, 1)) == whole
    assert not list((tmp_path / "whole" / "stage1").glob("candidate*"))


def test_the_best_candidate_is_the_architecture(settings: Callable[..., SampledSettings], tmp_path: Path) -> None:
    result = run_sampled(settings(), tmp_path, 2)
    lines = [json.loads(line) for line in (tmp_path / "curve.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(line["stage"], line["epoch"]) for line in lines] == [(1, 1), (1, 2), (1, 3)]
    best = max(lines, key=lambda line: line["accuracy"])
    assert result.genotype == Genotype.from_json(best["genotype"])
    assert (result.accuracy, result.params) == (best["accuracy"], best["candidate_params"])
    found = read_architecture(tmp_path / "architecture.json")
    assert derive(found) == result.genotype
    # α tells the same to whoever reads it by the rule.
    without = found.model_copy(update={"selected": None})
    assert derive(without) == result.genotype
    assert result.genotype.nodes == 2


def test_a_folder_belongs_to_one_search(settings: Callable[..., SampledSettings], tmp_path: Path) -> None:
    run_sampled(settings(candidates=1), tmp_path, 1)
    with pytest.raises(InputError, match="other settings"):
        run_sampled(settings(candidates=2), tmp_path, 1)


def test_a_config_with_a_sampler_has_no_supernet(settings: Callable[..., SampledSettings]) -> None:
    values = settings().model_dump(mode="json")
    assert isinstance(parse_search(values, "here"), SampledSettings)
    with pytest.raises(InputError, match="unknown key 'stages'"):
        parse_search({**values, "stages": []}, "here")
    with pytest.raises(InputError, match="besides 'none'"):
        parse_search({**values, "operations": ["none"]}, "here")
