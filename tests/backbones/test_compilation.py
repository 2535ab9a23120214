"""torch.compile, with a backend that runs the captured graphs as they are: no C++ compiler is needed."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounter
from torch.nn import functional as F

from backbones import zoo
from backbones.networks import CifarNetwork


@pytest.fixture(autouse=True)
def _nothing_compiled_before() -> None:
    torch._dynamo.reset()


def losses(network: nn.Module, x: Tensor, rates: list[float]) -> list[float]:
    """The loss of one step of SGD at each of these rates of drop-path."""
    optimiser = torch.optim.SGD(network.parameters(), 0.05, momentum=0.9)
    labels = torch.arange(len(x)) % 10
    found = []
    for rate in rates:
        network.drop_path_rate = rate
        logits, auxiliary = network(x)
        loss = F.cross_entropy(logits, labels) + 0.4 * F.cross_entropy(auxiliary, labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        found.append(float(loss.detach()))
    return found


def test_a_compiled_network_trains_as_it_is_and_is_not_compiled_anew_each_epoch() -> None:
    torch.manual_seed(0)
    network = CifarNetwork(zoo.get("PC_DARTS_cifar").genotype, channels=4, layers=3).double()
    eager = copy.deepcopy(network)
    counter = CompileCounter()
    # In double, since rounding grows from step to step. The whole network is one graph, or this raises.
    network.compile(backend=counter, fullgraph=True)
    x = torch.randn(8, 3, 32, 32, dtype=torch.float64)
    assert losses(network, x, [0.0] * 3) == pytest.approx(losses(eager, x, [0.0] * 3), abs=1e-6)
    assert counter.frame_count == 1
    # Drop-path sets in: another graph, once.
    losses(network, x, [0.001])
    assert counter.frame_count == 2
    # More rates than dynamo would compile anew before it gave up.
    with torch._dynamo.config.patch(error_on_recompile=True):
        rates = [epoch / 40 for epoch in range(1, 13)]
        assert all(map(torch.isfinite, map(torch.tensor, losses(network, x, rates))))
    assert counter.frame_count == 2
    network.eval()
    eager.load_state_dict(network.state_dict())
    torch.testing.assert_close(network(x), eager.eval()(x), rtol=1e-6, atol=1e-6)
