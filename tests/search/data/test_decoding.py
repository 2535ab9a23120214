from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from backbones.errors import InputError
from search.data.batches import BatchSampler
from search.data.decoding import DecodingLoader, evaluation_transform, training_transform
from search.data.proxies import PREFIXES, ProxyData, architecture_batches, load_proxy, pair_loader
from search.data.settings import Decoding, Proxy


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of 12 pictures, 40 x 30 in one colour each, so that a picture is known after any crop."""
    root = tmp_path_factory.mktemp("decoding") / "images"
    for label in range(2):
        (root / f"class{label}").mkdir(parents=True)
        for number in range(12):
            Image.new("RGB", (40, 30), (10 * number, 100 * label, 7)).save(root / f"class{label}" / f"{number:02d}.png")
    return root


def load(root: Path, **decoding: Any) -> ProxyData:
    proxy = Proxy(
        root=str(root), image_size=16, mean=(0.5,) * 3, std=(0.5,) * 3, memory=False, decoding=Decoding(**decoding)
    )
    return load_proxy(proxy, 4, seed=0)


def epoch(loader: Any, number: int = 0) -> list[dict[str, Tensor]]:
    loader.sampler.set_epoch(number)
    return list(loader)


def test_batches_are_those_of_the_sampler(root: Path) -> None:
    data = load(root, workers=2, colour_jitter=None)
    assert data.images is None
    loader = pair_loader(data, 5, 1)
    assert len(loader) == 2
    pairs = BatchSampler((data.weight_part, data.architecture_part), 5, 1)
    for batch, pair in zip(epoch(loader), pairs, strict=True):
        for part, indices in zip(("weight", "architecture"), pair, strict=True):
            images, labels = batch[f"{part}_images"], batch[f"{part}_labels"]
            assert (images.dtype, images.shape, labels.dtype) == (torch.uint8, (5, 3, 16, 16), torch.int64)
            names = [data.source.files[index] for index in indices.tolist()]
            assert labels.tolist() == [int(name[5]) for name in names]
            assert images[:, 0, 0, 0].tolist() == [10 * int(name[7:9]) for name in names]
            assert images.flatten(2).float().var(-1).max() == 0


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory, make_images: Callable[..., Path]) -> Path:
    return make_images(tmp_path_factory.mktemp("decoding") / "noise", classes=2, each=8, size=24)


def equal(one: list[dict[str, Tensor]], other: list[dict[str, Tensor]]) -> bool:
    return all(torch.equal(a[name], b[name]) for a, b in zip(one, other, strict=True) for name in a)


def test_augmentation_follows_from_seed_and_epoch_whatever_the_workers(noise: Path) -> None:
    """And whatever torch's own generator has drawn; so a resumed search goes on as it would have."""
    first = epoch(pair_loader(load(noise, workers=1), 4, 1), 3)
    torch.manual_seed(99)
    assert equal(first, epoch(pair_loader(load(noise, workers=3), 4, 1), 3))
    assert not equal(first, epoch(pair_loader(load(noise, workers=1), 4, 1), 4))
    assert not equal(first, epoch(pair_loader(load(noise, workers=1), 4, 2), 3))


def test_processes_decode_their_shares_of_the_same_batches(noise: Path) -> None:
    data = load(noise, workers=1)
    alone = epoch(pair_loader(data, 4, 1))
    shares = [
        epoch(
            DecodingLoader(
                data.source,
                data.proxy,
                BatchSampler((data.weight_part, data.architecture_part), 4, 1, rank, 2),
                data.device,
                PREFIXES,
            )
        )
        for rank in (0, 1)
    ]
    together = [
        {name: torch.cat([one[name], two[name]]) for name in one} for one, two in zip(shares[0], shares[1], strict=True)
    ]
    assert equal(alone, together)


def test_an_image_seen_twice_in_an_epoch_is_augmented_twice(noise: Path) -> None:
    proxy = load(noise, workers=1).proxy.model_copy(update={"fractions": (0.5, 0.25)})
    data = load_proxy(proxy, 4, seed=0)
    assert data.counts() == {"weight images": 8, "architecture images": 4, "classes": 2}
    one, two = epoch(pair_loader(data, 4, 0))
    # Both batches are the whole architecture part.
    images = torch.cat([one["architecture_images"], two["architecture_images"]])
    assert len(images.unique(dim=0)) == 8


def test_the_evaluation_sees_the_centre(root: Path) -> None:
    data = load(root, workers=2)
    images, labels = (torch.cat(list(part)) for part in zip(*architecture_batches(data, 4), strict=True))
    names = [data.source.files[index] for index in data.architecture_part.tolist()]
    assert images.shape == (12, 3, 16, 16)
    assert labels.tolist() == [int(name[5]) for name in names]
    assert images[:, 0, 5, 5].tolist() == [10 * int(name[7:9]) for name in names]


def test_transforms_are_those_of_darts() -> None:
    """224 pixels out of 256 in evaluation; in training, crops of changing place and colour."""
    ramp = np.tile(np.linspace(0, 255, 512).astype(np.uint8)[None, :, None], (256, 1, 3))
    centre = evaluation_transform(224)(Image.fromarray(ramp))
    assert centre.shape == (3, 224, 224)
    assert torch.equal(centre[:, 0], torch.from_numpy(ramp[0, 144:368].T))
    crops = [training_transform(32, Decoding(colour_jitter=None))(Image.fromarray(ramp)) for _ in range(200)]
    widths = torch.stack([(crop[0, 0, -1].float() - crop[0, 0, 0].float()) / 255 for crop in crops])
    # Of 8 to 100 % of the area and sides 3:4 to 4:3, on a picture twice as wide as high.
    assert 0.1 < widths.min() < 0.3
    assert 0.5 < widths.max() <= 0.7
    assert all(torch.equal(crop[0], crop[1]) for crop in crops)
    coloured = training_transform(32, Decoding())(Image.new("RGB", (40, 40), (200, 80, 30)))
    assert coloured[:, 0, 0].tolist() != [200, 80, 30]


@pytest.mark.parametrize("packed", [False, True])
def test_a_corrupt_image_is_named_in_one_line(tmp_path: Path, make_images: Callable[..., Path], packed: bool) -> None:
    root = make_images(tmp_path / "images", size=24)
    broken = root / "class1" / "3.png"
    broken.write_bytes(broken.read_bytes()[:200])
    if packed:
        with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
            for file in root.rglob("*.png"):
                archive.write(file, file.relative_to(root))
        root, broken = tmp_path / "images.zip", tmp_path / "images.zip" / "class1" / "3.png"
    data = load(root, workers=2)
    place = data.source.files.index("class1/3.png")
    with pytest.raises(InputError) as caught:
        list(pair_loader(data, 4, 0))
    assert str(caught.value).startswith(f"{broken}: cannot be read as an image: ")
    assert "\n" not in str(caught.value)
    if place in data.architecture_part.tolist():
        with pytest.raises(InputError, match=r"3\.png"):
            list(architecture_batches(data, 4))
