"""The one reader of image files: search, classification, detection and re-identification see a picture alike.

Its decisions (`docs/your-own-data.md` tells users of them):

- The formats are a closed list. What a file is called does not matter, and nothing else, such as PostScript, is given
  to another program.
- 16 bits a channel become 8 by their upper byte, as libpng's and OpenCV's do. Numbers without a known range (floating
  point, 32 bits) are refused.
- EXIF's orientation is applied, whatever the format.
- Transparency is dropped, and the colours below it are kept, as both readers before this one did.
- Of several frames or pages, the first one counts.

Pillow decodes. On 2,415 JPEG files of COCO and others its pixels are those of OpenCV bit for bit, since both have
libjpeg-turbo: for ordinary pictures nothing has changed where OpenCV read before.
"""

from __future__ import annotations

import os
import stat
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

#: What Pillow may open, by its names; MPO, a JPEG file of several pictures, is among JPEG's.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")

#: Bytes of a file: no image of the usual data sets is near it (ImageNet's largest has 15 MB).
LARGEST_IMAGE = 1 << 28

#: Pixels of a picture, as Pillow's limit for what it calls a decompression bomb.
LARGEST_PIXELS = 2 * (1 << 30) // 4 // 3

#: What Pillow and zipfile raise at a broken file, beside `UnidentifiedImageError`; a broken PNG is a SyntaxError.
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

#: Values of 16 bits, by Pillow's names of them.
_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")

#: How a picture of each orientation is turned upright (EXIF 2.3, 4.6.4: tag 0x0112).
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# `confirm_size` decides; Pillow's warning at half of its limit would only stand among the progress.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def read_picture(file: str | Path) -> Image.Image:
    """Decode an image file to RGB, 8 bits a channel, upright.

    Raises:
        InputError: it is missing, no regular file, empty, too large, no image or a broken one; names the file.
    """
    try:
        with open_regular(file) as stream:
            return decode(stream, str(file))
    except OSError as error:
        raise unreadable(str(file), error) from error


def decode(stream: BinaryIO, where: str) -> Image.Image:
    """Decode an image to RGB, 8 bits a channel, upright.

    Raises:
        InputError: it is no image, a broken one, or one of numbers without a known range; names `where`.
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
    """Width and height of an opened image as `decode` gives it."""
    # Pillow turns TIFF itself, and tells of its size accordingly.
    turned = image.format != "TIFF" and orientation_of(image) >= 5
    return (image.height, image.width) if turned else image.size


def picture_size(file: str | Path) -> tuple[int, int]:
    """Width and height of an image file as `read_picture` gives it, from its head alone where that tells.

    Raises:
        InputError: as `read_picture`.
    """
    try:
        with open_regular(file) as stream, opened(stream) as image:
            return seen_size(image)
    except UnidentifiedImageError as error:
        raise _of_no_format(str(file)) from error
    except DECODING_ERRORS as error:
        raise unreadable(str(file), error) from error


@contextmanager
def open_regular(file: str | Path) -> Iterator[BinaryIO]:
    """Open an image file for reading.

    Raises:
        OSError: it is missing or no regular file (a pipe would be waited for), empty, or larger than `LARGEST_IMAGE`.
    """
    about = os.stat(file)
    if not stat.S_ISREG(about.st_mode):
        raise OSError("not a regular file")
    if not about.st_size:
        raise OSError("an empty file")
    if about.st_size > LARGEST_IMAGE:
        raise OSError(f"has {about.st_size:,} bytes; {LARGEST_IMAGE:,} at most are read")
    with Path(file).open("rb") as stream:
        yield stream


@contextmanager
def opened(stream: BinaryIO) -> Iterator[Image.Image]:
    """The image in a stream, of one of `FORMATS` and not too large; its pixels are not read yet."""
    with Image.open(stream, formats=FORMATS) as image:
        if image.width * image.height > LARGEST_PIXELS:
            raise ValueError(f"has {image.width:,} x {image.height:,} pixels; {LARGEST_PIXELS:,} at most are read")
        yield image


def orientation_of(image: Image.Image) -> int:
    """EXIF's orientation, 1 to 8; 1 is upright, and what stands for none."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except DECODING_ERRORS:
        # Damaged EXIF data beside a sound picture: as everywhere, it counts as none.
        return 1
    return value if isinstance(value, int) and value in _UPRIGHT else 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    return image if orientation == 1 else image.transpose(_UPRIGHT[orientation])


def _eight_bits(image: Image.Image) -> Image.Image:
    # Pillow has PNM files of more than 8 bits in a mode of 32, scaled to 16.
    if image.mode in _SIXTEEN_BITS or (image.mode == "I" and image.format in ("PNG", "PPM")):
        upper = (np.asarray(image) >> 8).clip(0, 255).astype(np.uint8)
        return Image.fromarray(upper).convert("RGB")
    if image.mode[0] in "IF":
        kind = "floating-point numbers" if image.mode[0] == "F" else "whole numbers of 32 bits"
        raise ValueError(f"holds {kind}, whose range is not known; save it with 8 or 16 bits a channel")
    return image.convert("RGB")


def unreadable(where: str, error: BaseException) -> InputError:
    """The one line that names an image which could not be read."""
    reason = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
    return InputError(f"{where}: cannot be read as an image: {reason}")


def _of_no_format(where: str) -> InputError:
    # Pillow's own message names the stream, which tells a reader nothing.
    return InputError(f"{where}: cannot be read as an image: of no known format (known: {', '.join(FORMATS)})")
