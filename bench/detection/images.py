"""The image files of a data set, looked at before anything trains on them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import ExifTags, Image

from backbones.errors import InputError

#: What a whole file ends in. Elsewhere than at the end (a thumbnail, bytes behind it) it says nothing.
_ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xae\x42\x60\x82"}

#: Bytes at the end that are looked at, and how many zeros there are no part of an image.
_TAIL, _ZEROS = 4096, 16

#: Files that are opened at once: a network disk answers many as fast as one.
_AT_ONCE = 16

#: What Pillow raises at files that are no image or a damaged one.
UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


def check_images(images: Sequence[tuple[Path, tuple[int, int] | None]]) -> None:
    """Open every image, compare its width and height with what is annotated, if it is, and see whether it is whole.

    A JPEG or PNG file that ends as it should counts as whole; all others are decoded. So a file that was cut off is
    found, at a fifth of a millisecond an image; damage in the middle of a file is not.

    Raises:
        InputError: names the first few files and what is wrong with them.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        problems = [problem for problem in pool.map(_problem, images) if problem is not None]
    if problems:
        more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise InputError(f"{'; '.join(problems[:3])}{more}")


def _problem(image: tuple[Path, tuple[int, int] | None]) -> str | None:
    file, expected = image
    if not file.is_file():
        return f"{file}: no such image"
    if file.stat().st_size == 0:
        return f"{file}: an empty file"
    try:
        with Image.open(file) as opened:
            size = _seen_size(opened)
            end = _ENDS.get(opened.format or "")
            if end is None or not _ends_in(file, end):
                opened.load()
    except UNREADABLE as error:
        return f"{file}: cannot be read as an image, or is cut off: {error}"
    if expected is not None and size != expected:
        given, found = (f"{width}x{height}" for width, height in (expected, size))
        return f"{file}: is {found} pixels, not {given} as annotated: its boxes would lie elsewhere"
    return None


def _seen_size(image: Image.Image) -> tuple[int, int]:
    """Width and height as OpenCV reads the image, which turns a photograph upright."""
    turned = image.format == "JPEG" and image.getexif().get(ExifTags.Base.Orientation, 1) >= 5
    return (image.height, image.width) if turned else image.size


def _ends_in(file: Path, end: bytes) -> bool:
    """Whether a file ends as it should; zeros behind that are no harm, zeros instead of it are.

    Raises:
        OSError: the file ends in zeros, as a download does that was given up and had its whole length reserved.
    """
    with file.open("rb") as stream:
        stream.seek(-min(_TAIL, file.stat().st_size), 2)
        tail = stream.read()
    written = tail.rstrip(b"\0")
    if written.endswith(end):
        return True
    if len(tail) - len(written) >= _ZEROS:
        raise OSError("the file ends in zeros")
    return False
