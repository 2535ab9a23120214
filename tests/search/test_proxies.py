from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from backbones.errors import InputError
from search.augment import prepare
from search.proxies import PairSampler, ProxyData, check_proxy, load_proxy, pair_loader
from search.settings import Augmentation, Proxy


@pytest.fixture
def proxy(tmp_path: Path, make_images: Callable[..., Path]) -> Proxy:
    root = make_images(tmp_path / "images", classes=3, each=7)
    return Proxy(root=str(root), image_size=8, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))


def halves(data: ProxyData) -> tuple[set[int], set[int]]:
    return set(data.weight_half.tolist()), set(data.architecture_half.tolist())


def test_halves_are_disjoint_and_equal(proxy: Proxy) -> None:
    data = load_proxy(proxy, 4, seed=0)
    weight, architecture = halves(data)
    # Of 21 images one is left over.
    assert len(weight) == len(architecture) == len(data.weight_half) == 10
    assert not weight & architecture
    assert weight | architecture < set(range(21))
    assert data.counts() == {"weight images": 10, "architecture images": 10, "classes": 3}


def test_halves_follow_from_the_seed(proxy: Proxy) -> None:
    assert halves(load_proxy(proxy, 4, seed=3)) == halves(load_proxy(proxy, 4, seed=3))
    assert len({frozenset(halves(load_proxy(proxy, 4, seed))[0]) for seed in range(5)}) == 5


def test_too_few_images_are_refused_before_any_is_opened(proxy: Proxy) -> None:
    next(Path(proxy.root).rglob("*.png")).write_bytes(b"broken")
    assert check_proxy(proxy, 10).counts() == {"class0": 7, "class1": 7, "class2": 7}
    with pytest.raises(InputError, match=r"half of 21 images is fewer than batch_size=11"):
        check_proxy(proxy, 11)


def batches(data: ProxyData, seed: int, epoch: int) -> list[tuple[list[int], list[int]]]:
    sampler = PairSampler(data, 4, seed)
    sampler.set_epoch(epoch)
    assert len(list(sampler)) == len(sampler) == 2
    return [(first.tolist(), second.tolist()) for first, second in sampler]


def test_batches_follow_from_seed_and_epoch(proxy: Proxy) -> None:
    data = load_proxy(proxy, 4, seed=0)
    assert batches(data, 1, 2) == batches(data, 1, 2)
    runs = [batches(data, seed, epoch) for seed in (0, 1, 5_000_000) for epoch in (0, 1, 2)]
    assert all(one != other for place, one in enumerate(runs) for other in runs[:place])
    weight, architecture = halves(data)
    for run in runs:
        first = [index for pair in run for index in pair[0]]
        second = [index for pair in run for index in pair[1]]
        assert len(set(first)) == len(set(second)) == 8
        assert set(first) <= weight
        assert set(second) <= architecture


def test_the_loader_gives_the_images_of_its_batches(proxy: Proxy) -> None:
    data = load_proxy(proxy, 4, seed=0)
    for (first, second), batch in zip(batches(data, 5, 0), pair_loader(data, 4, 5), strict=True):
        for half, indices in (("weight", first), ("architecture", second)):
            assert torch.equal(batch[f"{half}_images"], data.images[indices])
            assert batch[f"{half}_labels"].tolist() == [data.folder.labels[index] for index in indices]


def test_prepare_augments_in_training_only(proxy: Proxy) -> None:
    images = torch.randint(1, 256, (64, 3, 8, 8), dtype=torch.uint8)
    plain = images.float() / 127.5 - 1
    torch.testing.assert_close(prepare(images, proxy, training=True), plain)
    augmentation = Augmentation(crop_padding=2, flip=True, cutout=3)
    strong = proxy.model_copy(update={"augmentation": augmentation})
    torch.testing.assert_close(prepare(images, strong, training=False), plain)
    out = prepare(images, strong, training=True)
    # What the crop adds is black (-1 normalised), what cutout removes is 0, the mean.
    assert (out == -1).any()
    assert ((out == 0).sum(dim=(1, 2, 3)) >= 3 * 2 * 2).all()
