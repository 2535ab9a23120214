"""Count the multiply-adds of a search, to compare searches of one method before they run."""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import cache

import torch
from torch import nn

from backbones.cost import measure
from backbones.errors import InputError
from backbones.genotype import Genotype
from backbones.networks import CifarStem, imagenet_stem, reduction_places
from backbones.operations import FactorisedReduction, ReLUConvBN, build_operation
from bench.searches.speed import stage_space
from bench.tasks.workload import Workload, is_separable
from search.data.settings import Proxy
from search.sampling.settings import SampledSettings
from search.sampling.training import build_candidate
from search.settings import SearchSettings, Stage

#: Training images of CIFAR-10 and CIFAR-100 (Krizhevsky 2009), which the search configs need not state.
_CIFAR_IMAGES = 50_000

#: Forward and backward passes of one step of α and β, by order: the second order needs one for the step ahead, one for
#: the gradient there, and two for the finite difference (DARTS 2.3).
_PASSES = {1: 1, 2: 4}


def search_workload(settings: SearchSettings, counts: Mapping[str, int]) -> Workload:
    """Count the epochs of all stages, each with its supernet and the steps of α and β. See `Task.workload`.

    Args:
        counts: images and classes that the proxy is drawn from; empty if the data are missing.

    Raises:
        InputError: neither `counts` nor the config's `expected` has the number of images.
    """
    epochs = sum(stage.epochs for stage in settings.stages)
    macs = sum(
        supernet_macs(settings, stage) * (stage.epochs + moving * _PASSES[settings.order])
        for stage in settings.stages
        for moving in [stage.epochs - stage.frozen_epochs]
    )
    return Workload(epochs, _weight_images(settings, counts), macs / epochs, separable=None)


def sampled_workload(settings: SampledSettings, counts: Mapping[str, int]) -> Workload:
    """Count the epochs of all trainings, each with the network of one typical genotype. See `search_workload`."""
    genotype = Genotype.drawn(random.Random(0), settings.nodes, settings.operations)
    with torch.device("meta"):
        network = build_candidate(settings, genotype, 10)
    cost = measure(network, (3, settings.proxy.image_size, settings.proxy.image_size))
    epochs, images = settings.candidates * settings.epochs, _weight_images(settings, counts)
    return Workload(epochs, images, cost.published_macs, is_separable(network))


def _weight_images(settings: SearchSettings | SampledSettings, counts: Mapping[str, int]) -> float:
    """Number of images of an epoch of weights; one of α and β has as many."""
    proxy: Proxy = settings.proxy
    known = {"images": _CIFAR_IMAGES} if proxy.kind != "folder" else {}
    known = {**known, **settings.expected, **counts}
    if "images" not in known or (proxy.classes is not None and "classes" not in known):
        raise InputError("cannot determine the number of images: no data found and no 'expected' counts in the config")
    images = known["images"] * (1.0 if proxy.classes is None else proxy.classes / known["classes"])
    return images * (proxy.fractions[0] if proxy.fractions is not None else 0.5)


def supernet_macs(settings: SearchSettings, stage: Stage) -> int:
    """Multiply-adds of the convolutions of a stage's supernet for one image.

    These are the layers of `search.supernet.ReferenceSuperNet`; each of the thousands is built once per kind only.
    """
    space = stage_space(settings, settings.stages.index(stage))
    nodes, channels = settings.nodes, stage.channels
    size = settings.proxy.image_size
    macs = _stem(settings.stem, channels, size)
    after_reduction = settings.stem == "imagenet"
    before_last = last = channels if after_reduction else 3 * channels
    size = size // 8 if after_reduction else size
    for layer in range(stage.layers):
        reduction = layer in reduction_places(stage.layers)
        channels *= 2 if reduction else 1
        inner = (size + 1) // 2 if reduction else size
        macs += _entrance(before_last, channels, 2 * size if after_reduction else size, after_reduction)
        macs += _entrance(last, channels, size, False)
        selected = channels // settings.partial_channels_of(stage)
        for names, (source, _) in zip(space.reduce if reduction else space.normal, space.edges, strict=True):
            from_input = source < 2
            stride = 2 if reduction and from_input else 1
            macs += sum(_operation(name, selected, stride, size if from_input else inner) for name in names)
        size, after_reduction = inner, reduction
        before_last, last = last, nodes * channels
    return macs


@cache
def _stem(stem: str, channels: int, size: int) -> int:
    with torch.device("meta"):
        layers = CifarStem(channels) if stem == "cifar" else nn.Sequential(*imagenet_stem(channels))
    return measure(layers, (3, size, size)).macs


@cache
def _entrance(c_in: int, c_out: int, size: int, halves: bool) -> int:
    with torch.device("meta"):
        layer = FactorisedReduction(c_in, c_out) if halves else ReLUConvBN(c_in, c_out, 1, 1, 0)
    return measure(layer, (c_in, size, size)).macs


@cache
def _operation(name: str, channels: int, stride: int, size: int) -> int:
    with torch.device("meta"):
        layer = build_operation(name, channels, stride, affine=False)
    return measure(layer, (channels, size, size)).macs
