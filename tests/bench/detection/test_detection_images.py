"""Images that are missing, cut off or of another size are named before training starts."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import mmcv
import numpy as np
import pytest
from PIL import Image

from backbones.errors import InputError
from bench.detection.task import DetectionTask
from bench.tasks.architectures import resolve
from bench.tasks.contract import Job, Protocol
from search.data.checking import check_images

SIZE = (60, 40)


def picture(file: Path, **settings: object) -> Path:
    """An image file of noise, which does not compress: cut in half, it ends in the middle of its pixels."""
    noise = np.random.default_rng(0).integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    Image.fromarray(noise).save(file, **settings)
    return file


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tif"])
def test_a_whole_image_passes_and_a_cut_one_is_named(tmp_path: Path, suffix: str) -> None:
    file = picture(tmp_path / f"a{suffix}")
    check_images([(file, SIZE)])
    whole = file.read_bytes()
    for length in (len(whole) // 2, 40):
        file.write_bytes(whole[:length])
        with pytest.raises(InputError, match=re.escape(f"{file}: cannot be read as an image, or is cut off")):
            check_images([(file, SIZE)])


def test_a_jpeg_without_its_last_bytes_is_named_and_one_with_more_passes(tmp_path: Path) -> None:
    file = picture(tmp_path / "a.jpg")
    whole = file.read_bytes()
    file.write_bytes(whole + b"\0" * 100)
    check_images([(file, SIZE)])
    file.write_bytes(whole[:-200])
    with pytest.raises(InputError, match="cut off"):
        check_images([(file, SIZE)])
    # As a download leaves it that has reserved the whole length.
    file.write_bytes(whole[: len(whole) // 2] + b"\0" * (len(whole) - len(whole) // 2))
    with pytest.raises(InputError, match="cut off"):
        check_images([(file, SIZE)])


def test_what_is_no_image_is_named(tmp_path: Path) -> None:
    files = [tmp_path / f"{name}.jpg" for name in ("missing", "empty", "page", "other", "fine")]
    files[1].touch()
    files[2].write_text("<html>404</html>", encoding="utf-8")
    picture(files[3])
    picture(files[4])
    images = [(files[0], SIZE), (files[1], SIZE), (files[2], SIZE), (files[3], SIZE[::-1]), (files[4], None)]
    with pytest.raises(InputError) as caught:
        check_images(images)
    message = str(caught.value)
    assert f"{files[0]}: no such image; {files[1]}: an empty file; {files[2]}: cannot be read" in message
    assert message.endswith("; and 1 more")
    with pytest.raises(InputError, match="is 60x40 pixels, not 40x60 as annotated"):
        check_images(images[3:])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photograph_has_the_size_that_mmdetection_sees(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = picture(tmp_path / "a.jpg", exif=exif)
    height, width = mmcv.imread(str(file)).shape[:2]
    check_images([(file, (width, height))])
    with pytest.raises(InputError, match="its boxes would lie elsewhere"):
        check_images([(file, (height, width))])


def test_a_cut_image_stops_a_run_before_it_trains(
    make_protocol: Callable[..., Protocol], made_coco: Path, tmp_path: Path
) -> None:
    root = Path(shutil.copytree(made_coco, tmp_path / "coco"))
    file = root / "train2017" / "000000000005.jpg"
    file.write_bytes(file.read_bytes()[:-300])
    protocol = make_protocol(root)
    with pytest.raises(InputError, match=r"train2017/000000000005\.jpg: cannot be read"):
        DetectionTask().check(protocol)
    with pytest.raises(InputError, match=r"train2017/000000000005\.jpg: cannot be read"):
        DetectionTask().run(Job(protocol, resolve("PDARTS"), 0, tmp_path / "job"))
    assert not (tmp_path / "job").exists()


@pytest.mark.parametrize("workers", [0, 2])
def test_an_image_damaged_in_its_middle_is_one_line(
    make_protocol: Callable[..., Protocol], made_coco: Path, tmp_path: Path, workers: int
) -> None:
    """A JPEG file that ends well is not decoded before the training; the workers' errors come with a traceback."""
    root = tmp_path / "coco"
    shutil.copytree(made_coco, root)
    file = root / "train2017" / f"{4:012d}.jpg"
    content = bytearray(file.read_bytes())
    table = content.index(b"\xff\xc4")
    content[table + 5 : table + 21] = b"\xff" * 16
    file.write_bytes(content)
    protocol = make_protocol(root, f"train_dataloader.num_workers={workers}")
    with pytest.raises(InputError) as caught:
        DetectionTask().run(Job(protocol, resolve("PDARTS"), 0, tmp_path / "work"))
    assert len(str(caught.value).splitlines()) == 1
    assert str(caught.value).startswith(f"{file}: cannot be read as an image")
