from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from backbones.genotype import SEARCH_OPERATIONS
from search.data.settings import Proxy
from search.loop.bilevel import Bilevel, build_optimisers
from search.settings import ArchitectureOptimiser, SearchSettings, WeightOptimiser
from search.space import SearchSpace
from search.supernet import SuperNet

PROXY = Proxy(root="nowhere", image_size=8, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))


@pytest.fixture
def batch() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return {
        f"{half}_{kind}": torch.randint(0, 256, (4, 3, 8, 8), dtype=torch.uint8) if kind == "images" else labels
        for half in ("weight", "architecture")
        for kind, labels in (("images", None), ("labels", torch.tensor([0, 1, 2, 0])))
    }


def model(**settings: Any) -> Bilevel:
    torch.manual_seed(1)
    net = SuperNet(SearchSpace.full(2, SEARCH_OPERATIONS), 4, 3, 3, 2, edge_normalisation=True)
    return Bilevel(net, PROXY, **settings).train()


def optimisers(bilevel: Bilevel, **weights: Any) -> Any:
    settings = WeightOptimiser(**{"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01, "clip_norm": 1.0, **weights})
    return build_optimisers(bilevel.supernet, settings, ArchitectureOptimiser(lr=0.003, weight_decay=0.1))


def gradients(bilevel: Bilevel, batch: dict[str, Tensor], half: str, of: list[Tensor]) -> list[Tensor]:
    pixels = batch[f"{half}_images"].float() / 255
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (PROXY.mean, PROXY.std))
    loss = F.cross_entropy(bilevel.supernet((pixels - mean) / std), batch[f"{half}_labels"])
    return list(torch.autograd.grad(loss, of))


def test_one_step_by_hand(batch: dict[str, Tensor]) -> None:
    """DARTS' first-order step: Adam on α and β with one half, then clipped SGD on the weights with the other."""
    bilevel = model()
    expected = copy.deepcopy(bilevel)
    bilevel.train_architecture = True
    log = bilevel.train_step(batch, optimisers(bilevel))
    assert set(log) == {"loss", "accuracy", "loss_architecture", "grad_norm"}

    architecture = list(expected.supernet.architecture_parameters().values())
    for value, gradient in zip(architecture, gradients(expected, batch, "architecture", architecture), strict=True):
        # Adam's first step: both moments, corrected, are the gradient and its square.
        decayed = gradient + 0.1 * value.detach()
        value.data -= 0.003 * decayed / (decayed.abs() + 1e-8)
    weights = expected.supernet.weight_parameters()
    found = gradients(expected, batch, "weight", weights)
    norm = torch.sqrt(sum((gradient**2).sum() for gradient in found))
    clip = min(1.0, 1.0 / float(norm))
    assert clip < 1
    torch.testing.assert_close(log["grad_norm"], norm, rtol=1e-4, atol=0)
    for value, gradient in zip(weights, found, strict=True):
        value.data -= 0.1 * (clip * gradient + 0.01 * value.detach())
    for (name, moved), wanted in zip(bilevel.named_parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(moved, wanted, rtol=1e-4, atol=1e-5, msg=name)


def test_frozen_architecture_stays(batch: dict[str, Tensor]) -> None:
    bilevel = model()
    before = copy.deepcopy(bilevel.supernet.state_dict())
    log = bilevel.train_step(batch, optimisers(bilevel))
    assert set(log) == {"loss", "accuracy", "grad_norm"}
    after = bilevel.supernet.state_dict()
    architecture = bilevel.supernet.architecture_parameters()
    assert all(torch.equal(after[name], before[name]) for name in architecture)
    assert not torch.equal(after["classifier.weight"], before["classifier.weight"])


def test_accuracy_is_that_of_the_weight_half_before_its_step(batch: dict[str, Tensor]) -> None:
    bilevel = model()
    with torch.no_grad():
        guesses = copy.deepcopy(bilevel)(batch["weight_images"]).argmax(dim=1).tolist()
    # All of the guesses right, then none, then one of the four.
    for labels, expected in (
        (guesses, 100.0),
        ([(guess + 1) % 3 for guess in guesses], 0.0),
        ([guesses[0], *((guess + 2) % 3 for guess in guesses[1:])], 25.0),
    ):
        step = {**batch, "weight_labels": torch.tensor(labels)}
        trained = copy.deepcopy(bilevel)
        assert trained.train_step(step, optimisers(trained))["accuracy"].item() == expected


def test_every_parameter_is_in_one_optimiser() -> None:
    bilevel = model()
    found = [
        id(each)
        for wrapper in optimisers(bilevel).values()
        for group in wrapper.optimizer.param_groups
        for each in group["params"]
    ]
    assert sorted(found) == sorted(id(each) for each in bilevel.parameters())


def test_clipping_can_be_off(batch: dict[str, Tensor]) -> None:
    results = []
    for clip_norm in (None, 1e9):
        bilevel = model()
        log = bilevel.train_step(batch, optimisers(bilevel, clip_norm=clip_norm))
        assert ("grad_norm" in log) == (clip_norm is not None)
        results.append(bilevel.supernet.classifier.weight.detach())
    torch.testing.assert_close(*results)


def test_evaluation_is_not_augmented(tiny_search: Callable[..., SearchSettings]) -> None:
    bilevel = model()
    bilevel.proxy = tiny_search().proxy
    images = torch.randint(0, 256, (4, 3, 8, 8), dtype=torch.uint8)
    assert not torch.equal(bilevel(images), bilevel(images))
    bilevel.eval()
    assert torch.equal(bilevel(images), bilevel(images))


@pytest.mark.parametrize("order", [1, 2])
def test_a_step_leaves_every_parameter_trainable_and_no_gradient(batch: dict[str, Tensor], order: int) -> None:
    bilevel = model(order=order)
    bilevel.train_architecture = True
    bilevel.train_step(batch, optimisers(bilevel))
    architecture = bilevel.supernet.architecture_parameters()
    for name, parameter in bilevel.supernet.named_parameters():
        assert parameter.grad is None
        # The weight step needs no gradient of α and β; the architecture step turns theirs on.
        assert parameter.requires_grad == (name not in architecture)


def test_losses_stay_on_the_device(batch: dict[str, Tensor]) -> None:
    bilevel = model()
    bilevel.train_architecture = True
    for value in bilevel.train_step(batch, optimisers(bilevel)).values():
        assert isinstance(value, Tensor)
        assert not value.requires_grad


def test_the_order_is_nothing_to_frozen_epochs(batch: dict[str, Tensor]) -> None:
    found = []
    for order in (1, 2):
        bilevel = model(order=order)
        bilevel.train_step(batch, optimisers(bilevel))
        found.append(bilevel.state_dict())
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


def test_bf16_is_close_to_fp32_and_leaves_parameters_in_fp32(batch: dict[str, Tensor]) -> None:
    losses = []
    for precision in ("fp32", "bf16"):
        bilevel = model(precision=precision)
        bilevel.train_architecture = True
        wrappers = optimisers(bilevel)
        losses.append([bilevel.train_step(batch, wrappers)["loss"] for _ in range(3)])
        assert all(value.dtype == torch.float32 for value in bilevel.parameters())
        assert bilevel(batch["weight_images"]).dtype == torch.float32
    fp32, bf16 = (torch.stack(each) for each in losses)
    torch.testing.assert_close(bf16, fp32, rtol=0.02, atol=0.02)
    assert not torch.equal(bf16, fp32)


def test_second_order_needs_full_precision(tiny_search: Callable[..., SearchSettings]) -> None:
    with pytest.raises(ValueError, match="order=2 needs precision='fp32'"):
        tiny_search(order=2, precision="bf16")


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("clip", [None, 1e-3, 1e3])
def test_the_gradient_of_alpha_and_beta_is_clipped_together(
    batch: dict[str, Tensor], order: int, clip: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind the mean over the processes, whose stand-in here doubles all of it; Adam's first moment is half of what
    it is given."""
    monkeypatch.setattr("search.loop.bilevel.average", lambda tensors: [2 * tensor for tensor in tensors])

    def moments(clip: float | None) -> Tensor:
        bilevel = model(order=order).double()
        bilevel.train_architecture = True
        both = build_optimisers(
            bilevel.supernet,
            WeightOptimiser(lr=0.1, weight_decay=0.01),
            ArchitectureOptimiser(lr=0.003, weight_decay=0.0, clip_norm=clip),
        )
        monkeypatch.setattr("search.loop.bilevel.prepare", lambda images, how, training: images.double() / 128 - 1)
        halves = bilevel.batch(batch, "architecture"), bilevel.batch(batch, "weight")
        bilevel.architecture_step(*halves, both)
        state = both["architecture"].optimizer.state
        return torch.cat(
            [state[each]["exp_avg"].flatten() for each in bilevel.supernet.architecture_parameters().values()]
        )

    free, clipped = moments(None), moments(clip)
    scale = 1.0 if clip is None else min(1.0, clip / (2 * float(free.norm())))
    torch.testing.assert_close(clipped, free * scale, rtol=1e-4, atol=1e-12)
    assert (scale < 1) == (clip == 1e-3)
