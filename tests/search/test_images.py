from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from backbones.errors import InputError
from search.images import cutout, list_image_folder, normalise, random_crop, random_flip, read_images


def distinct(n: int, size: int = 6) -> torch.Tensor:
    """Images in which every pixel has a value of its own, and none is 0."""
    return torch.arange(1, n * 3 * size * size + 1).view(n, 3, size, size)


@pytest.mark.parametrize("padding", [1, 2])
def test_random_crop_cuts_a_window_of_the_padded_image(padding: int) -> None:
    torch.manual_seed(0)
    images = distinct(200)
    out = random_crop(images, padding)
    places = set()
    for image, cropped in zip(images, out, strict=True):
        padded = np.pad(image.numpy(), ((0, 0), (padding, padding), (padding, padding)))
        found = [
            (row, column)
            for row, column in itertools.product(range(2 * padding + 1), repeat=2)
            if (padded[:, row : row + 6, column : column + 6] == cropped.numpy()).all()
        ]
        assert len(found) == 1
        places.update(found)
    assert len(places) == (2 * padding + 1) ** 2


def test_random_crop_keeps_the_type() -> None:
    assert random_crop(torch.zeros(2, 3, 4, 5, dtype=torch.uint8), 2).dtype == torch.uint8


def test_random_flip_mirrors_about_half() -> None:
    torch.manual_seed(0)
    images = distinct(200)
    out = random_flip(images)
    mirrored = 0
    for image, flipped in zip(images.numpy(), out.numpy(), strict=True):
        same = (image == flipped).all()
        assert same or (image[:, :, ::-1] == flipped).all()
        mirrored += not same
    # 200 draws of probability 1/2: standard deviation 7.
    assert 65 < mirrored < 135


@pytest.mark.parametrize("length", [1, 2, 4])
def test_cutout_blanks_a_square_around_a_pixel(length: int) -> None:
    torch.manual_seed(0)
    images = distinct(150).float()
    out = cutout(images, length)
    centres = set()
    for image, cut in zip(images.numpy(), out.numpy(), strict=True):
        found = []
        for row, column in itertools.product(range(6), repeat=2):
            # DeVries and Taylor's code: from centre - length // 2 to centre + length // 2, cut off at the border.
            expected = image.copy()
            top, left = row - length // 2, column - length // 2
            expected[:, max(top, 0) : max(top + length, 0), max(left, 0) : max(left + length, 0)] = 0
            if (expected == cut).all():
                found.append((row, column))
        assert len(found) == 1
        centres.update(found)
    assert len(centres) > 30


def test_normalise_is_torchvisions() -> None:
    images = torch.randint(0, 256, (2, 3, 4, 5), dtype=torch.uint8)
    mean, std = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
    out = normalise(images, mean, std)
    for channel in range(3):
        expected = (images[:, channel].double() / 255 - mean[channel]) / std[channel]
        torch.testing.assert_close(out[:, channel].double(), expected, rtol=1e-5, atol=1e-5)


def test_reads_what_lies_there(tmp_path: Path, make_images: Callable[..., Path]) -> None:
    folder = list_image_folder(make_images(tmp_path / "images", classes=3, each=4))
    assert folder.classes == ("class0", "class1", "class2")
    assert folder.labels == (0,) * 4 + (1,) * 4 + (2,) * 4
    assert folder.counts() == {"class0": 4, "class1": 4, "class2": 4}
    images = read_images(folder.files, 8)
    assert images.dtype == torch.uint8
    for file, image in zip(folder.files, images, strict=True):
        assert (np.asarray(Image.open(file)).transpose(2, 0, 1) == image.numpy()).all()


def test_other_sizes_and_modes_are_converted(tmp_path: Path) -> None:
    Image.new("L", (11, 7), 200).save(tmp_path / "grey.png")
    Image.new("RGBA", (8, 8), (1, 2, 3, 4)).save(tmp_path / "alpha.png")
    Image.new("P", (4, 4)).save(tmp_path / "palette.png")
    images = read_images([tmp_path / f"{name}.png" for name in ("grey", "alpha", "palette")], 8)
    assert images.shape == (3, 3, 8, 8)
    assert images[0].unique().tolist() == [200]
    assert images[1, :, 0, 0].tolist() == [1, 2, 3]


@pytest.mark.parametrize("keep", [0, 10, 40, 150])
def test_a_corrupt_image_is_named(tmp_path: Path, make_images: Callable[..., Path], keep: int) -> None:
    root = make_images(tmp_path / "images")
    broken = root / "class1" / "3.png"
    broken.write_bytes(broken.read_bytes()[:keep])
    with pytest.raises(InputError) as caught:
        read_images(list_image_folder(root).files, 8)
    assert str(broken) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_folders_that_hold_no_images_are_named(tmp_path: Path, make_images: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match="no such data folder"):
        list_image_folder(tmp_path / "none")
    with pytest.raises(InputError, match="no class folder"):
        list_image_folder(tmp_path)
    root = make_images(tmp_path / "images")
    (root / "empty").mkdir()
    (root / "empty" / "notes.txt").touch()
    with pytest.raises(InputError, match="empty: class without an image"):
        list_image_folder(root)


def test_other_files_are_no_images(tmp_path: Path, make_images: Callable[..., Path]) -> None:
    root = make_images(tmp_path / "images")
    before = list_image_folder(root)
    (root / "readme.md").touch()
    (root / "class0" / ".DS_Store").touch()
    assert list_image_folder(root) == before
