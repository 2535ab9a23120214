from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from backbones.errors import InputError
from search.data.folders import list_image_folder
from search.data.images import normalise


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
    assert folder.files[:5] == ("class0/0.png", "class0/1.png", "class0/2.png", "class0/3.png", "class1/0.png")
    assert folder.labels == (0,) * 4 + (1,) * 4 + (2,) * 4
    assert folder.counts() == {"class0": 4, "class1": 4, "class2": 4}
    images = folder.read(8)
    assert images.dtype == torch.uint8
    assert images.is_contiguous()
    for file, image in zip(folder.files, images, strict=True):
        assert (np.asarray(Image.open(folder.root / file)).transpose(2, 0, 1) == image.numpy()).all()


def test_a_selection_has_its_classes_alone(tmp_path: Path, make_images: Callable[..., Path]) -> None:
    folder = list_image_folder(make_images(tmp_path / "images", classes=3, each=4))
    chosen = folder.select([1, 3, 8], [0, 2])
    assert chosen.classes == ("class0", "class2")
    assert chosen.files == ("class0/1.png", "class0/3.png", "class2/0.png")
    assert chosen.labels == (0, 0, 1)
    assert torch.equal(chosen.read(8), folder.read(8)[[1, 3, 8]])


def test_other_sizes_and_modes_are_converted(tmp_path: Path) -> None:
    (tmp_path / "class").mkdir()
    Image.new("L", (11, 7), 200).save(tmp_path / "class" / "a-grey.png")
    Image.new("RGBA", (8, 8), (1, 2, 3, 4)).save(tmp_path / "class" / "b-alpha.png")
    Image.new("P", (4, 4)).save(tmp_path / "class" / "c-palette.png")
    images = list_image_folder(tmp_path).read(8)
    assert images.shape == (3, 3, 8, 8)
    assert images[0].unique().tolist() == [200]
    assert images[1, :, 0, 0].tolist() == [1, 2, 3]


@pytest.mark.parametrize("keep", [0, 10, 40, 150])
def test_a_corrupt_image_is_named(tmp_path: Path, make_images: Callable[..., Path], keep: int) -> None:
    root = make_images(tmp_path / "images")
    broken = root / "class1" / "3.png"
    broken.write_bytes(broken.read_bytes()[:keep])
    with pytest.raises(InputError) as caught:
        list_image_folder(root).read(8)
    assert str(broken) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_image_that_has_gone_is_named(tmp_path: Path, make_images: Callable[..., Path]) -> None:
    folder = list_image_folder(make_images(tmp_path / "images"))
    (folder.root / "class0" / "2.png").unlink()
    with pytest.raises(InputError, match=r"class0/2\.png: cannot be read: No such file"):
        folder.read(8)


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
