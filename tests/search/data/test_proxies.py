from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from backbones.errors import InputError
from search.configs import parse
from search.data.augment import prepare
from search.data.batches import BatchSampler
from search.data.proxies import ProxyData, architecture_batches, check_proxy, load_proxy, pair_loader
from search.data.settings import Augmentation, Proxy

MakeProxy = Callable[..., Proxy]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, make_images: Callable[..., Path]) -> Path:
    return make_images(tmp_path_factory.mktemp("proxy") / "images", classes=3, each=7)


@pytest.fixture
def make_proxy(root: Path) -> MakeProxy:
    def make(**changes: Any) -> Proxy:
        values = {"root": str(root), "image_size": 8, "mean": (0.5,) * 3, "std": (0.5,) * 3, **changes}
        return parse(Proxy, values, "proxy")

    return make


def parts(data: ProxyData) -> tuple[set[int], set[int]]:
    return set(data.weight_part.tolist()), set(data.architecture_part.tolist())


def names(data: ProxyData, indices: torch.Tensor) -> list[str]:
    return [data.source.files[index].replace("class", "").replace(".png", "") for index in indices.tolist()]


def test_a_folder_s_halves_and_batches_stay_what_they_were(make_proxy: MakeProxy) -> None:
    """Written down from the first version of the proxies: what a search has found, it finds again."""
    data = load_proxy(make_proxy(), 4, seed=3)
    assert names(data, data.weight_part) == ["0/0", "0/2", "0/3", "0/6", "1/1", "1/2", "1/6", "2/2", "2/4", "2/5"]
    assert names(data, data.architecture_part) == ["0/1", "0/4", "0/5", "1/0", "1/4", "1/5", "2/0", "2/1", "2/3", "2/6"]
    sampler = pair_loader(data, 4, 5).sampler
    assert isinstance(sampler, BatchSampler)
    sampler.set_epoch(2)
    assert [[names(data, half) for half in pair] for pair in sampler] == [
        [["0/0", "1/2", "0/3", "0/2"], ["0/5", "0/1", "2/6", "1/4"]],
        [["2/4", "0/6", "1/1", "2/5"], ["1/5", "2/1", "2/3", "0/4"]],
    ]


def test_what_changes_nothing_is_not_in_a_dump(make_proxy: MakeProxy) -> None:
    """A search's key is made from the dump."""
    plain = make_proxy(kind="cifar10").model_dump(mode="json")
    assert make_proxy(kind="cifar10", download=True).model_dump(mode="json") == plain
    workers = [make_proxy(memory=False, decoding={"workers": count}).model_dump(mode="json") for count in (1, 9)]
    assert workers[0] == workers[1] != make_proxy().model_dump(mode="json")


def test_halves_are_disjoint_and_equal(make_proxy: MakeProxy) -> None:
    data = load_proxy(make_proxy(), 4, seed=0)
    weight, architecture = parts(data)
    # Of 21 images one is left over.
    assert len(weight) == len(architecture) == len(data.weight_part) == 10
    assert not weight & architecture
    assert weight | architecture == set(range(20))
    assert data.counts() == {"weight images": 10, "architecture images": 10, "classes": 3}


def test_halves_follow_from_the_seed(make_proxy: MakeProxy) -> None:
    indices = [load_proxy(make_proxy(), 4, seed).index for seed in (0, 1, 2, 3, 4, 3)]
    assert indices[3] == indices[5]
    assert len(set(indices)) == 5


def test_images_and_labels_are_those_of_the_drawn_files(make_proxy: MakeProxy) -> None:
    data = load_proxy(make_proxy(fractions=(0.3, 0.5), classes=2), 4, seed=1)
    whole = check_proxy(make_proxy(), 4)
    pixels = whole.read(8)
    assert data.images is not None
    assert data.counts() == {"weight images": 4, "architecture images": 6, "classes": 2}
    for file, image, label in zip(data.source.files, data.images, data.labels, strict=True):
        assert torch.equal(image, pixels[whole.files.index(file)])
        assert data.classes[label] == file.partition("/")[0]
    assert data.fingerprint == whole.fingerprint()


def test_the_index_file_lists_both_parts_and_is_checked_on_resume(make_proxy: MakeProxy, tmp_path: Path) -> None:
    proxy, file = make_proxy(fractions=(0.3, 0.5), classes=2), tmp_path / "run" / "proxy.json"
    data = load_proxy(proxy, 4, 1, file)
    written = file.read_bytes()
    content = json.loads(written)
    assert set(content) == {"classes", "weight", "architecture"}
    assert tuple(content["classes"]) == data.classes
    assert content["weight"] == [data.source.files[index] for index in data.weight_part.tolist()]
    assert content["architecture"] == [data.source.files[index] for index in data.architecture_part.tolist()]
    assert data.index == f"sha256:{hashlib.sha256(written).hexdigest()}"
    assert load_proxy(proxy, 4, 1, file).index == data.index
    with pytest.raises(InputError, match=r"proxy\.json: lists other images"):
        load_proxy(proxy, 4, 2, file)
    assert file.read_bytes() == written


@pytest.mark.parametrize(
    ("changes", "batch_size", "message"),
    [
        ({}, 11, r"half of 21 images is fewer than batch_size=11"),
        ({"fractions": (0.3, 0.5)}, 7, r"the 6 images drawn for the weights are fewer than batch_size=7"),
        ({"fractions": (0.5, 0.3)}, 7, r"the 6 images drawn for the architecture are fewer than batch_size=7"),
        ({"classes": 2}, 8, r"the 7 images drawn for the weights are fewer than batch_size=8; raise proxy.fractions"),
        ({"classes": 4}, 2, r"proxy.classes=4, but there are only 3 classes"),
        ({"fractions": (0.3, 0.1)}, 2, r"class0: proxy.fractions has 0.1, which gives none of this class' 7 images"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_an_image_is_opened(
    tmp_path: Path, make_images: Callable[..., Path], changes: dict[str, Any], batch_size: int, message: str
) -> None:
    root = make_images(tmp_path / "images", classes=3, each=7)
    for file in root.rglob("*.png"):
        file.write_bytes(b"broken")
    proxy = Proxy(root=str(root), image_size=8, mean=(0.5,) * 3, std=(0.5,) * 3, **changes)
    assert check_proxy(proxy.model_copy(update={"classes": None, "fractions": None}), 10).counts() == {
        "class0": 7,
        "class1": 7,
        "class2": 7,
    }
    with pytest.raises(InputError, match=message) as caught:
        check_proxy(proxy, batch_size)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fractions": (0.7, 0.31)}, "expected two above 0 whose sum is at most 1"),
        ({"fractions": (0.0, 0.5)}, "expected two above 0"),
        ({"classes": 1}, "'classes'.*greater than or equal to 2"),
        ({"kind": "imagenet"}, "'kind'"),
        ({"download": True}, "download is for kind 'cifar10'"),
        ({"decoding": {"workers": 2}}, "memory=False"),
        ({"memory": False, "augmentation": {"crop_padding": 4}}, "workers crop by decoding.crop_scale"),
        ({"memory": False, "decoding": {"crop_scale": (0.5, 0.1)}}, "expected 0 < least <= most <= 1"),
        ({"memory": False, "decoding": {"colour_jitter": (0.1, 0.1, 0.1, 0.6)}}, "for the hue 0 to 0.5"),
        ({"memory": False, "decoding": {"worker": 2}}, "unknown key 'decoding.worker'; did you mean 'workers'"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(
    make_proxy: MakeProxy, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        make_proxy(**changes)
    assert make_proxy(fractions=(0.7, 0.3)).fractions == (0.7, 0.3)


def test_the_loader_gives_the_images_of_its_batches(make_proxy: MakeProxy) -> None:
    data = load_proxy(make_proxy(), 4, seed=0)
    assert data.images is not None
    loader = pair_loader(data, 4, 5)
    for (first, second), batch in zip(loader.sampler, loader, strict=True):
        for part, indices in (("weight", first), ("architecture", second)):
            assert torch.equal(batch[f"{part}_images"], data.images[indices])
            assert torch.equal(batch[f"{part}_labels"], data.labels[indices])


def test_on_a_device_nothing_is_left_behind(make_proxy: MakeProxy) -> None:
    data = load_proxy(make_proxy(), 4, seed=0).to("meta")
    assert data.device == torch.device("meta")
    tensors = (data.images, data.labels, data.weight_part, data.architecture_part)
    assert {tensor.device.type for tensor in tensors if tensor is not None} == {"meta"}
    first, second = next(iter(BatchSampler((data.weight_part, data.architecture_part), 4, 0)))
    assert first.device.type == second.device.type == "meta"


def test_the_architecture_part_comes_whole_and_in_order(make_proxy: MakeProxy) -> None:
    data = load_proxy(make_proxy(), 4, seed=0)
    assert data.images is not None
    images, labels = zip(*architecture_batches(data, 4), strict=True)
    assert [len(batch) for batch in images] == [4, 4, 2]
    assert torch.equal(torch.cat(images), data.images[data.architecture_part])
    assert torch.equal(torch.cat(labels), data.labels[data.architecture_part])


def test_prepare_augments_in_training_only(make_proxy: MakeProxy) -> None:
    proxy = make_proxy()
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
