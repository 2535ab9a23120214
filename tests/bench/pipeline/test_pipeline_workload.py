"""What trainings and searches compute, against published numbers and against the networks that are really built."""

from __future__ import annotations

import pytest
import torch

from backbones.cost import measure
from backbones.errors import InputError
from bench.searches.speed import stage_space
from bench.searches.task import search_settings
from bench.searches.workload import search_workload, supernet_macs
from bench.tasks.architectures import resolve
from bench.tasks.registry import load_protocol
from bench.tasks.workload import Workload
from search.loop.stages import build_supernet
from search.supernet.reference import ReferenceSuperNet


def workload(protocol: str, architecture: str, counts: dict[str, int] | None = None) -> Workload:
    task, loaded = load_protocol(protocol)
    return task.workload(loaded, resolve(architecture), counts or {})


def test_imagenet_is_what_the_papers_count() -> None:
    found = workload("classification/imagenet_mobile", "PDARTS")
    # P-DARTS 5.3.2 and Table 3: 250 epochs, 1.28 M images, 557 M multiply-adds.
    assert (found.epochs, found.images, found.separable) == (250, 1_281_167, True)
    assert found.macs == pytest.approx(557e6, rel=1e-3)
    assert found.total == 3 * 250 * 1_281_167 * found.macs
    # P-DARTS Table 5: 4,120 M, which count the classifier's 2 M and not all of the rest alike.
    dense = workload("classification/imagenet_mobile", "timm:resnet50")
    assert dense.macs == pytest.approx(4120e6, rel=0.02)
    assert not dense.separable


def test_images_that_were_found_go_before_those_that_are_expected() -> None:
    assert workload("classification/cifar10_selection", "PDARTS").images == 45_000
    assert workload("classification/cifar10", "PDARTS", {"train images": 500}).images == 500
    with pytest.raises(InputError, match="cannot determine the number of training images"):
        workload("classification/digits", "PDARTS")


def test_an_epoch_of_ssd_is_five_passes() -> None:
    found = workload("detection/coco_ssd300_vgg16", "timm:vgg16")
    # ssd300_coco.py: 24 epochs of 5 repetitions of train2017.
    assert (found.epochs, found.images, found.separable) == (120, 118_287, False)
    # P-DARTS Table 4: 31.4 B for the backbone alone; extra layers and heads are some 3 more.
    assert 31.4e9 < found.macs < 36e9


def test_pcb_is_counted_at_its_own_size() -> None:
    one, six = (workload(f"reid/market1501_p{parts}", "PDARTS") for parts in (1, 6))
    assert one == six
    assert (one.epochs, one.images) == (60, 12_936)
    # 384 x 128 has 0.98 times the pixels of 224 x 224; without the last halving, 4 of 14 cells see four times as many.
    assert 557e6 * 0.98 < one.macs < 557e6 * 0.98 * (10 + 4 * 4) / 14


@pytest.mark.parametrize(
    ("name", "options", "stage"),
    [
        ("search/p_darts_cifar10", ["stages.0.layers=3", "nodes=3"], 0),
        ("search/p_darts_cifar10", ["stages.2.layers=6", "stages.2.channels=6", "nodes=2"], 2),
        ("search/pc_darts_cifar10", ["stages.0.layers=5", "nodes=3", "stages.0.channels=8"], 0),
        ("search/pc_darts_imagenet", ["stages.0.layers=4", "nodes=2", "proxy.image_size=64"], 0),
    ],
)
def test_a_supernet_has_the_multiply_adds_of_its_layers(name: str, options: list[str], stage: int) -> None:
    settings = search_settings(name, options)
    # β, which the meta device cannot share out, is no convolution.
    plain = settings.model_copy(update={"edge_normalisation": False})
    with torch.device("meta"):
        network = build_supernet(ReferenceSuperNet, plain, settings.stages[stage], stage_space(settings, stage), 10)
    size = settings.proxy.image_size
    classifier = network.classifier.weight.numel()
    expected = measure(network, (3, size, size)).macs - classifier
    assert supernet_macs(settings, settings.stages[stage]) == expected


def test_a_search_is_its_stages_and_its_images() -> None:
    pc_darts = search_settings("search/pc_darts_cifar10")
    # 50 epochs of 25,000 images, α and β in 35 of them; forward and backward are three passes.
    assert search_workload(pc_darts, {}).total == 3 * 25_000 * (50 + 35) * supernet_macs(pc_darts, pc_darts.stages[0])
    # The second order: three more passes for each step of α.
    first, second = (search_settings(f"search/darts_v{order}_cifar10") for order in (1, 2))
    assert search_workload(second, {}).total == pytest.approx(
        (50 + 4 * 50) / (50 + 50) * search_workload(first, {}).total
    )
    # 10 % of ImageNet; 100 of its 1,000 classes in two halves.
    ten, hundred = (search_settings(f"search/{name}_imagenet") for name in ("pc_darts", "p_darts"))
    per_image = 3 * supernet_macs(ten, ten.stages[0]) * (50 + 15)
    assert search_workload(ten, {}).total == pytest.approx(128_116.7 * per_image)
    stages = 3 * sum(supernet_macs(hundred, stage) * (25 + 15) for stage in hundred.stages)
    assert search_workload(hundred, {}).total == pytest.approx(1_281_167 / 10 / 2 * stages)
    # What is there counts, not what is expected.
    assert search_workload(ten, {"images": 1000, "classes": 10}).total == pytest.approx(100 * per_image)
    with pytest.raises(InputError, match="cannot determine the number of images"):
        search_workload(search_settings("search/digits_pc_darts"), {})
