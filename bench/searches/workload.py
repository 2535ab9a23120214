"""The multiply-adds of a search, so that searches of one method can be compared before one of them is run."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import torch
from torch import nn

from backbones.cost import measure
from backbones.errors import InputError
from backbones.networks import CifarStem, imagenet_stem, reduction_places
from backbones.operations import FactorisedReduction, ReLUConvBN, build_operation
from bench.searches.speed import stage_space
from bench.tasks.workload import Workload
from search.data.settings import Proxy
from search.settings import SearchSettings, Stage

#: CIFAR-10 and CIFAR-100: 50,000 training images (Krizhevsky 2009), which their search configs need not say.
_CIFAR_IMAGES = 50_000

#: Forward and backward passes that one step of α and β takes, by order: the second one takes a step of the weights
#: ahead, the gradient there, and two more for the finite difference (DARTS 2.3).
_PASSES = {1: 1, 2: 4}


def search_workload(settings: SearchSettings, counts: Mapping[str, int]) -> Workload:
    """The epochs of all stages, each with its supernet and the steps of α and β. See `Task.workload`.

    Args:
        counts: of the images and classes that the proxy is drawn from; empty where they are not there.

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


def _weight_images(settings: SearchSettings, counts: Mapping[str, int]) -> float:
    """The images of a weight epoch, which is as long for α and β."""
    proxy: Proxy = settings.proxy
    known = {"images": _CIFAR_IMAGES} if proxy.kind != "folder" else {}
    known = {**known, **settings.expected, **counts}
    if "images" not in known or (proxy.classes is not None and "classes" not in known):
        raise InputError("nobody says how many images there are: the data are not there, 'expected' is empty")
    images = known["images"] * (1.0 if proxy.classes is None else proxy.classes / known["classes"])
    return images * (proxy.fractions[0] if proxy.fractions is not None else 0.5)


def supernet_macs(settings: SearchSettings, stage: Stage) -> int:
    """Multiply-adds of the convolutions of a stage's supernet for one image.

    The layers of `search.supernet.ReferenceSuperNet`, each kind counted once: a supernet has thousands of them.
    """
    space = stage_space(settings, settings.stages.index(stage))
    candidates, nodes, channels = space.normal[0], settings.nodes, stage.channels
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
        selected = channels // settings.partial_channels
        for source, _ in space.edges:
            from_input = source < 2
            stride = 2 if reduction and from_input else 1
            macs += sum(_operation(name, selected, stride, size if from_input else inner) for name in candidates)
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
