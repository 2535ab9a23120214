"""The fast way through a network on a CPU gives the numbers of the plain one."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from backbones.cost import measure
from backbones.cpu.channels_last import laid_out, runs_fast
from backbones.features import CellBackbone
from backbones.genotype import Edge, Genotype
from backbones.networks import CifarNetwork, ImageNetNetwork
from backbones.operations import build_operation

#: Every operation, and two nodes with several edges.
NORMAL: tuple[Edge, ...] = (
    *(("sep_conv_3x3", 1), ("skip_connect", 0)),
    *(("dil_conv_5x5", 1), ("sep_conv_5x5", 2)),
    *(("max_pool_3x3", 1), ("dil_conv_3x3", 2)),
    *(("avg_pool_3x3", 3), ("conv_7x1_1x7", 2)),
)
REDUCE: tuple[Edge, ...] = (
    *(("sep_conv_5x5", 0), ("skip_connect", 1)),
    *(("dil_conv_5x5", 1), ("skip_connect", 0)),
    *(("none", 1), ("sep_conv_7x7", 2)),
    *(("dil_conv_3x3", 3), ("dil_conv_5x5", 3)),
)
GENOTYPE = Genotype(NORMAL, (2, 3, 4, 5), REDUCE, (2, 3, 4, 5))


def step(network: nn.Module, x: Tensor) -> list[Tensor]:
    """Outputs, gradients and running statistics of one training step, and the outputs after it in evaluation."""
    torch.manual_seed(1)
    outputs = network.train()(x)
    torch.stack([(out * torch.randn(out.shape, dtype=out.dtype)).sum() for out in outputs]).sum().backward()
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    assert len(gradients) == len(list(network.parameters()))
    with torch.no_grad():
        after = network.eval()(x)
    return [*outputs, *gradients, *network.buffers(), *(after if isinstance(after, tuple) else (after,))]


def nodes_behind(out: Tensor) -> set[str]:
    """The names of the backward passes that a tensor is made of."""
    found, waiting = set(), [out.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in found:
            found.add(node)
            waiting += [before for before, _ in node.next_functions]
    return {node.name() for node in found}


# 33 pixels: odd maps, and reductions that pad.
@pytest.mark.parametrize("size", [32, 33])
@pytest.mark.parametrize("kind", [CifarNetwork, ImageNetNetwork, CellBackbone])
def test_the_fast_network_is_the_plain_one(
    kind: type[CifarNetwork] | type[ImageNetNetwork] | type[CellBackbone], size: int
) -> None:
    torch.manual_seed(0)
    # With drop-path: the same random numbers are drawn.
    network = kind(GENOTYPE, channels=6, layers=5, drop_path=0.3).double()
    plain = copy.deepcopy(network)
    plain.channels_last = False
    x = torch.randn(4, 3, size * (1 if kind is CifarNetwork else 4), size * 4, dtype=torch.float64)
    own = {"_DepthwiseBackward", "_BatchNormBackward"}
    assert own <= nodes_behind(copy.deepcopy(network)(x)[0])
    assert not own & nodes_behind(copy.deepcopy(plain)(x)[0])
    for found, expected in zip(step(network, x), step(plain, x), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-7, atol=1e-8)


def test_every_operation_keeps_the_layout() -> None:
    for name in {name for name, _ in NORMAL + REDUCE}:
        for stride in (1, 2):
            out = build_operation(name, 8, stride)(laid_out(torch.randn(2, 8, 9, 9)))
            assert runs_fast(out), name


def test_only_a_map_on_the_cpu_with_channels_last_runs_fast() -> None:
    x = torch.randn(2, 3, 4, 4)
    assert not runs_fast(x)
    assert runs_fast(laid_out(x))
    meta = torch.empty(2, 3, 4, 4, device="meta")
    assert laid_out(meta) is meta
    assert not runs_fast(meta.contiguous(memory_format=torch.channels_last))


def test_a_hook_sees_every_relu() -> None:
    """Shared between the edges of a node, unless somebody looks."""
    network = CifarNetwork(GENOTYPE, channels=4, layers=3).eval()
    x = torch.randn(1, 3, 32, 32)
    expected = network(x)
    seen = 0

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], out: Tensor) -> None:
        nonlocal seen
        seen += 2 * out.numel() if isinstance(layer, nn.BatchNorm2d) else out.numel()

    for layer in network.modules():
        if isinstance(layer, (nn.BatchNorm2d, nn.ReLU)):
            layer.register_forward_hook(count)
    torch.testing.assert_close(network(x), expected)
    cost = measure(network, (3, 32, 32))
    assert seen == cost.published_macs - cost.macs
