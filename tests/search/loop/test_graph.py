"""Steps that a graph could replay: the same operations each time, nothing from the host; and what replays them."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functional_call

from backbones.errors import InputError
from backbones.genotype import SEARCH_OPERATIONS
from bench.machine.kernels import Issued
from search.data.augment import prepare
from search.data.settings import Proxy
from search.loop import graph
from search.loop.bilevel import Bilevel, build_optimisers
from search.loop.graph import WARM_UP, Replays, Tensors, replays
from search.loop.momentum import MomentumSGD
from search.settings import ArchitectureOptimiser, WeightOptimiser
from search.space import SearchSpace
from search.supernet import SuperNet
from tests.search.loop.recorded import Recorded

PROXY = Proxy(
    root="nowhere",
    image_size=8,
    mean=(0.5, 0.4, 0.3),
    std=(0.2, 0.3, 0.4),
    augmentation={"crop_padding": 1, "flip": True, "cutout": 2},
)


class Refused(Recorded):
    def capture(self, call: Callable[[], Tensors]) -> Callable[[], Tensors]:
        raise RuntimeError("operation not permitted when stream is capturing\nand more")


def model(order: int = 1, **settings: Any) -> tuple[Bilevel, Any]:
    torch.manual_seed(1)
    net = SuperNet(SearchSpace.full(2, SEARCH_OPERATIONS), 4, 3, 3, 2, edge_normalisation=True, **settings)
    net.set_skip_dropout(0.4)
    optimisers = build_optimisers(
        net, WeightOptimiser(lr=0.1, weight_decay=0.01), ArchitectureOptimiser(lr=0.003, clip_norm=5.0)
    )
    return Bilevel(net, PROXY, order).train(), optimisers


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


@pytest.mark.parametrize("arithmetic", ["moments", "stacked"])
@pytest.mark.parametrize(
    ("order", "random_channels", "moving"), [(1, False, False), (1, False, True), (1, True, True), (2, False, True)]
)
def test_three_steps_issue_the_same_and_nothing_from_the_host(
    arithmetic: str, order: int, random_channels: bool, moving: bool
) -> None:
    bilevel, optimisers = model(order, arithmetic=arithmetic, random_channels=random_channels)
    bilevel.train_architecture = moving
    first, *others = batches(4)
    # What is made once is made by the first step.
    bilevel.train_step(first, optimisers)
    seen = []
    for batch, rate in zip(others, (0.4, 0.3, 0.2), strict=True):
        bilevel.supernet.set_skip_dropout(rate)
        optimisers["weights"].optimizer.param_groups[0]["lr"] = rate
        with Issued() as issued:
            bilevel.train_step(batch, optimisers)
        counts = issued.counts()
        assert counts["host_copies"] == counts["reads"] == 0
        seen.append(issued.operations)
    assert seen[0] == seen[1] == seen[2]


def test_the_architecture_step_makes_no_gradient_of_weights() -> None:
    """A weight's gradient of one convolution is not computed: three tensors less to a backward pass."""
    bilevel, optimisers = model(arithmetic="stacked")
    batch = batches(1)[0]
    counts = []
    for call in (
        lambda: bilevel.architecture_step(bilevel.batch(batch, "architecture"), None, optimisers),  # type: ignore[arg-type]
        lambda: bilevel.weight_step(bilevel.batch(batch, "weight"), optimisers["weights"]),
    ):
        call()
        with Issued() as issued:
            call()
        counts.append(issued.by_name())
    # The gather's backward pass adds the gradients of all weights to one vector; α's and β's are gathered, too.
    assert counts[0]["index_add"] == 2
    assert counts[1]["index_add"] == 1


@pytest.mark.parametrize("arithmetic", ["moments", "stacked"])
def test_replayed_steps_end_where_others_do(arithmetic: str) -> None:
    """With a changed rate, and α frozen at first: two kinds of steps, one capture each."""
    ends = []
    for capture in (None, Recorded()):
        bilevel, optimisers = model(arithmetic=arithmetic)
        bilevel.replays = None if capture is None else Replays(capture)
        torch.manual_seed(2)
        losses = []
        for number, batch in enumerate(batches(12)):
            bilevel.train_architecture = number >= 6
            bilevel.supernet.set_skip_dropout(0.4 if number < 9 else 0.2)
            optimisers["weights"].optimizer.param_groups[0]["lr"] = 0.1 if number < 10 else 0.05
            losses.append(bilevel.train_step(batch, optimisers)["loss"].item())
        if capture is not None:
            assert bilevel.replays is not None
            assert bilevel.replays.captures == 2
            assert capture.warm_ups == 2 * WARM_UP
            assert capture.replayed == 12 - 2 * WARM_UP
        ends.append((losses, bilevel.state_dict(), optimisers.state_dict()))
    assert ends[0][0] == ends[1][0]
    assert all(torch.equal(ends[0][1][name], value) for name, value in ends[1][1].items())
    assert str(ends[0][2]) == str(ends[1][2])


def test_another_shape_is_captured_anew() -> None:
    capture = Recorded()
    runs = Replays(capture)

    def step(data: Tensors) -> Tensors:
        return {"sum": data["x"].sum()}

    for size in (3, 5):
        for number in range(WARM_UP + 2):
            data = {"x": torch.full((size,), float(number))}
            assert runs("kind", data, step)["sum"].item() == size * number
    assert runs.captures == 2


def test_a_step_that_cannot_be_captured_runs_as_it_is_and_says_why_once(caplog: pytest.LogCaptureFixture) -> None:
    runs = Replays(Refused())
    for number in range(WARM_UP + 3):
        assert runs("kind", {"x": torch.tensor([float(number)])}, lambda data: dict(data))["x"].item() == number
    assert [record.getMessage() for record in caplog.records] == [
        "steps run without a CUDA graph: operation not permitted when stream is capturing"
    ]
    assert runs.captures == 0


class Broken(Recorded):
    """A capture that fails half way, as a CUDA graph does: by an error of its own, after gradients were made."""

    def capture(self, call: Callable[[], Tensors]) -> Callable[[], Tensors]:
        for parameter in self.model.supernet.weight_parameters():
            parameter.grad = torch.full_like(parameter, 1e6)
        try:
            raise RuntimeError("a tensor is read")
        finally:
            raise RuntimeError("CUDA error: operation failed due to a previous error during capture")

    def __init__(self, model: Bilevel) -> None:
        super().__init__()
        self.model = model


def test_a_capture_that_fails_half_way_leaves_no_gradients(caplog: pytest.LogCaptureFixture) -> None:
    ends = []
    for broken in (False, True):
        bilevel, optimisers = model()
        bilevel.replays = Replays(Broken(bilevel)) if broken else None
        torch.manual_seed(2)
        for batch in batches(WARM_UP + 2):
            bilevel.train_step(batch, optimisers)
        ends.append(bilevel.state_dict())
    assert all(torch.equal(ends[0][name], value) for name, value in ends[1].items())
    # The error that came first, not the one that the end of the capture adds.
    assert [record.getMessage() for record in caplog.records] == ["steps run without a CUDA graph: a tensor is read"]


@pytest.mark.parametrize("arithmetic", ["moments", "stacked"])
@pytest.mark.parametrize("random_channels", [False, True])
def test_a_forward_pass_stays_on_the_gpu(arithmetic: str, random_channels: bool) -> None:
    """Augmentation and supernet on fake tensors of a GPU: an operation that mixes two devices raises an error."""
    bilevel, _ = model(arithmetic=arithmetic, random_channels=random_channels)
    net = bilevel.supernet
    with FakeTensorMode(allow_non_fake_inputs=True):
        state = [*net.named_parameters(), *net.named_buffers()]
        tensors = {name: torch.empty_like(value, device="cuda") for name, value in state}
        images = prepare(torch.zeros(2, 3, 8, 8, dtype=torch.uint8, device="cuda"), PROXY, training=True)
        assert functional_call(net, tensors, images).device.type == "cuda"


def test_a_graph_that_has_to_be_is_an_error_where_it_cannot() -> None:
    runs = Replays(Refused(), required=True)
    data = {"x": torch.zeros(1)}
    for _ in range(WARM_UP):
        runs("kind", data, dict)
    with pytest.raises(InputError, match=r"execution\.graph='on': a step cannot be captured: operation not permitted"):
        runs("kind", data, dict)


@pytest.mark.parametrize(("gpus", "processes", "why"), [(False, 1, "there is no GPU"), (True, 2, "several processes")])
def test_where_there_can_be_no_graph(
    gpus: bool, processes: int, why: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus)
    monkeypatch.setattr(graph, "world_size", lambda: processes)
    caplog.set_level(logging.INFO)
    assert replays("auto") is None
    assert [why in record.getMessage() for record in caplog.records] == [True]
    # A CPU is no reason to say anything on the console.
    assert caplog.records[0].levelno == (logging.WARNING if gpus else logging.INFO)
    assert replays("off") is None
    with pytest.raises(InputError, match=f"execution.graph='on': .*{why}"):
        replays("on")


def test_momentum_sgd_follows_a_schedule() -> None:
    """As PyTorch's, with a rate that changes; the group keeps the number, which schedules and checkpoints read."""
    torch.manual_seed(0)
    ours = [torch.nn.Parameter(torch.randn(3, 4)), torch.nn.Parameter(torch.randn(5))]
    theirs = copy.deepcopy(ours)
    one = MomentumSGD(ours, lr=0.1, momentum=0.9, weight_decay=0.01)
    other = torch.optim.SGD(theirs, lr=0.1, momentum=0.9, weight_decay=0.01)
    for rate in (0.1, 0.07, 0.02):
        one.param_groups[0]["lr"] = other.param_groups[0]["lr"] = rate
        one.follow()
        for mine, plain in zip(ours, theirs, strict=True):
            mine.grad = torch.randn_like(mine)
            plain.grad = mine.grad.clone()
        for each in (one, other):
            each.step()
        assert one.param_groups[0]["lr"] == rate
        for mine, plain in zip(ours, theirs, strict=True):
            torch.testing.assert_close(mine, plain, rtol=1e-6, atol=1e-7)
    assert one.rate.item() == 0.02
