"""A step of the loop with each method's parts."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from backbones.genotype import SEARCH_OPERATIONS
from bench.machine.kernels import Issued
from search.data.settings import Proxy
from search.loop.bilevel import Bilevel, build_optimisers
from search.loop.graph import WARM_UP, Replays
from search.loop.penalties import Penalties
from search.settings import ArchitectureSettings, WeightOptimiser
from search.space import SearchSpace
from search.supernet import SuperNet
from search.supernet.weighting import Weighting
from tests.search.loop.recorded import Recorded
from tests.search.methods.made import METHODS

PROXY = Proxy(root="nowhere", image_size=8, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
SPACE = SearchSpace.full(2, SEARCH_OPERATIONS)


def model(method: str, arithmetic: Any = "stacked", order: int = 1, **changes: Any) -> tuple[Bilevel, Any]:
    torch.manual_seed(1)
    parts = ArchitectureSettings(**{"lr": 0.003, "weight_decay": 0.1, **METHODS[method], **changes})
    weighting = Weighting(SPACE, parts.relaxation, parts.perturbation, parts.auxiliary_skip)
    net = SuperNet(SPACE, 4, 3, 3, 2, edge_normalisation=True, arithmetic=arithmetic, weighting=weighting)
    optimisers = build_optimisers(net, WeightOptimiser(lr=0.1, weight_decay=0.01), parts)
    bilevel = Bilevel(net, PROXY, order, levels=parts.levels, penalties=Penalties(parts.penalties)).train()
    bilevel.train_architecture = True
    bilevel.set_epoch(1, 4)
    return bilevel, optimisers


def batches(count: int) -> list[dict[str, Tensor]]:
    draws = torch.Generator().manual_seed(0)
    return [
        {
            f"{half}_{kind}": torch.randint(0, 256, (4, 3, 8, 8), dtype=torch.uint8, generator=draws)
            if kind == "images"
            else torch.randint(0, 3, (4,), generator=draws)
            for half in ("weight", "architecture")
            for kind in ("images", "labels")
        }
        for _ in range(count)
    ]


def ends(bilevel: Bilevel, optimisers: Any, steps: int = 3) -> dict[str, Tensor]:
    torch.manual_seed(2)
    for batch in batches(steps):
        bilevel.train_step(batch, optimisers)
    return bilevel.state_dict()


@pytest.mark.parametrize(
    "parts",
    [
        {"penalties": [{"type": "beta_decay", "weight": 0}]},
        {"penalties": [{"type": "zero_one", "weight": 0}, {"type": "anchor", "distance": "kl", "weight": 0}]},
        {"perturbation": {"type": "random", "epsilon": {"start": 0, "end": 0}}},
        {"auxiliary_skip": {"weight": {"start": 0, "end": 0}}},
    ],
    ids=["beta decay", "zero-one and anchor", "epsilon", "auxiliary skip"],
)
def test_parts_of_no_strength_are_darts_to_the_bit(parts: dict[str, Any]) -> None:
    found, expected = ends(*model("darts", **parts)), ends(*model("darts"))
    assert found.keys() == expected.keys()
    assert all(torch.equal(value, expected[name]) for name, value in found.items())


def test_l2_to_the_anchor_is_weight_decay() -> None:
    """DrNAS' code has it as Adam's decay; here the optimiser's own is 0.1 in the one, 0 in the other."""
    anchor = [{"type": "anchor", "distance": "l2", "weight": 0.1}]
    found = ends(*model("darts", penalties=anchor, weight_decay=0.0))
    # β has no anchor, and so no decay either.
    expected = ends(*model("darts"))
    for name in ("supernet.alpha_normal", "supernet.alpha_reduce"):
        torch.testing.assert_close(found[name], expected[name], rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize("order", [1, 2])
def test_a_penalty_is_added_to_the_gradient_of_alpha(order: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of Adam's first moment, half of the gradient; by hand, of both orders alike."""
    monkeypatch.setattr("search.loop.bilevel.prepare", lambda images, how, training: images.double() / 128 - 1)

    def moments(**changes: Any) -> list[Tensor]:
        bilevel, optimisers = model("darts", order=order, weight_decay=0.0, **changes)
        bilevel.double()
        (batch,) = batches(1)
        bilevel.architecture_step(bilevel.batch(batch, "architecture"), bilevel.batch(batch, "weight"), optimisers)
        state = optimisers["architecture"].optimizer.state
        return [state[each]["exp_avg"] for each in bilevel.supernet.architecture_parameters().values()]

    bilevel, _ = model("darts")
    plain, penalised = moments(), moments(penalties=[{"type": "beta_decay", "weight": 7}])
    for index, alpha in enumerate((bilevel.supernet.alpha_normal, bilevel.supernet.alpha_reduce)):
        # d/dα of the mean over five edges of log Σ exp(α) is softmax(α) / 5.
        gradient = F.softmax(alpha.detach().double(), dim=1) * 7 / 5
        torch.testing.assert_close(penalised[index] - plain[index], gradient / 2, rtol=1e-6, atol=1e-9)
    assert all(torch.equal(one, other) for one, other in zip(penalised[2:], plain[2:], strict=True))


def test_one_level_moves_alpha_and_weights_by_one_pass() -> None:
    """SNAS: both gradients are those of the loss on the weights' images, under the same sample."""
    bilevel, optimisers = model("snas")
    expected = copy.deepcopy(bilevel)
    (batch,) = batches(1)
    torch.manual_seed(3)
    log = bilevel.train_step(batch, optimisers)
    assert set(log) == {"loss", "accuracy", "grad_norm"}
    torch.manual_seed(3)
    loss = F.cross_entropy(expected(batch["weight_images"]), batch["weight_labels"])
    assert log["loss"].item() == pytest.approx(loss.item())
    architecture = list(expected.supernet.architecture_parameters().values())
    gradients = torch.autograd.grad(loss, [*architecture, expected.supernet.classifier.weight], retain_graph=True)
    state = optimisers["architecture"].optimizer.state
    ours = list(bilevel.supernet.architecture_parameters().values())
    for mine, theirs, gradient in zip(ours, architecture, gradients, strict=False):
        # Adam's first moment, with a decay of 0.1, of the values before the step.
        torch.testing.assert_close(state[mine]["exp_avg"], (gradient + 0.1 * theirs.detach()) / 2, rtol=1e-4, atol=1e-7)
    assert not torch.equal(bilevel.supernet.classifier.weight, expected.supernet.classifier.weight)
    assert all(parameter.grad is None for parameter in bilevel.parameters())


def test_only_the_weight_step_is_perturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    bilevel, optimisers = model("sdarts")
    seen: list[bool] = []
    forward = Weighting.forward

    def watched(own: Weighting, alpha: Tensor, cell: str) -> Tensor:
        seen.append(own.perturbs)
        return forward(own, alpha, cell)

    monkeypatch.setattr(Weighting, "forward", watched)
    bilevel.train_step(batches(1)[0], optimisers)
    assert seen == [False, False, True, True]


@pytest.mark.parametrize("arithmetic", ["moments", "stacked"])
@pytest.mark.parametrize("method", [name for name in METHODS if name != "darts"])
def test_steps_issue_the_same_and_nothing_from_the_host(method: str, arithmetic: Any) -> None:
    bilevel, optimisers = model(method, arithmetic)
    first, *others = batches(3)
    bilevel.train_step(first, optimisers)
    seen = []
    for epoch, batch in enumerate(others):
        # Epoch 0 of a schedule from 0 would be another kind of step.
        bilevel.set_epoch(epoch + 1, 5)
        with Issued() as issued:
            bilevel.train_step(batch, optimisers)
        counts = issued.counts()
        assert counts["host_copies"] == counts["reads"] == 0
        seen.append(issued.operations)
    assert seen[0] == seen[1]


@pytest.mark.parametrize("method", ["gdas", "drnas", "sdarts", "snas"])
def test_replayed_steps_end_where_others_do(method: str) -> None:
    """Across epochs, whose temperature a replay reads."""
    found = []
    for capture in (None, Recorded()):
        bilevel, optimisers = model(method)
        bilevel.replays = None if capture is None else Replays(capture)
        torch.manual_seed(2)
        for number, batch in enumerate(batches(WARM_UP + 3)):
            bilevel.set_epoch(number // 3, 2)
            bilevel.train_step(batch, optimisers)
        if bilevel.replays is not None:
            assert bilevel.replays.captures == 1
        found.append(bilevel.state_dict())
    assert all(torch.equal(value, found[1][name]) for name, value in found[0].items())


@cache
def kernels(method: str) -> int:
    """Of a whole step at the paper's number of nodes, α frozen in neither."""
    parts = ArchitectureSettings(lr=0.003, **METHODS[method])
    space = SearchSpace.full(4, SEARCH_OPERATIONS)
    weighting = Weighting(space, parts.relaxation, parts.perturbation, parts.auxiliary_skip)
    net = SuperNet(space, 16, 5, 3, arithmetic="stacked", weighting=weighting)
    bilevel = Bilevel(net, PROXY, levels=parts.levels, penalties=Penalties(parts.penalties)).train()
    bilevel.train_architecture = True
    bilevel.set_epoch(1, 4)
    optimisers = build_optimisers(net, WeightOptimiser(lr=0.1, weight_decay=0.01), parts)
    bilevel.train_step(batches(1)[0], optimisers)
    with Issued() as issued:
        bilevel.train_step(batches(1)[0], optimisers)
    return issued.counts()["kernels"]


@pytest.mark.parametrize("method", [name for name in METHODS if name != "darts"])
def test_a_step_needs_about_as_many_kernels_as_darts(method: str) -> None:
    """Within 10 %; GDAS computes every candidate, too."""
    assert kernels(method) <= 1.1 * kernels("darts")


def test_what_is_scheduled_is_told() -> None:
    assert model("darts")[0].scheduled == {}
    assert model("gdas")[0].scheduled == pytest.approx({"temperature": 6.7})
    assert model("sdarts")[0].scheduled == pytest.approx({"perturbation": 0.03 * 0.75 + 0.3 * 0.25})
    assert model("darts_minus")[0].scheduled == pytest.approx({"auxiliary_skip": 0.75})
    assert model("beta_darts")[0].scheduled == pytest.approx({"beta_decay_weight": 12.5})
