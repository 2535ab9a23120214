"""Each score against a plain second writing on a small network, and by what does not change it."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from backbones import zoo
from backbones.cost import measure
from backbones.design import TimmModel
from backbones.networks import CifarNetwork, ImageNetNetwork
from backbones.timm_backbone import create
from bench.zerocost import structure
from bench.zerocost.gradients import fisher, grad_norm, grasp, snip
from bench.zerocost.naswot import agreements, jacob_cov, naswot
from bench.zerocost.network import Undefined, as_initialised
from bench.zerocost.scores import compute_scores
from bench.zerocost.synflow import synflow
from bench.zerocost.zen import zen
from tests.bench.zerocost import plain

PDARTS = zoo.get("PDARTS").genotype


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_grad_norm_and_snip_are_those_of_finite_differences() -> None:
    network, (images, labels) = plain.small(), plain.batch()
    slopes = plain.slopes(network, images, labels)
    norms = sum(math.sqrt(sum(value**2 for value in slope.flatten().tolist())) for slope in slopes)
    assert grad_norm(network, images, labels) == pytest.approx(norms, rel=1e-6)
    saliency = sum(
        abs(value * weight)
        for slope, layer in zip(slopes, plain.weights(network), strict=True)
        for value, weight in zip(slope.flatten().tolist(), layer.flatten().tolist(), strict=True)
    )
    assert snip(network, images, labels) == pytest.approx(saliency, rel=1e-6)


def test_grasp_is_the_change_of_the_gradient_along_itself() -> None:
    network, (images, labels) = plain.small(), plain.batch()
    curved = plain.curvature(network, images, labels)
    expected = -sum(float((h * w).detach().sum()) for h, w in zip(curved, plain.weights(network), strict=True))
    assert grasp(network, images, labels) == pytest.approx(expected, rel=1e-5)


def test_grasp_of_a_scale_free_layer_is_the_square_of_its_gradient() -> None:
    """The loss does not see the scale of weights before a BatchNorm: H θ = −g there (Euler), and θ H g = −g²."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3, eps=1e-12), nn.AdaptiveAvgPool2d(2), nn.Flatten())
    network.double()[1].weight.data.uniform_(0.5, 2.0)
    images, labels = plain.batch()
    (slope,) = plain.gradient(network, images, labels)
    assert grasp(network, images, labels) == pytest.approx(float(slope.square().sum()), rel=1e-6)


def test_fisher_is_that_of_the_network_cut_behind_every_layer() -> None:
    network, (images, labels) = plain.small(), plain.batch()
    assert fisher(network, images, labels) == pytest.approx(plain.fisher(network, images, labels), rel=1e-10)


def test_fisher_sees_what_an_activation_in_place_overwrites() -> None:
    network, (images, labels) = plain.small(norm=False), plain.batch()
    expected = fisher(network, images, labels)
    in_place = copy.deepcopy(network)
    for layer in in_place:
        if isinstance(layer, nn.ReLU):
            layer.inplace = True
    assert fisher(in_place, images, labels) == pytest.approx(expected, rel=1e-12)


def test_synflow_of_a_chain_is_its_flow_times_its_layers() -> None:
    """R is linear in the weights of each layer, so that a layer's θ ⊙ ∂R/∂θ sum to R (Euler)."""
    network = plain.small()
    flow = torch.ones(1, 3, 8, 8, dtype=torch.float64)
    first, second, last = (layer for layer in network if isinstance(layer, plain.WEIGHTED))
    with torch.no_grad():
        flow = nn.functional.conv2d(flow, first.weight.abs(), padding=1)
        flow = nn.functional.conv2d(flow, second.weight.abs(), stride=2)
        flow = flow.mean(dim=(2, 3)) @ last.weight.abs().T
    assert synflow(network, (3, 8, 8)) == pytest.approx(3 * float(flow.sum()), rel=1e-12)


def test_synflow_sees_neither_signs_nor_norms_nor_data() -> None:
    network = plain.small()
    before = synflow(network, (3, 8, 8))
    for layer in network:
        if isinstance(layer, plain.WEIGHTED):
            layer.weight.data *= torch.where(torch.rand_like(layer.weight) < 0.5, -1.0, 1.0)
        if isinstance(layer, nn.BatchNorm2d):
            layer.weight.data.uniform_(0.1, 9.0)
    assert synflow(network, (3, 8, 8)) == pytest.approx(before, rel=1e-12)
    network[0].weight.data *= 2
    assert synflow(network, (3, 8, 8)) == pytest.approx(2 * before, rel=1e-12)


def test_synflow_keeps_an_activation_that_lies_in_a_norm_of_timm() -> None:
    network = create("efficientnet_lite0", num_classes=3)
    names = {type(layer).__name__ for layer in network.modules()}
    assert "BatchNormAct2d" in names
    assert synflow(network, (3, 32, 32)) > 0


def test_jacob_cov_is_that_of_correlations_written_out() -> None:
    network, (images, _) = plain.small(), plain.batch()
    assert jacob_cov(network, images) == pytest.approx(plain.jacob_cov(network, images), rel=1e-8)


def test_jacob_cov_of_one_gradient_for_all_is_the_worst_there_is() -> None:
    """Rows that are all alike have the eigenvalues N, 0, …, 0."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 3)).double()
    images, _ = plain.batch()
    expected = -(math.log(6 + 1e-5) + 1 / (6 + 1e-5)) - 5 * (math.log(1e-5) + 1e5)
    assert jacob_cov(network, images) == pytest.approx(expected, rel=1e-6)


def test_naswot_counts_agreeing_activations() -> None:
    network, (images, _) = plain.small(), plain.batch()
    counted = np.array(plain.agreements(network, images), dtype=float)
    assert agreements(network, images).numpy() == pytest.approx(counted)
    assert naswot(network, images) == pytest.approx(math.log(np.linalg.det(counted)), rel=1e-9)


def test_naswot_does_not_see_the_order_or_the_scale_of_the_images() -> None:
    network, (images, _) = plain.small(), plain.batch()
    assert naswot(network, images.flip(0)) == pytest.approx(naswot(network, images), rel=1e-9)
    network = plain.small(norm=False)
    for layer in network:
        if isinstance(layer, nn.Conv2d):
            layer.bias.data.zero_()  # type: ignore[union-attr]
    assert naswot(network, 3 * images) == pytest.approx(naswot(network, images), rel=1e-9)


def test_naswot_of_equal_images_and_without_relu_is_undefined() -> None:
    images, _ = plain.batch()
    with pytest.raises(Undefined, match="same active ReLUs"):
        naswot(plain.small(), images[:1].expand(4, -1, -1, -1))
    with pytest.raises(Undefined, match="no ReLU"):
        naswot(nn.Sequential(nn.Conv2d(3, 4, 3), nn.SiLU()).double(), images)
    broken = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 1), nn.ReLU()).double()
    broken[2].weight.data.fill_(math.nan)
    with pytest.raises(Undefined, match="an activation is not finite"):
        naswot(broken, images)


class Featured(nn.Module):
    """Convolution, BatchNorm, convolution, BatchNorm."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.norm1 = nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4)
        self.second, self.norm2 = nn.Conv2d(4, 6, 3, bias=False), nn.BatchNorm2d(6)

    def forward_features(self, x: Tensor) -> Tensor:
        return self.norm2(self.second(torch.relu(self.norm1(self.first(x)))))


def test_zen_is_algorithm_1_written_out() -> None:
    draws = generator(3)
    shape = (5, 3, 8, 8)
    first, second = (torch.randn(each, generator=draws) for each in ((4, 3, 3, 3), (6, 4, 3, 3)))
    x, noise = (torch.randn(shape, generator=draws) for _ in range(2))

    def forward(images: Tensor) -> tuple[Tensor, list[float]]:
        scales = []
        out = images
        for place, weight in enumerate((first, second)):
            out = nn.functional.conv2d(torch.relu(out) if place else out, weight)
            variance, mean = torch.var_mean(out, dim=(0, 2, 3), correction=0, keepdim=True)
            scales.append(math.sqrt(float(variance.mean())))
            out = (out - mean) / (variance + 1e-5).sqrt()
        return out, scales

    (one, scales), (other, _) = forward(x), forward(x + 0.01 * noise)
    distance = sum(math.sqrt(float((a - b).square().sum())) for a, b in zip(one, other, strict=True)) / 5
    expected = math.log(distance) + sum(map(math.log, scales))
    assert zen(as_initialised(Featured()), shape, generator(3)) == pytest.approx(expected, rel=1e-4)


def test_zen_sees_neither_the_weights_nor_the_data_and_leaves_them_alone() -> None:
    one, other = as_initialised(Featured()), as_initialised(Featured())
    other.first.weight.data *= 7  # type: ignore[union-attr, operator]
    state = copy.deepcopy(other.state_dict())
    assert zen(one, (5, 3, 8, 8), generator()) == zen(other, (5, 3, 8, 8), generator())
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in state.items())


def test_zen_is_undefined_where_no_last_map_is_known() -> None:
    with pytest.raises(Undefined, match="last map"):
        zen(plain.small().float(), (2, 3, 8, 8), generator())


@pytest.mark.parametrize(("name", "layers"), [("resnet18", 18), ("resnet50", 50), ("vgg11", 11)])
def test_the_depth_of_a_timm_model_is_in_its_name(name: str, layers: int) -> None:
    network = as_initialised(create(name, num_classes=3))
    assert structure.depth(network, torch.randn(2, 3, 32, 32)) == layers


def test_the_depth_of_a_cell_network_is_its_longest_path() -> None:
    """Counted on the genotype: separable convolutions are four layers, dilated ones two, factorised reductions one."""
    layers = {"sep_conv_3x3": 4, "sep_conv_5x5": 4, "dil_conv_3x3": 2, "dil_conv_5x5": 2}

    def cell(reduction: bool, before_last: int, last: int) -> int:
        nodes = [before_last + 1, last + 1]
        edges = PDARTS.reduce if reduction else PDARTS.normal
        for first in range(0, len(edges), 2):
            ends = []
            for operation, source in edges[first : first + 2]:
                own = layers.get(operation, 0)
                if operation == "skip_connect" and reduction and source < 2:
                    own = 1
                ends.append(nodes[source] + own)
            nodes.append(max(ends))
        return max(nodes[place] for place in (PDARTS.reduce_concat if reduction else PDARTS.normal_concat))

    before_last = last = 1
    for place in range(4):
        before_last, last = last, cell(place in (1, 2), before_last, last)
    network = as_initialised(CifarNetwork(PDARTS, 4, 4, 3, auxiliary=False))
    assert structure.depth(network, torch.randn(2, 3, 16, 16)) == last + 1


def test_all_scores_of_a_cell_network_on_maps_of_one_pixel() -> None:
    """The last maps are of one pixel, whose layout is both: GraSP needs derivatives that our own kernels lack."""
    torch.manual_seed(0)
    network = ImageNetNetwork(PDARTS, 4, 3, 3, auxiliary=False)
    before = copy.deepcopy(network.state_dict())
    images, labels = plain.batch(8, 32)
    found = compute_scores(network, PDARTS, measure(network, (3, 32, 32)), images.float(), labels, 0)
    assert not found.undefined
    assert found.values["skip_count"] == PDARTS.skip_count
    assert set(found.values) == set(found.seconds)
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    kept = {name for name in before if not name.endswith(statistics)}
    assert all(torch.equal(before[name], network.state_dict()[name]) for name in kept)


def test_a_hole_is_no_zero() -> None:
    network = create("mobilenetv3_small_050", num_classes=3)
    images, labels = plain.batch(8, 32)
    cost = measure(network, (3, 32, 32))
    found = compute_scores(network, TimmModel("mobilenetv3_small_050"), cost, images.float(), labels, 0)
    assert set(found.undefined) == {"skip_count", "grasp"}
    assert "no second derivative" in found.undefined["grasp"]
    assert not set(found.values) & set(found.undefined)


def test_numbers_that_are_not_finite_are_holes() -> None:
    network = plain.small(norm=False)
    network[0].weight.data.fill_(math.inf)  # type: ignore[union-attr]
    images, labels = plain.batch()
    found = compute_scores(network, PDARTS, measure(network.float(), (3, 8, 8)), images.float(), labels, 0)
    assert {"grad_norm", "snip", "grasp", "fisher", "synflow", "jacob_cov"} <= set(found.undefined)


@pytest.mark.parametrize("norm", [nn.GroupNorm(2, 4), nn.InstanceNorm2d(4), nn.LayerNorm([4, 6, 6])])
def test_synflow_knows_batchnorm_only(norm: nn.Module) -> None:
    """Behind another normalisation the sum is no flow of weights; it may even be negative."""
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sequential(norm), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(Undefined, match=rf"otherwise than by BatchNorm \({type(norm).__name__}\)"):
        synflow(network, (3, 8, 8))


def test_what_an_evaluation_keeps_is_no_obstacle() -> None:
    """TinyViT keeps its attention's biases with their graph, which cannot be copied."""
    network, cost = create("tiny_vit_5m_224", num_classes=10), measure(create("resnet10t"), (3, 64, 64))
    images, labels = torch.randn(2, 3, 64, 64, generator=generator()), torch.tensor([0, 1])
    found = compute_scores(network, TimmModel("tiny_vit_5m_224"), cost, images, labels, seed=0)
    assert {"zen", "grad_norm"} <= found.values.keys()
    assert "LayerNorm" in found.undefined["synflow"]
