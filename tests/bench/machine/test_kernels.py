from __future__ import annotations

import torch
from torch.nn import functional as F

from bench.machine.kernels import Issued, count
from tests.bench.machine.live import peak_of


def test_kernels_views_copies_and_reads() -> None:
    x = torch.ones(2, 3)
    assert count(lambda: x.relu()) == {"kernels": 1, "views": 0, "host_copies": 0, "reads": 0}
    assert count(lambda: x.t().view(-1, 2)[0]) == {"kernels": 0, "views": 3, "host_copies": 0, "reads": 0}
    # A list as an index becomes a tensor first: what the supernets must not do.
    assert count(lambda: x[[0, 1]])["host_copies"] == 1
    assert count(lambda: torch.tensor([1.0, 2.0]))["host_copies"] == 1
    assert count(lambda: x.sum().item())["reads"] == 1
    assert count(lambda: bool((x > 0).all()))["reads"] == 1


def test_the_backward_pass_is_counted() -> None:
    weight = torch.ones(4, 3, requires_grad=True)
    counts = count(lambda: F.linear(torch.ones(2, 3), weight).sum().backward())
    # ones, mm, sum; ones_like, mm.
    assert counts["kernels"] == 5


def test_operations_by_name_and_shape() -> None:
    x = torch.ones(2, 3)
    with Issued() as issued:
        x.exp()
        x.exp()
        x + 1
    assert issued.by_name() == {"exp": 2, "add": 1}
    assert issued.operations[0] == ("exp", ((2, 3), (2, 3)))


def test_peak_of_live_tensors() -> None:
    def call() -> None:
        first = torch.zeros(1_000)
        second = first + 1
        del first
        third = second + 1
        # A view is no memory of its own.
        third.view(10, 100)

    assert peak_of(call) == 8_000


def test_what_backward_needs_stays_alive() -> None:
    x = torch.ones(1_000, requires_grad=True)
    with torch.no_grad():
        without = peak_of(lambda: x.exp().exp().exp())
    assert (without, peak_of(lambda: x.exp().exp().exp())) == (8_000, 12_000)
