"""The unrolled gradient against the exact one, and against a plain implementation that copies the model."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backbones.genotype import SEARCH_OPERATIONS
from search.data.settings import Proxy
from search.loop import bilevel as bilevel_module
from search.loop.bilevel import Bilevel, build_optimisers
from search.loop.momentum import MomentumSGD
from search.loop.second_order import unrolled_gradient, unrolled_weights
from search.settings import ArchitectureOptimiser, WeightOptimiser
from search.space import SearchSpace
from search.supernet import SuperNet, branches

PROXY = Proxy(root="nowhere", image_size=8, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
WEIGHTS = WeightOptimiser(lr=0.1, momentum=0.9, weight_decay=0.01, clip_norm=5.0)
ARCHITECTURE = ArchitectureOptimiser(lr=0.003, weight_decay=0.1)


class Smooth:
    """Two smooth losses of weights and architecture in float64, and an optimiser that has made a step."""

    def __init__(self) -> None:
        draws = torch.Generator().manual_seed(0)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=draws, dtype=torch.float64)

        self.weights = [nn.Parameter(normal(5, 4)), nn.Parameter(normal(3, 5))]
        self.architecture = [nn.Parameter(normal(5)), nn.Parameter(normal(3))]
        self.batches = {half: (normal(8, 4), torch.arange(8) % 3) for half in ("train", "validation")}
        self.optimiser = MomentumSGD(self.weights, lr=0.1, momentum=0.9, weight_decay=0.01)
        self.loss("train", self.weights).backward()
        self.optimiser.step()
        self.optimiser.zero_grad()
        for value in self.architecture:
            value.grad = None

    def loss(self, half: str, weights: Sequence[Tensor]) -> Tensor:
        x, labels = self.batches[half]
        first, second = self.architecture
        hidden = torch.tanh(x @ weights[0].t()) * first.sigmoid()
        return F.cross_entropy(torch.tanh(hidden @ weights[1].t()) * second.exp(), labels)

    def exact(self) -> list[Tensor]:
        """The gradient of L_val(w'(α), α), through w'."""
        of_weights = torch.autograd.grad(self.loss("train", self.weights), self.weights, create_graph=True)
        unrolled = [
            weight - 0.1 * (0.9 * self.optimiser.state[weight]["momentum_buffer"] + gradient + 0.01 * weight)
            for weight, gradient in zip(self.weights, of_weights, strict=True)
        ]
        return list(torch.autograd.grad(self.loss("validation", unrolled), self.architecture))

    def found(self) -> tuple[Tensor, list[Tensor]]:
        return unrolled_gradient(
            lambda weights: self.loss("train", weights),
            lambda weights: self.loss("validation", weights),
            self.weights,
            self.architecture,
            self.optimiser,
        )


def test_close_to_the_exact_gradient() -> None:
    smooth = Smooth()
    loss, found = smooth.found()
    exact = smooth.exact()
    first_order = torch.autograd.grad(smooth.loss("validation", smooth.weights), smooth.architecture)
    for one, other, first in zip(found, exact, first_order, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-6)
        # The second term is what makes the difference: without it, the gradient is elsewhere.
        assert (one - other).norm() < 1e-3 * (first - other).norm()
    gradient = torch.autograd.grad(smooth.loss("train", smooth.weights), smooth.weights)
    unrolled = unrolled_weights(smooth.weights, gradient, smooth.optimiser)
    torch.testing.assert_close(loss, smooth.loss("validation", unrolled).detach())


def test_the_unrolled_step_is_the_optimiser_s() -> None:
    smooth = Smooth()
    before = [weight.detach().clone() for weight in smooth.weights]
    gradient = torch.autograd.grad(smooth.loss("train", smooth.weights), smooth.weights)
    unrolled = unrolled_weights(smooth.weights, gradient, smooth.optimiser)
    assert all(torch.equal(weight, value) for weight, value in zip(smooth.weights, before, strict=True))
    smooth.loss("train", smooth.weights).backward()
    smooth.optimiser.step()
    for one, other in zip(unrolled, smooth.weights, strict=True):
        torch.testing.assert_close(one, other.detach(), rtol=1e-14, atol=1e-14)


def test_nothing_but_the_gradient_comes_of_it() -> None:
    smooth = Smooth()
    before = [value.detach().clone() for value in (*smooth.weights, *smooth.architecture)]
    buffers = [smooth.optimiser.state[weight]["momentum_buffer"].clone() for weight in smooth.weights]
    smooth.found()
    for value, was in zip((*smooth.weights, *smooth.architecture), before, strict=True):
        assert torch.equal(value, was)
        assert value.grad is None
    for weight, was in zip(smooth.weights, buffers, strict=True):
        assert torch.equal(smooth.optimiser.state[weight]["momentum_buffer"], was)


def test_a_validation_loss_without_weights_has_no_second_term() -> None:
    smooth = Smooth()
    _, found = unrolled_gradient(
        lambda weights: smooth.loss("train", weights),
        lambda weights: sum((value**2).sum() for value in smooth.architecture),
        smooth.weights,
        smooth.architecture,
        smooth.optimiser,
    )
    for one, value in zip(found, smooth.architecture, strict=True):
        assert torch.equal(one, 2 * value.detach())


@pytest.fixture
def batches() -> list[dict[str, Tensor]]:
    draws = torch.Generator().manual_seed(0)
    return [
        {
            f"{half}_{kind}": torch.randint(0, 256, (4, 3, 8, 8), dtype=torch.uint8, generator=draws)
            if kind == "images"
            else torch.tensor([0, 1, 2, 0])
            for half in ("weight", "architecture")
            for kind in ("images", "labels")
        }
        for _ in range(2)
    ]


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images in float64, not augmented."""
    monkeypatch.setattr(bilevel_module, "prepare", lambda images, how, training: images.double() / 128 - 1)


def model(**settings: Any) -> Bilevel:
    torch.manual_seed(1)
    net = SuperNet(SearchSpace.full(2, SEARCH_OPERATIONS), 4, 3, 3, 2, edge_normalisation=True)
    made = Bilevel(net, PROXY, **settings).train()
    made.train_architecture = True
    return made


def loss_of(net: SuperNet, batch: dict[str, Tensor], half: str) -> Tensor:
    return F.cross_entropy(net(batch[f"{half}_images"].double() / 128 - 1), batch[f"{half}_labels"])


def shifted(net: SuperNet, offsets: Sequence[Tensor], scale: float) -> SuperNet:
    """A copy of the supernet, with other weights."""
    copied = copy.deepcopy(net)
    for weight, offset in zip(copied.weight_parameters(), offsets, strict=True):
        weight.data += scale * offset
    return copied


def plain_step(net: SuperNet, batch: dict[str, Tensor], sgd: torch.optim.SGD, adam: torch.optim.Adam) -> None:
    """A step of second-order DARTS by copies of the model."""
    copied = copy.deepcopy(net)
    gradient = torch.autograd.grad(loss_of(copied, batch, "weight"), copied.weight_parameters())
    steps = []
    for weight, of_weight in zip(net.weight_parameters(), gradient, strict=True):
        step = of_weight + 0.01 * weight.detach()
        if weight in sgd.state:
            step = step + 0.9 * sgd.state[weight]["momentum_buffer"]
        steps.append(step)
    unrolled = shifted(net, steps, -0.1)
    names = list(net.architecture_parameters())
    loss_of(unrolled, batch, "architecture").backward()
    # Taken in once: the batch of the architecture half at the unrolled weights, that of the weight half further down.
    for name, buffer in unrolled.named_buffers():
        net.get_buffer(name).copy_(buffer)
    direction = [weight.grad for weight in unrolled.weight_parameters()]
    epsilon = 0.01 / torch.cat([part.flatten() for part in direction]).norm().item()
    sides = []
    for sign in (1, -1):
        moved = shifted(net, direction, sign * epsilon)
        loss_of(moved, batch, "weight").backward()
        sides.append([getattr(moved, name).grad for name in names])
    for name, above, below in zip(names, *sides, strict=True):
        getattr(net, name).grad = getattr(unrolled, name).grad - 0.1 * (above - below) / (2 * epsilon)
    adam.step()

    sgd.zero_grad()
    loss_of(net, batch, "weight").backward()
    nn.utils.clip_grad_norm_(net.weight_parameters(), 5.0)
    sgd.step()


@pytest.mark.usefixtures("double")
def test_equal_to_a_plain_implementation(batches: list[dict[str, Tensor]]) -> None:
    """Two whole steps, the second with momentum: weights, α, β and running statistics, in float64."""
    bilevel = model(order=2).double()
    net = copy.deepcopy(bilevel.supernet)
    optimisers = build_optimisers(bilevel.supernet, WEIGHTS, ARCHITECTURE)
    sgd = torch.optim.SGD(net.weight_parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)
    adam = torch.optim.Adam(net.architecture_parameters().values(), lr=0.003, betas=(0.5, 0.999), weight_decay=0.1)
    for batch in batches:
        bilevel.train_step(batch, optimisers)
        plain_step(net, batch, sgd, adam)
    expected = net.state_dict()
    for name, value in bilevel.supernet.state_dict().items():
        torch.testing.assert_close(value, expected[name], rtol=1e-10, atol=1e-10, msg=name)


@pytest.mark.usefixtures("double")
def test_another_step_than_the_first_order_s(batches: list[dict[str, Tensor]]) -> None:
    found = []
    for order in (1, 2):
        bilevel = model(order=order).double()
        bilevel.train_step(batches[0], build_optimisers(bilevel.supernet, WEIGHTS, ARCHITECTURE))
        found.append(bilevel.supernet.alpha_normal.detach())
    assert not torch.equal(*found)


def test_passes_that_are_compared_drop_the_same_values(
    batches: list[dict[str, Tensor]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the five passes of a step the first, third and fourth are one function: the training loss that is unrolled."""
    bilevel = model(order=2)
    bilevel.supernet.set_skip_dropout(0.5)
    masks: list[bytes] = []

    def dropout_mask(*arguments: Any) -> Tensor:
        mask = original(*arguments)
        masks.append(mask.numpy().tobytes())
        return mask

    original = branches.dropout_mask
    monkeypatch.setattr(branches, "dropout_mask", dropout_mask)
    bilevel.train_step(batches[0], build_optimisers(bilevel.supernet, WEIGHTS, ARCHITECTURE))
    a_pass = len(masks) // 5
    assert a_pass
    first, validation, above, below, weight_step = (masks[n * a_pass : (n + 1) * a_pass] for n in range(5))
    assert first == above == below
    assert len({first[0], validation[0], weight_step[0]}) == 3
