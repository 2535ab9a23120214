from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from backbones.errors import InputError
from search.images import list_image_folder, normalise, read_images


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
