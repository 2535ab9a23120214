"""What torchreid's loaders are given, and the transform of test images beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from backbones.errors import InputError
from bench.reid import data_manager
from bench.reid.data_manager import ListedDataset, build_datamanager, check_readable
from bench.reid.listing import Listing
from bench.reid.schema import ReidConfig


def config(**changes: Any) -> ReidConfig:
    given = {"task": "reid", "dataset": "market1501", "data_root": "x", "parts": 1, "height": 16, "width": 8}
    return ReidConfig.model_validate({**given, "batch_size": 4, "workers": 0, **changes})


@pytest.fixture
def listing(tmp_path: Path) -> Listing:
    """Two identities with four images each, the upper half of each white."""
    images = []
    for number in range(8):
        pixels = np.zeros((16, 8, 3), dtype=np.uint8)
        pixels[:8] = 255
        file = tmp_path / f"{number}.png"
        Image.fromarray(pixels).save(file)
        images.append((str(file), number // 4, number % 2))
    return Listing(tmp_path, images, images[::4], images)


def test_the_first_image_that_cannot_be_read_is_named(listing: Listing) -> None:
    files = [file for file, _, _ in listing.train]
    check_readable(files)
    Path(files[5]).write_bytes(b"no image")
    with pytest.raises(InputError, match=rf"^{files[5]}: cannot be read as an image"):
        check_readable(files)
    check_readable(files[:5])


def test_an_item_is_torchreid_s(listing: Listing) -> None:
    dataset = ListedDataset(listing, mode="query", transform=lambda image: image.size, verbose=False)
    assert len(dataset) == 2
    file, identity, camera = listing.query[1]
    assert dataset[1] == {"img": (8, 16), "pid": identity, "camid": camera, "impath": file, "dsetid": 0}


@pytest.mark.parametrize(
    ("loss", "sampler"), [("softmax", "RandomSampler"), ("softmax_triplet", "RandomIdentitySampler")]
)
def test_loaders_are_made_from_the_config(
    loss: str, sampler: str, listing: Listing, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(data_manager, "ImageDataManager", lambda **settings: asked.append(settings))
    changes = {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6], "instances": 2, "test_batch_size": 5}
    build_datamanager(config(loss=loss, **changes), listing)
    assert asked == [
        {
            "sources": "wildnas-market1501",
            "height": 16,
            "width": 8,
            "transforms": ["random_flip"],
            "norm_mean": [0.1, 0.2, 0.3],
            "norm_std": [0.4, 0.5, 0.6],
            "batch_size_train": 4,
            "batch_size_test": 5,
            "workers": 0,
            "num_instances": 2,
            "train_sampler": sampler,
        }
    ]


def test_a_second_listing_takes_the_place_of_the_first(listing: Listing) -> None:
    manager = build_datamanager(config(), listing)
    assert manager.num_train_pids == 2
    assert len(manager.test_loader["wildnas-market1501"]["query"].dataset) == 2
    other = Listing(listing.folder, listing.train[:4], listing.query[:1], listing.gallery)
    manager = build_datamanager(config(), other)
    assert manager.num_train_pids == 1
    assert len(manager.test_loader["wildnas-market1501"]["query"].dataset) == 1


def test_test_images_are_resized_and_normalised(listing: Listing) -> None:
    own = config(height=32, mean=[0.1, 0.2, 0.3], std=[0.4, 0.5, 0.6])
    image = data_manager.test_transform(own)(Image.open(listing.train[0][0]))
    assert image.shape == (3, 32, 8)
    expected = [(1 - mean) / std for mean, std in ((0.1, 0.4), (0.2, 0.5), (0.3, 0.6))]
    assert image[:, 0, 0].tolist() == pytest.approx(expected)
    # As in the loaders, bit for bit.
    manager = build_datamanager(own, listing)
    found = manager.test_loader["wildnas-market1501"]["query"].dataset[0]["img"]
    assert torch.equal(found, image)
