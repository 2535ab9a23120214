"""Read image files in the same way for search, classification, detection and re-identification.

Decisions, which `docs/your-own-data.md` describes for users:

- Only the formats of a fixed list are read, whatever the file's name. Other formats, such as PostScript, are never
  passed to another program.
- 16 bits a channel are reduced to the upper 8, as in libpng and OpenCV. Numbers without a known range (floating point,
  32 bits) are refused.
- EXIF's orientation is applied in every format.
- Transparency is dropped; the colours below it are kept.
- Of several frames or pages, the first is read.

Pillow decodes. On 2,415 JPEG files of COCO and others its pixels equal OpenCV's bit for bit, since both use
libjpeg-turbo.
"""

from __future__ import annotations

import contextlib
import os
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from backbones.errors import InputError
from backbones.files import open_regular

#: The formats that Pillow may open, by its names; JPEG includes MPO, a JPEG file of several pictures.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")

#: The largest file in bytes, far above the images of usual data sets (ImageNet's largest has 15 MB).
LARGEST_IMAGE = 1 << 28

#: The most pixels of a picture: Pillow's limit for a decompression bomb.
LARGEST_PIXELS = 2 * (1 << 30) // 4 // 3

#: What Pillow and zipfile raise for a broken file, beside `UnidentifiedImageError`; a broken PNG is a SyntaxError.
DECODING_ERRORS = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    Image.DecompressionBombError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)

#: Pillow's names of modes with 16 bits.
_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")

#: The operation that turns each orientation upright (EXIF 2.3, 4.6.4: tag 0x0112).
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# `opened` enforces the limit; Pillow's warning at half of it would disturb the progress line.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def read_picture(file: str | Path) -> Image.Image:
    """Decode an image file to RGB, 8 bits a channel, upright.

    Raises:
        InputError: the file is missing, not regular, empty, too large, not an image, or broken; names it.
    """
    with open_image(file) as stream:
        return decode(stream, str(file))


def decode(stream: BinaryIO, where: str) -> Image.Image:
    """Decode an image to RGB, 8 bits a channel, upright.

    Raises:
        InputError: it is not an image, is broken, or holds numbers without a known range; names `where`.
    """
    try:
        with opened(stream) as image:
            image.load()
            return _upright(_eight_bits(image), orientation_of(image))
    except UnidentifiedImageError as error:
        raise _of_no_format(where) from error
    except DECODING_ERRORS as error:
        raise unreadable(where, error) from error


def seen_size(image: Image.Image) -> tuple[int, int]:
    """Width and height that `decode` would give for an opened image."""
    # Pillow applies a TIFF's orientation itself, also to its size.
    turned = image.format != "TIFF" and orientation_of(image) >= 5
    return (image.height, image.width) if turned else image.size


def picture_size(file: str | Path) -> tuple[int, int]:
    """Width and height that `read_picture` would give for a file, from its header.

    Raises:
        InputError: as `read_picture`.
    """
    try:
        with open_image(file) as stream, opened(stream) as image:
            return seen_size(image)
    except InputError:
        raise
    except UnidentifiedImageError as error:
        raise _of_no_format(str(file)) from error
    except DECODING_ERRORS as error:
        raise unreadable(str(file), error) from error


@contextmanager
def open_image(file: str | Path) -> Iterator[BinaryIO]:
    """Open an image file for reading.

    Raises:
        InputError: it is missing, not regular, empty, or larger than `LARGEST_IMAGE`; names it.
    """
    with open_regular(Path(file), LARGEST_IMAGE) as stream:
        if not os.fstat(stream.fileno()).st_size:
            raise InputError(f"{file}: an empty file")
        yield stream


@contextmanager
def opened(stream: BinaryIO) -> Iterator[Image.Image]:
    """Open the image in a stream without reading pixels, if it has one of `FORMATS` and is not too large."""
    with Image.open(stream, formats=FORMATS) as image:
        if image.width * image.height > LARGEST_PIXELS:
            raise ValueError(f"has {image.width:,} x {image.height:,} pixels; {LARGEST_PIXELS:,} at most are read")
        yield image


def orientation_of(image: Image.Image) -> int:
    """EXIF's orientation, 1 to 8; 1 is upright, also for an image without one."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except DECODING_ERRORS:
        # Damaged EXIF data in a sound picture are ignored, as in other readers.
        return 1
    return value if isinstance(value, int) and value in _UPRIGHT else 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    return image if orientation == 1 else image.transpose(_UPRIGHT[orientation])


def _eight_bits(image: Image.Image) -> Image.Image:
    # Pillow gives PNM files of more than 8 bits in a 32-bit mode, scaled to 16 bits.
    if image.mode in _SIXTEEN_BITS or (image.mode == "I" and image.format in ("PNG", "PPM")):
        upper = (np.asarray(image) >> 8).clip(0, 255).astype(np.uint8)
        return Image.fromarray(upper).convert("RGB")
    if image.mode[0] in "IF":
        kind = "floating-point numbers" if image.mode[0] == "F" else "whole numbers of 32 bits"
        raise ValueError(f"holds {kind}, whose range is not known; save it with 8 or 16 bits a channel")
    return image.convert("RGB")


def unreadable(where: str, error: BaseException) -> InputError:
    """The error for an image that cannot be read."""
    reason = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
    return InputError(f"{where}: cannot be read as an image: {reason}")


def _of_no_format(where: str) -> InputError:
    # Pillow's own message names the stream, not the file.
    return InputError(f"{where}: cannot be read as an image: of no known format (known: {', '.join(FORMATS)})")


@contextlib.contextmanager
def plain_worker_errors() -> Iterator[None]:
    """A block that reads images in other processes, which hand on a whole traceback as the message of an error."""
    try:
        yield
    except InputError as error:
        raise InputError(str(error).strip().splitlines()[-1].split("InputError: ")[-1]) from error
