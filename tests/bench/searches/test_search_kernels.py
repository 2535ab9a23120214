"""`wildnas speed search --kernels`, `speed classification --kernels`, and the memory of the stacked form."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from bench.commands.cli import main
from bench.searches.kernels import count_stage
from bench.searches.speed import stage_space
from bench.searches.task import search_settings
from search.loop.stages import build_supernet
from search.supernet import ReferenceSuperNet, SuperNet
from tests.bench.machine.live import peak_of

TINY = ("proxy.image_size=8", "nodes=2", "stages.0.channels=8", "stages.0.layers=3")


def test_every_step_of_a_stage_is_counted() -> None:
    settings = search_settings("search/pc_darts_cifar10", TINY)
    found = [*count_stage(settings, 0), *count_stage(settings, 0, plain=True)]
    assert [(each["supernet"], each["step"]) for each in found] == [
        ("stacked", "forward and backward"),
        ("stacked", "weight step"),
        ("stacked", "architecture step"),
        ("plain", "forward and backward"),
    ]
    assert all(each["host_copies"] == each["reads"] == 0 for each in found[:3])
    assert found[0]["kernels"] < found[3]["kernels"] / 3


def test_an_arithmetic_can_be_named() -> None:
    settings = search_settings("search/pc_darts_cifar10", (*TINY, "execution.arithmetic=moments"))
    first = count_stage(settings, 0)[0]
    assert first["supernet"] == "moments"


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--cfg-options", *TINY]
    assert main(["speed", "search", "search/pc_darts_cifar10", "--kernels", "--plain", *options]) == 0
    assert "| plain" in capsys.readouterr().out
    assert main(["speed", "search", "search/pc_darts_cifar10", "--kernels", "--json", *options]) == 0
    (first, *_) = json.loads(capsys.readouterr().out)["counts"]
    assert set(first) == {"stage", "supernet", "step", "kernels", "views", "host_copies", "reads"}


def test_evaluation_networks(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["speed", "classification", "DARTS_V2", "timm:resnet18", "--on", "classification/cifar10"]
    options = ["--kernels", "--json", "--cfg-options", "layers=3", "channels=4", "auxiliary_weight=None"]
    assert main([*command, *options]) == 0
    counts = json.loads(capsys.readouterr().out)["counts"]
    assert [(each["architecture"], each["step"]) for each in counts] == [
        (name, step) for name in ("DARTS_V2", "timm-resnet18") for step in ("forward and backward", "inference")
    ]
    assert all(each["host_copies"] == each["reads"] == 0 < each["kernels"] for each in counts)


def _peak(net: nn.Module, images: int) -> int:
    x, labels = torch.randn(images, 3, 8, 8), torch.zeros(images, dtype=torch.long)
    return peak_of(lambda: F.cross_entropy(net(x), labels).backward())


@pytest.mark.parametrize(
    ("protocol", "place"),
    [
        ("search/pc_darts_cifar10", 0),
        ("search/p_darts_cifar10", 0),
        ("search/p_darts_cifar10", 1),
        ("search/p_darts_cifar10", 2),
    ],
)
def test_the_stacked_form_takes_no_more_memory_than_the_plain_one(protocol: str, place: int) -> None:
    """Of an image, which further ones add: in proportion at the papers' batches, whatever the size of the image."""
    settings = search_settings(protocol)
    stage, space = settings.stages[place], stage_space(settings, place)
    images = {}
    for kind in (SuperNet, ReferenceSuperNet):
        net = build_supernet(kind, settings, stage, space, 10)
        if isinstance(net, SuperNet):
            net.arithmetic = "stacked"
        net.set_skip_dropout(stage.skip_dropout)
        # What is made once cancels out, as do the weights' gradients.
        images[kind] = _peak(net, 8) - _peak(net, 4)
    assert images[SuperNet] <= images[ReferenceSuperNet]
