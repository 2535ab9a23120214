from __future__ import annotations

from typing import Any

import pytest

from bench.searches.task import any_settings_of, search_settings
from bench.searches.workload import sampled_workload, search_workload
from bench.tasks.registry import load_protocol
from search.configs import config_names
from search.methods.penalty import Anchor, BetaDecay, ZeroOne
from search.methods.relaxation import Concrete, Dirichlet, Gumbel, Sigmoid, Softmax
from search.methods.schedule import Schedule
from search.methods.selection import ByPerturbation, ByThreshold
from search.methods.stopping import Curvature, SkipCount
from search.sampling.samplers import Evolution, RandomSampler
from search.sampling.settings import SampledSettings
from search.settings import SearchSettings
from tests.search.methods.published import OTHERS

WITH_SUPERNET = {name: numbers for name, numbers in OTHERS.items() if numbers}

RISING = Schedule(start=0.0, end=50.0, reached=False)


def sampled(name: str) -> SampledSettings:
    found = any_settings_of(load_protocol(name, (), ("search",))[1])
    assert isinstance(found, SampledSettings)
    return found


@pytest.mark.parametrize("name", WITH_SUPERNET)
def test_a_method_s_numbers_are_those_of_its_code(name: str) -> None:
    numbers, found = WITH_SUPERNET[name], search_settings(f"search/{name}")
    stages = [(stage.epochs, stage.frozen_epochs, stage.layers, stage.channels) for stage in found.stages]
    weights, architecture = found.weights, found.architecture
    assert {
        "stages": stages,
        "batch_size": found.batch_size,
        "weights": (weights.lr, weights.final_lr, weights.weight_decay),
        "architecture": (architecture.lr, architecture.betas, architecture.weight_decay),
        "rule": found.rule,
    } == {key: value for key, value in numbers.items() if key != "candidates"}
    assert (weights.momentum, weights.clip_norm, found.nodes, found.order) == (0.9, 5, 4, 1)
    space = found.space()
    assert {len(row) for row in (*space.normal, *space.reduce)} == {numbers.get("candidates", 8)}


#: The parts of each method.
PARTS: dict[str, dict[str, Any]] = {
    "snas": {"relaxation": Concrete(temperature=Schedule(start=1.0, end=0.03)), "levels": 1},
    "gdas": {"relaxation": Gumbel(temperature=Schedule(start=10.0, end=0.1))},
    "drnas": {
        "relaxation": Dirichlet(),
        "penalties": [Anchor(type="anchor", distance="l2", weight=Schedule(start=1e-3, end=1e-3))],
    },
    "fair_darts": {
        "relaxation": Sigmoid(),
        "penalties": [ZeroOne(type="zero_one", weight=Schedule(start=10.0, end=10.0))],
        "selection": ByThreshold(type="threshold", threshold=0.85),
    },
    "darts_minus": {"auxiliary_skip": Schedule(start=1.0, end=0.0, reached=False)},
    "beta_darts": {"penalties": [BetaDecay(type="beta_decay", weight=RISING)]},
    "sdarts": {"perturbation": Schedule(start=0.03, end=0.3, reached=False)},
    "robust_darts": {"stop": Curvature(type="curvature", window=5, lag=5, ratio=1.3, first=11)},
    "darts_plus": {"stop": SkipCount(type="skips", most=2, first=10)},
    "darts_pt": {"selection": ByPerturbation(type="perturbation", tune_epochs=5, tune_lr=0.0025)},
}
PARTS["pc_drnas"] = PARTS["drnas"]
PARTS["p_beta_darts"] = PARTS["beta_darts"]


def parts_of(found: SearchSettings) -> dict[str, Any]:
    """What is not DARTS'."""
    method = found.architecture
    every = {
        "relaxation": (method.relaxation, Softmax()),
        "levels": (method.levels, 2),
        "penalties": (method.penalties, []),
        "perturbation": (method.perturbation and method.perturbation.epsilon, None),
        "auxiliary_skip": (method.auxiliary_skip and method.auxiliary_skip.weight, None),
        "stop": (method.stop, None),
        "selection": (found.selection, None),
    }
    return {name: value for name, (value, default) in every.items() if value != default}


@pytest.mark.parametrize("name", PARTS)
def test_a_method_is_its_parts(name: str) -> None:
    assert parts_of(search_settings(f"search/{name}_cifar10")) == PARTS[name]


def test_drnas_takes_fewer_candidates_and_more_channels_in_its_second_stage() -> None:
    found = search_settings("search/drnas_cifar10")
    assert [(found.partial_channels_of(stage), stage.keep) for stage in found.stages] == [(6, None), (4, 4)]
    assert found.initial_alpha == "carried"


def test_the_digits_have_every_method() -> None:
    """With the parts of its config for CIFAR, but for windows and images that are smaller."""
    names = {
        name.removeprefix("search/digits_")
        for name in config_names("search")
        if "digits" in name and "study" not in name
    }
    assert names == {*PARTS, "darts", "pc_darts", "p_darts", "random", "evolution"}
    for name in PARTS:
        found, own = search_settings(f"search/digits_{name}"), PARTS[name]
        assert parts_of(found).keys() == own.keys()
        for kind, part in parts_of(found).items():
            if kind not in ("stop", "selection") or name == "fair_darts":
                assert part == own[kind]
        assert found.method == search_settings(f"search/{name}_cifar10").method


def test_sampled_searches_are_of_the_budget_of_darts() -> None:
    for prefix, like, counts in (("", "darts_v1_cifar10", {}), ("digits_", "digits_darts", {"images": 1257})):
        suffix = "" if prefix else "_cifar10"
        random, evolution = (sampled(f"search/{prefix}{name}{suffix}") for name in ("random", "evolution"))
        assert random.sampler == RandomSampler(type="random")
        assert isinstance(evolution.sampler, Evolution)
        assert evolution.model_copy(update={"sampler": random.sampler, "method": random.method}) == random
        darts = search_workload(search_settings(f"search/{like}"), counts).total
        assert sampled_workload(random, counts).total == pytest.approx(darts, rel=0.1)
        # A quarter is sampled, as 25 of 100.
        assert evolution.sampler.sample * 4 == evolution.sampler.population
