"""The one reader: what it decides, against pixels that are known beforehand."""

from __future__ import annotations

import os
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from backbones.errors import InputError
from search.data import reader
from search.data.reader import picture_size, read_picture

#: Four rows of six: no turn of it is like another.
PICTURE = (np.arange(72).reshape(4, 6, 3) * 3).astype(np.uint8)
GREY = PICTURE[..., 0]

#: A picture as stored, to what is seen, by EXIF's orientation (EXIF 2.3, 4.6.4: where row 0 and column 0 are).
TURNS: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a[::-1].swapaxes(0, 1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: a[:, ::-1].swapaxes(0, 1),
}


def pixels(file: Path) -> NDArray[np.uint8]:
    return np.asarray(read_picture(file))


def save(file: Path, image: Image.Image, **settings: object) -> Path:
    image.save(file, **settings)
    return file


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG", "MPO"])
def test_every_format_is_turned_upright(tmp_path: Path, kind: str, orientation: int) -> None:
    image = Image.fromarray(PICTURE)
    settings = {"MPO": {"save_all": True, "append_images": [image]}, "WEBP": {"lossless": True}}.get(kind, {})
    file = save(tmp_path / "a", image, format=kind, exif=exif(orientation), **settings)
    plain = save(tmp_path / "b", image, format=kind, **settings)
    stored = np.asarray(Image.open(plain).convert("RGB"))
    if kind in ("PNG", "TIFF", "WEBP"):
        assert np.array_equal(stored, PICTURE)
    with Image.open(file) as opened:
        assert opened.format == kind
    assert np.array_equal(pixels(file), TURNS[orientation](stored))
    assert picture_size(file) == pixels(file).shape[1::-1]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_become_eight_by_their_upper_byte(tmp_path: Path, suffix: str) -> None:
    deep = GREY.astype(np.uint16) * 256 + 255
    file = save(tmp_path / f"a{suffix}", Image.fromarray(deep))
    assert np.array_equal(pixels(file), np.stack([GREY] * 3, axis=-1))


@pytest.mark.parametrize("maximum", [255, 65535])
def test_netpbm_of_either_depth(tmp_path: Path, maximum: int) -> None:
    values = GREY.astype(np.uint16) * (maximum // 255)
    file = tmp_path / "a.ppm"
    file.write_bytes(f"P5 6 4 {maximum}\n".encode() + values.astype(">u2" if maximum > 255 else np.uint8).tobytes())
    assert np.array_equal(pixels(file), np.stack([GREY] * 3, axis=-1))


def test_sixteen_bit_colours(tmp_path: Path) -> None:
    """Pillow writes none, so the file is put together here (PNG specification, 11.2)."""
    rows = b"".join(b"\0" + row.tobytes() for row in PICTURE.astype(">u2") * 257)

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", 6, 4, 16, 2, 0, 0, 0)
    file = tmp_path / "a.png"
    file.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )
    assert np.array_equal(pixels(file), PICTURE)


def test_transparency_is_dropped_and_palettes_are_looked_up(tmp_path: Path) -> None:
    alpha = np.dstack([PICTURE, np.zeros((4, 6), np.uint8)])
    assert np.array_equal(pixels(save(tmp_path / "a.png", Image.fromarray(alpha))), PICTURE)
    grey = Image.merge("LA", [Image.fromarray(GREY), Image.new("L", (6, 4), 7)])
    assert np.array_equal(pixels(save(tmp_path / "b.png", grey)), np.stack([GREY] * 3, axis=-1))
    palette = Image.fromarray((np.arange(24).reshape(4, 6)).astype(np.uint8), mode="P")
    palette.putpalette(PICTURE.reshape(-1).tolist())
    assert np.array_equal(pixels(save(tmp_path / "c.png", palette, transparency=3)), PICTURE)


def test_cmyk_is_what_its_inks_leave_of_white(tmp_path: Path) -> None:
    inks = np.zeros((8, 8, 4), np.uint8)
    inks[..., 0], inks[..., 3] = 255, 51
    seen = pixels(save(tmp_path / "a.jpg", Image.fromarray(inks, mode="CMYK"), quality=100)).astype(int)
    # No red is left; of the others black takes a fifth.
    assert np.abs(seen - [0, 204, 204]).max() <= 2


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (Image.fromarray(np.zeros((4, 6), np.float32)), "floating-point numbers, whose range is not known"),
        (Image.fromarray(np.zeros((4, 6), np.int32)), "whole numbers of 32 bits"),
    ],
)
def test_numbers_without_a_known_range_are_refused(tmp_path: Path, image: Image.Image, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_picture(save(tmp_path / "a.tif", image))


def test_a_postscript_file_starts_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "gs"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    file = tmp_path / "a.png"
    file.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 6 4\nshowpage\n", encoding="ascii")
    with pytest.raises(InputError, match="of no known format"):
        read_picture(file)
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("kind", ["ICO", "PCX", "TGA", "SGI", "PDF"])
def test_other_formats_are_of_no_known_one(tmp_path: Path, kind: str) -> None:
    with pytest.raises(InputError, match=r"a\.png: cannot be read as an image: of no known format \(known: BMP"):
        read_picture(save(tmp_path / "a.png", Image.fromarray(PICTURE), format=kind))


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "empty.png").touch()
    (tmp_path / "link.png").symlink_to("/dev/zero")
    for name, words in (
        ("pipe", "is a pipe, a socket or a device; expected a regular file"),
        ("empty", "an empty file"),
        ("link", "is a pipe, a socket or a device; expected a regular file"),
        ("no", "cannot be read: No such file"),
    ):
        with pytest.raises(InputError, match=rf"{name}\.png: {words}"):
            read_picture(tmp_path / f"{name}.png")
    file = save(tmp_path / "a.png", Image.fromarray(PICTURE))
    monkeypatch.setattr(reader, "LARGEST_IMAGE", 10)
    with pytest.raises(InputError, match="expected 10 at most"):
        read_picture(file)


def test_a_picture_that_is_too_large_is_refused_by_its_head(tmp_path: Path) -> None:
    file = tmp_path / "a.bmp"
    save(file, Image.fromarray(PICTURE))
    content = bytearray(file.read_bytes())
    content[18:26] = struct.pack("<ii", 20_000, 20_000)
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.bmp: cannot be read as an image: "):
        read_picture(file)


def test_damaged_exif_data_beside_a_sound_picture_count_as_none(tmp_path: Path) -> None:
    file = save(tmp_path / "a.png", Image.fromarray(PICTURE), exif=b"Exif\0\0nonsense")
    assert np.array_equal(pixels(file), PICTURE)


def test_nothing_else_in_the_product_opens_an_image() -> None:
    root = Path(__file__).resolve().parents[3]
    pattern = re.compile(r"Image\.open\(|\bimread\(|\bimdecode\(|imfrombytes\(|read_image\(")
    found = [
        f"{file.relative_to(root)}: {line.strip()}"
        for package in ("backbones", "search", "bench")
        for file in (root / package).rglob("*.py")
        for line in file.read_text(encoding="utf-8").splitlines()
        if pattern.search(line)
    ]
    assert found == ["search/data/reader.py: with Image.open(stream, formats=FORMATS) as image:"]
